#!/bin/sh
# Runs the broker in its container, and reloads its accounts when their files change (docker compose run --rm secrets fleet add NAME).
# A SIGHUP disconnects only clients of removed accounts.
mosquitto -c /mosquitto/config/mosquitto.conf &
broker=$!
trap 'kill -TERM $broker' TERM INT

accounts() { (cd /mosquitto/secrets && cksum passwords service-passwords acl); }

known=$(accounts)
while kill -0 $broker 2>/dev/null; do
  sleep 2 &
  wait $!
  now=$(accounts)
  if [ "$now" != "$known" ]; then
    known=$now
    kill -HUP $broker
  fi
done
wait $broker
