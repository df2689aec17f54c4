-- Saves the progress of a rollout, and renews its lease.
--
-- KEYS  1 schedule ZSET   2 record HASH
-- ARGV  1 id   2 token of the lease   3 lease from now on (ms); 0 gives it back   4.. fields and values of the record
-- Returns  1, or 0 if another replica holds the lease, and nothing has changed
-- Clock    Redis TIME
if redis.call('HGET', KEYS[2], 'token') ~= ARGV[2] then return 0 end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if #ARGV > 3 then redis.call('HSET', KEYS[2], unpack(ARGV, 4)) end
redis.call('ZADD', KEYS[1], 'XX', string.format('%.0f', now + tonumber(ARGV[3])), ARGV[1])
return 1
