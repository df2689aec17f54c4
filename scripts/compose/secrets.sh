#!/bin/sh
# Makes the secrets of the containers. Runs once before every `docker compose up`, in the broker's image, as root and
# without a network; what exists stays. /secrets/own keeps the passwords and is mounted nowhere else. From it every
# service gets what it needs, in a form that it can use, into a volume that only it mounts and only its user can read.
#
# With arguments it manages the accounts of fleets, which a running broker takes within seconds:
#   docker compose run --rm secrets fleet list
#   docker compose run --rm secrets fleet add plant
#   docker compose run --rm secrets fleet add-reader plant
#   docker compose run --rm secrets fleet remove plant
# and gives an account another password: docker compose run --rm secrets renew rules
set -eu
umask 077

MOSQUITTO=1883 REDIS=999 NODE=1000 EXPORTER=59000 GRAFANA=472

# password NAME: 192 random bits, safe in a URL; made on first use
password() {
  file=/secrets/own/$1
  if [ ! -s "$file" ]; then
    head -c 24 /dev/urandom | base64 | tr '+/' '-_' >/secrets/own/new
    mv /secrets/own/new "$file"
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

# The accounts of fleets, and of those who only read one: NAME and NAME.reader
fleets() {
  for file in /secrets/own/mqtt-*; do
    account=${file#/secrets/own/mqtt-}
    case $account in rules | health | '*') ;; *) echo "$account" ;; esac
  done
}

# The broker's accounts: the rules service, the broker's own health check, and the fleets.
give_accounts() {
  hashes=/secrets/own/passwords
  rm -f "$hashes"
  touch "$hashes"
  # The broker warns of an access list that is not its own.
  cat /acl >/secrets/own/acl
  for account in rules health $(fleets); do
    mosquitto_passwd -b "$hashes" "$account" "$(password "mqtt-$account")"
    case $account in *.reader) reader_acl "$account" "${account%.reader}" >>/secrets/own/acl ;; esac
  done
  give mosquitto $MOSQUITTO passwords <"$hashes"
  give mosquitto $MOSQUITTO acl </secrets/own/acl
  rm "$hashes" /secrets/own/acl
}

# reader_acl ACCOUNT FLEET: it sees the fleet, and has no tree of its own, unlike the account of a fleet
reader_acl() {
  printf '\nuser %s\ntopic deny %s/#\ntopic deny /%s/#\n' "$1" "$1" "$1"
  for kind in telemetry state presence; do echo "topic read $2/$kind/#"; done
}

refuse() {
  echo "$1" >&2
  exit 1
}

# check NAME: no fleet can be called anything else
check() {
  printf %s "$1" | grep -Eqx '[A-Za-z0-9][A-Za-z0-9_.-]{0,63}' ||
    refuse "\"$1\" cannot be the name of a fleet: it must be 1 to 64 letters, digits, \"_\", \".\" or \"-\", and begin with a letter or digit"
  case $1 in rules | health | lamplighter-canary | *.reader) refuse "\"$1\" is reserved; choose another name for the fleet" ;; esac
}

# show ACCOUNT: what a client needs
show() {
  printf 'host      127.0.0.1\nport      the one that is published, by default 1883\nuser      %s\npassword  %s\n' "$1" "$(password "mqtt-$1")"
}

manage() {
  name=${2:-}
  case $1 in
    list) fleets ;;
    add)
      check "$name"
      show "$name"
      printf 'publish   %s/telemetry/<device>\nsubscribe %s/commands/<device>\n' "$name" "$name"
      ;;
    add-reader)
      check "$name"
      [ -s "/secrets/own/mqtt-$name" ] || refuse "there is no fleet \"$name\" yet; fleet add $name makes it"
      show "$name.reader"
      printf 'subscribe %s/telemetry/#, %s/state/#, %s/presence/#\n' "$name" "$name" "$name"
      ;;
    remove)
      check "$name"
      [ "$name" != demo ] || refuse "demo is the fleet of the simulator, which needs its account"
      [ -s "/secrets/own/mqtt-$name" ] || refuse "there is no fleet \"$name\"; fleet list shows those that there are"
      rm -f "/secrets/own/mqtt-$name" "/secrets/own/mqtt-$name.reader"
      echo "The accounts of $name are removed. Its devices, readings, rules and commands are kept; DELETE /v1/fleets/$name deletes them."
      ;;
    *) refuse "usage: docker compose run --rm secrets fleet list | add NAME | add-reader NAME | remove NAME" ;;
  esac
  give_accounts
}

if [ "${1:-}" = fleet ]; then
  manage "${2:-}" "${3:-}"
  exit
fi
case ${1:-} in
  '') ;;
  renew)
    [ -s "/secrets/own/mqtt-${2:-}" ] || refuse "there is no account \"${2:-}\""
    rm "/secrets/own/mqtt-$2"
    password "mqtt-$2" >/dev/null
    ;;
  *) refuse "secrets.sh knows fleet and renew, not \"$1\"" ;;
esac

for fleet in $FLEETS; do password "mqtt-$fleet" >/dev/null; done
give_accounts
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
