-- Starts the removal of a fleet, or finds the one that is running.
--
-- KEYS  1 removals-due ZSET   2 removal HASH
-- ARGV  1 fleet
-- Returns  fields and values of the HASH
-- Clock    Redis TIME
if redis.call('HGET', KEYS[2], 'state') ~= 'running' then
  local time = redis.call('TIME')
  local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
  redis.call('DEL', KEYS[2])
  redis.call('HSET', KEYS[2], 'state', 'running', 'startedAt', now, 'shard', '0', 'after', '', 'removed', '0')
  redis.call('ZADD', KEYS[1], now, ARGV[1])
end
return redis.call('HGETALL', KEYS[2])
