#!/bin/bash
# Health check of the service containers: ready.sh PORT succeeds if the service is ready. A shell script, because starting Node every few
# seconds would cost more than an idle service.
exec 3<>"/dev/tcp/127.0.0.1/$1" || exit 1
printf 'GET /health/ready HTTP/1.0\r\n\r\n' >&3
read -r status <&3
[[ $status == *' 200 '* ]]
