#!/bin/sh
# Runs the broker in its container, and has it read its accounts again when the files that hold them have changed
# (docker compose run --rm secrets fleet add NAME). A SIGHUP keeps every client connected whose account is still there.
mosquitto -c /mosquitto/config/mosquitto.conf &
broker=$!
trap 'kill -TERM $broker' TERM INT

accounts() { cksum /mosquitto/secrets/passwords /mosquitto/secrets/acl; }

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
