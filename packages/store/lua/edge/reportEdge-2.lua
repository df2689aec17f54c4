-- Stores the edge decisions of a device. A repeated report changes nothing.
--
-- KEYS  1 edge HASH of the device   2 edge-due ZSET of the shard
-- ARGV  1 "<fleet>/<device>"   2 when their judgement is due (ms from now)   3 decisions kept   4 decisions that the device has lost in total
--       5… id and JSON of each decision
-- Returns  how many were new
-- Clock    Redis TIME
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local now_text = string.format('%.0f', now)
if tonumber(ARGV[4]) > tonumber(redis.call('HGET', KEYS[1], 'dropped') or '0') then
  redis.call('HSET', KEYS[1], 'dropped', ARGV[4])
end
local new = 0
for i = 5, #ARGV, 2 do
  new = new + redis.call('HSETNX', KEYS[1], ARGV[i], now_text .. ',' .. ARGV[i + 1])
end
if new == 0 then return 0 end
-- The earliest due time counts; a later one than now plus the delay was written before the clock went backwards.
redis.call('ZADD', KEYS[2], 'LT', string.format('%.0f', now + tonumber(ARGV[2])), ARGV[1])
local ids = {}
for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
  if string.match(field, '^%d+$') then ids[#ids + 1] = tonumber(field) end
end
table.sort(ids)
for i = 1, #ids - tonumber(ARGV[3]) do
  local id = string.format('%.0f', ids[i])
  redis.call('HDEL', KEYS[1], id, id .. ':judgement')
end
return new
