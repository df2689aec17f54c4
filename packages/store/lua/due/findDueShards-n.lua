-- Finds the due indexes that have something due. It takes nothing: commands are claimed with their keys declared (see claimCommands-n.lua).
--
-- KEYS  any number of ZSETs, one per shard: member → when it is due (ms)
-- ARGV  none
-- Returns  {now (ms), positions of the ZSETs with a due member…}
-- Clock    Redis TIME
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
local reply = { now }
for i = 1, #KEYS do
  if redis.call('ZCOUNT', KEYS[i], '-inf', now) > 0 then reply[#reply + 1] = i end
end
return reply
