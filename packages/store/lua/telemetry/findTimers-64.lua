-- Finds whose rules are to be judged without a reading, and keeps others from finding them until a lease is over.
--
-- KEYS  1..64 timers ZSETs, shard by shard
-- ARGV  1 most per shard   2 lease (ms)
-- Returns  members, `device/<fleet>/<device>` or `group/<fleet>/<rule>`
-- Clock    Redis TIME
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local found = {}
for i = 1, #KEYS do
  local due = redis.call('ZRANGEBYSCORE', KEYS[i], '-inf', string.format('%.0f', now), 'LIMIT', 0, ARGV[1])
  for _, member in ipairs(due) do
    redis.call('ZADD', KEYS[i], string.format('%.0f', now + ARGV[2]), member)
    found[#found + 1] = member
  end
end
return found
