-- Leases a rollout to one replica. Each lease has a higher token than the previous one; writes with a lower token are rejected (see
-- fenceRollout-1.lua).
--
-- KEYS  1 schedule ZSET   2 record HASH
-- ARGV  1 id   2 lease (ms)
-- Returns  the record's fields and values, the new token among them; or nothing if another replica holds it
-- Clock    Redis TIME
return function(keys, args)
  local now = now_ms()
  local due = redis.call('ZSCORE', keys[1], args[1])
  if not due or tonumber(due) > now then return {} end
  redis.call('HINCRBY', keys[2], 'token', 1)
  redis.call('ZADD', keys[1], int(now + tonumber(args[2])), args[1])
  return redis.call('HGETALL', keys[2])
end
