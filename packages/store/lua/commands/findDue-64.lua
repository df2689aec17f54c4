-- Finds the shards in which a command needs attention now.
--
-- KEYS  1..64 due ZSETs, shard by shard
-- ARGV  none
-- Returns  {now (ms), positions of those with something due…}
-- Clock    Redis TIME
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
local reply = { now }
for i = 1, #KEYS do
  if redis.call('ZCOUNT', KEYS[i], '-inf', now) > 0 then reply[#reply + 1] = i end
end
return reply
