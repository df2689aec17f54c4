#!/bin/sh
# Creates the secrets of the containers. Runs once before every `docker compose up`, in the broker's image, as root and without a network, and
# keeps existing passwords. Only this service mounts /secrets/own, which holds the passwords. Each other service gets the secrets it needs in
# its own volume, readable only by its user.
#
# With arguments it manages the accounts of fleets, which a running broker reloads within seconds:
#   docker compose run --rm secrets fleet list
#   docker compose run --rm secrets fleet add plant
#   docker compose run --rm secrets fleet add-reader plant
#   docker compose run --rm secrets fleet remove plant
# and replaces the passwords of the services, or of one account:
#   docker compose run --rm secrets rotate
#   docker compose run --rm secrets renew rules
set -eu
umask 077

MOSQUITTO=1883 REDIS=999 NODE=1000 EXPORTER=59000 GRAFANA=472 PROMETHEUS=65534

# password NAME: prints the password, which is created on first use: 192 random bits, safe in a URL
password() {
  file=/secrets/own/$1
  if [ ! -s "$file" ]; then
    head -c 24 /dev/urandom | base64 | tr '+/' '-_' >/secrets/own/new
    mv /secrets/own/new "$file"
  fi
  cat "$file"
}

# give SERVICE UID FILE: writes stdin to a file of the service, atomically
give() {
  cat >"/secrets/$1/$3.new"
  chmod 0400 "/secrets/$1/$3.new"
  chown "$2:$2" "/secrets/$1/$3.new"
  mv "/secrets/$1/$3.new" "/secrets/$1/$3"
  chmod 0500 "/secrets/$1"
  chown "$2:$2" "/secrets/$1"
}

# The accounts of fleets and of their readers: NAME and NAME.reader
fleets() {
  for file in /secrets/own/mqtt-*; do
    account=${file#/secrets/own/mqtt-}
    case $account in rules | health | '*') ;; *) echo "$account" ;; esac
  done
}

# The accounts of the broker: the services' listener has those of the rules service and of the health check, the device listener those of the
# fleets. Both share the access list.
give_accounts() {
  # A copy, because the broker warns about an access list that another user owns.
  cat /acl >/secrets/own/acl
  for account in $(fleets); do
    case $account in *.reader) reader_acl "$account" "${account%.reader}" >>/secrets/own/acl ;; esac
  done
  give_hashes passwords $(fleets)
  give_hashes service-passwords rules health
  give mosquitto $MOSQUITTO acl </secrets/own/acl
  rm /secrets/own/acl
}

# give_hashes FILE ACCOUNT...: the password file of a listener
give_hashes() {
  hashes=/secrets/own/hashes
  file_of_listener=$1
  shift
  rm -f "$hashes"
  touch "$hashes"
  for account; do echo "$account:$(password "mqtt-$account")" >>"$hashes"; done
  # Replaces the passwords by their hashes. With -b they would be arguments, which other processes can read.
  mosquitto_passwd -U "$hashes"
  give mosquitto $MOSQUITTO "$file_of_listener" <"$hashes"
  rm "$hashes"
}

# reader_acl ACCOUNT FLEET: read access to the fleet; unlike the account of a fleet, a reader has no topics of its own
reader_acl() {
  printf '\nuser %s\ntopic deny %s/#\ntopic deny /%s/#\n' "$1" "$1" "$1"
  for kind in telemetry state presence; do echo "topic read $2/$kind/#"; done
}

# rights ACCOUNT: its commands and keys, on one line
rights() {
  awk -v account="$1" '/^#/ { next } /^user / { own = $2 == account; next } own { $1 = $1; printf " %s", $0 }' /redis-users
}

# redis_user ACCOUNT: the user name; that of a service changes with its password, so that both are valid while it changes
redis_user() {
  case $1 in
    rules | api) echo "$1-$(password "redis-$1" | hash | cut -c 1-8)" ;;
    *) echo "$1" ;;
  esac
}

hash() { tr -d '\n' | sha256sum | cut -d ' ' -f 1; }

# The accounts of Redis, with the rights of redis/users. The password of `admin` is in the file redis. Users that `rotate` replaces are
# valid until the services have moved.
give_redis_accounts() {
  {
    echo "user default off$(rights default)"
    for account in admin rules api exporter health; do
      file=redis-$account
      [ $account != admin ] || file=redis
      echo "user $(redis_user $account) on #$(password "$file" | hash)$(rights $account)"
    done
    [ ! -f /tmp/earlier ] || cat /tmp/earlier
  } | give redis $REDIS users.acl
}

# Longer than a service and Redis need to notice new files.
MOVE_SECONDS=15

# Replaces the passwords of the services. Those of Redis stay valid until the services use the new ones.
rotate() {
  for account in rules api; do
    echo "user $(redis_user $account) on #$(password "redis-$account" | hash)$(rights $account)"
  done >/tmp/earlier
  # Not that of the health check, with which the container reloads the accounts, nor that of the exporter, which reads its file only once.
  for name in redis redis-rules redis-api mqtt-rules mqtt-health metrics-token; do rm -f "/secrets/own/$name"; done
  give_all
  echo "new passwords; the earlier ones are valid for another $MOVE_SECONDS s"
  sleep $MOVE_SECONDS
  rm /tmp/earlier
  give_redis_accounts
  echo 'the earlier passwords are refused'
}

fail() {
  echo "$1" >&2
  exit 1
}

# check NAME: rejects invalid and reserved fleet names
check() {
  printf %s "$1" | grep -Eqx '[A-Za-z0-9][A-Za-z0-9_.-]{0,63}' ||
    fail "invalid fleet name \"$1\": use 1 to 64 letters, digits, \"_\", \".\" or \"-\", starting with a letter or digit"
  case $1 in rules | health | lamplighter-canary | *.reader) fail "fleet name \"$1\" is reserved; choose another" ;; esac
}

# show ACCOUNT: prints what a client needs to connect
show() {
  printf 'host      127.0.0.1\nport      1883, or MQTT_PORT\nuser      %s\npassword  %s\n' "$1" "$(password "mqtt-$1")"
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
      [ -s "/secrets/own/mqtt-$name" ] || fail "unknown fleet \"$name\"; add it first: fleet add $name"
      show "$name.reader"
      printf 'subscribe %s/telemetry/#, %s/state/#, %s/presence/#\n' "$name" "$name" "$name"
      ;;
    remove)
      check "$name"
      [ "$name" != demo ] || fail "cannot remove demo: the simulator uses its account"
      [ -s "/secrets/own/mqtt-$name" ] || fail "unknown fleet \"$name\"; list the fleets: fleet list"
      rm -f "/secrets/own/mqtt-$name" "/secrets/own/mqtt-$name.reader"
      echo "Removed the accounts of $name. Its devices, readings, rules and commands remain; to delete them: DELETE /v1/fleets/$name."
      ;;
    *) fail "usage: docker compose run --rm secrets fleet list | add NAME | add-reader NAME | remove NAME" ;;
  esac
  give_accounts
}

# Gives every service what it needs.
give_all() {
  for fleet in $FLEETS; do password "mqtt-$fleet" >/dev/null; done
  give_accounts
  # The options of mosquitto_sub
  printf -- '-u health\n-P %s\n' "$(password mqtt-health)" | give mosquitto $MOSQUITTO mosquitto_sub

  give_redis_accounts
  password redis | give redis $REDIS password
  password redis-health | give redis $REDIS health
  for service in rules api device-sim; do password metrics-token | give $service $NODE metrics-token; done
  password metrics-token | give prometheus $PROMETHEUS metrics-token

  echo "redis://$(redis_user rules):$(password redis-rules)@redis:6379" | give rules $NODE redis-url
  echo "mqtt://rules:$(password mqtt-rules)@mosquitto:1884" | give rules $NODE mqtt-url
  echo "redis://$(redis_user api):$(password redis-api)@redis:6379" | give api $NODE redis-url
  echo "mqtt://demo:$(password mqtt-demo)@mosquitto:1883" | give device-sim $NODE mqtt-url

  printf '{"redis://exporter@redis:6379": "%s"}\n' "$(password redis-exporter)" | give redis-exporter $EXPORTER passwords.json

  password grafana-admin | give grafana $GRAFANA admin-password
  password grafana-key | give grafana $GRAFANA secret-key
}

# Passwords that someone wrote into the volume
for file in /secrets/own/*; do
  [ -s "$file" ] || continue
  chmod 0600 "$file"
  [ "$(tr -d '\n' <"$file" | wc -c)" -ge 16 ] || fail "$file is shorter than 16 characters; remove it, and the next start will generate a new one"
  ! grep -q : "$file" || fail "$file contains a colon; remove it, and the next start will generate a new one"
done

if [ "${1:-}" = fleet ]; then
  manage "${2:-}" "${3:-}"
  exit
fi
case ${1:-} in
  '') ;;
  rotate)
    rotate
    exit
    ;;
  renew)
    [ -s "/secrets/own/mqtt-${2:-}" ] || fail "unknown account \"${2:-}\""
    rm "/secrets/own/mqtt-$2"
    password "mqtt-$2" >/dev/null
    ;;
  *) fail "unknown command \"$1\"; use fleet, renew or rotate" ;;
esac

give_all

# The api writes the accounts of devices, and the broker reads them.
chown "$NODE:$MOSQUITTO" /secrets/device-accounts
chmod 0750 /secrets/device-accounts

# Redis does not start as root, so it cannot change the owner of a new volume itself.
chown "$REDIS:$REDIS" /redis-data
