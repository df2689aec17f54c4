#!/bin/sh
# Runs the broker in its container, and reloads its accounts when their files change: those of fleets and services
# (docker compose run --rm secrets fleet add NAME), and those of devices, which the api writes.
# A SIGHUP disconnects only clients of removed accounts.
secrets=/mosquitto/secrets devices=/mosquitto/devices/accounts

join() { sh /mosquitto/config/merge.sh $secrets $devices /mosquitto/accounts; }
accounts() { cksum $secrets/passwords $secrets/service-passwords $secrets/acl $devices 2>/dev/null; }

known=$(accounts)
join || exit 1
mosquitto -c /mosquitto/config/mosquitto.conf &
broker=$!
trap 'kill -TERM $broker' TERM INT

while kill -0 $broker 2>/dev/null; do
  sleep 0.5 &
  wait $!
  now=$(accounts)
  # If they cannot be joined, the next round tries again.
  if [ "$now" != "$known" ] && join; then
    known=$now
    kill -HUP $broker
  fi
done
wait $broker
