-- Lists rollouts without a holder: new ones, and those whose lease has ended.
--
-- KEYS  1 schedule ZSET
-- ARGV  1 most rollouts to list
-- Returns  their ids, longest waiting first
-- Clock    Redis TIME
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
return redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, ARGV[1])
