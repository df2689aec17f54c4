#!/bin/sh
# Runs Redis in its container, and reloads its accounts when their file is replaced (docker compose run --rm secrets rotate).
# ACL LOAD closes only connections of users that the file no longer has (Redis 7.2 or later).
redis-server "$@" &
server=$!
trap 'kill -TERM $server' TERM INT

accounts() { cksum /run/redis-secrets/users.acl; }

known=$(accounts)
while kill -0 $server 2>/dev/null; do
  sleep 2 &
  wait $!
  now=$(accounts)
  [ "$now" != "$known" ] || continue
  reply=$(redis-cli --user health --askpass acl load </run/redis-secrets/health)
  if [ "$reply" = OK ]; then known=$now; else echo "cannot reload the accounts: $reply" >&2; fi
done
wait $server
