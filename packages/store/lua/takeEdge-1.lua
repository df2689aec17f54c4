-- Takes devices whose decisions are to be judged, under a lease: until it ends nobody else gets them.
--
-- KEYS  1 edge-due ZSET
-- ARGV  1 at most this many   2 lease (ms)
-- Returns  {now (ms), "<fleet>/<device>"…}
-- Clock    Redis TIME
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local now_text = string.format('%.0f', now)
local taken = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now_text, 'LIMIT', 0, ARGV[1])
for _, member in ipairs(taken) do
  redis.call('ZADD', KEYS[1], string.format('%.0f', now + tonumber(ARGV[2])), member)
end
table.insert(taken, 1, now_text)
return taken
