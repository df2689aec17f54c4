-- Leases due members of due indexes: no other call returns them until the lease ends.
--
-- KEYS  any number of ZSETs, one per shard: member → when it is due (ms)
-- ARGV  1 most members to take   2 lease (ms)
-- Returns  {now (ms), member…}
-- Clock    Redis TIME
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local now_text = string.format('%.0f', now)
local ends_at = string.format('%.0f', now + tonumber(ARGV[2]))
local limit = tonumber(ARGV[1])
local taken = { now_text }
-- Each call starts at another shard, so a busy shard cannot starve the ones after it.
local first = now % #KEYS
for i = 0, #KEYS - 1 do
  local room = limit + 1 - #taken
  if room <= 0 then break end
  local shard = (first + i) % #KEYS + 1
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', KEYS[shard], '-inf', now_text, 'LIMIT', 0, room)) do
    redis.call('ZADD', KEYS[shard], ends_at, member)
    taken[#taken + 1] = member
  end
end
return taken
