-- Starts the removal of a fleet, or finds the one that is running.
--
-- KEYS  1 removals-due ZSET   2 removal HASH
-- ARGV  1 fleet
-- Returns  fields and values of the HASH
-- Clock    Redis TIME
return function(keys, args)
  if redis.call('HGET', keys[2], 'state') ~= 'running' then
    local now = int(now_ms())
    redis.call('DEL', keys[2])
    redis.call('HSET', keys[2], 'state', 'running', 'startedAt', now, 'shard', '0', 'after', '', 'removed', '0')
    redis.call('ZADD', keys[1], now, args[1])
  end
  return redis.call('HGETALL', keys[2])
end
