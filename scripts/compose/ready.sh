#!/bin/bash
# The health check of our services' containers: ready.sh PORT succeeds if the service says that it is ready. In shell,
# because starting Node for it every few seconds would cost more than an idle service does.
exec 3<>"/dev/tcp/127.0.0.1/$1" || exit 1
printf 'GET /health/ready HTTP/1.0\r\n\r\n' >&3
read -r status <&3
[[ $status == *' 200 '* ]]
