-- Leases a rollout to one replica. Each lease has a higher token than the one before; writes with a lower token are refused (see
-- fenceRollout-1.lua).
--
-- KEYS  1 schedule ZSET   2 record HASH
-- ARGV  1 id   2 lease (ms)
-- Returns  the record's fields and values, the new token among them; or nothing if another replica holds it
-- Clock    Redis TIME
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local due = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not due or tonumber(due) > now then return {} end
redis.call('HINCRBY', KEYS[2], 'token', 1)
redis.call('ZADD', KEYS[1], string.format('%.0f', now + tonumber(ARGV[2])), ARGV[1])
return redis.call('HGETALL', KEYS[2])
