#!/bin/sh
# Makes the secrets of the containers. Runs once before every `docker compose up`, in the broker's image, as root and
# without a network; what exists stays. /secrets/own keeps the passwords and is mounted nowhere else. From it every
# service gets what it needs, in a form that it can use, into a volume that only it mounts and only its user can read.
set -eu
umask 077

MOSQUITTO=1883 REDIS=999 NODE=1000 EXPORTER=59000 GRAFANA=472

# password NAME: 192 random bits, safe in a URL; made on first use
password() {
  file=/secrets/own/$1
  if [ ! -s "$file" ]; then
    head -c 24 /dev/urandom | base64 | tr '+/' '-_' >"$file.new"
    mv "$file.new" "$file"
  fi
  cat "$file"
}

# give SERVICE UID FILE: stdin becomes the service's file, whole or not at all
give() {
  cat >"/secrets/$1/$3.new"
  chmod 0400 "/secrets/$1/$3.new"
  chown "$2:$2" "/secrets/$1/$3.new"
  mv "/secrets/$1/$3.new" "/secrets/$1/$3"
  chmod 0500 "/secrets/$1"
  chown "$2:$2" "/secrets/$1"
}

# The broker's accounts: the rules service, each fleet, and the broker's own health check.
hashes=/secrets/own/passwords
rm -f "$hashes"
touch "$hashes"
for account in rules health $FLEETS; do
  mosquitto_passwd -b "$hashes" "$account" "$(password "mqtt-$account")"
done
give mosquitto $MOSQUITTO passwords <"$hashes"
rm "$hashes"
# The broker warns of an access list that is not its own.
give mosquitto $MOSQUITTO acl </acl
# mosquitto_sub reads its options from here
printf -- '-u health\n-P %s\n' "$(password mqtt-health)" | give mosquitto $MOSQUITTO mosquitto_sub

printf 'requirepass %s\n' "$(password redis)" | give redis $REDIS auth.conf
password redis | give redis $REDIS password

redis_url=redis://:$(password redis)@redis:6379
echo "$redis_url" | give rules $NODE redis-url
echo "mqtt://rules:$(password mqtt-rules)@mosquitto:1884" | give rules $NODE mqtt-url
echo "$redis_url" | give api $NODE redis-url
echo "mqtt://demo:$(password mqtt-demo)@mosquitto:1883" | give device-sim $NODE mqtt-url

printf '{"redis://redis:6379": "%s"}\n' "$(password redis)" | give redis-exporter $EXPORTER passwords.json

password grafana-admin | give grafana $GRAFANA admin-password
password grafana-key | give grafana $GRAFANA secret-key

# Redis runs as its own user from the start and cannot take over a fresh volume by itself.
chown "$REDIS:$REDIS" /redis-data
