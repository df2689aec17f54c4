-- Stores the edge decisions of a device. A repeated report changes nothing.
--
-- KEYS  1 edge HASH of the device   2 edge-due ZSET of the shard
-- ARGV  1 "<fleet>/<device>"   2 when their judgement is due (ms from now)   3 decisions kept   4 decisions that the device has lost in total
--       5… id and JSON of each decision
-- Returns  how many were new
-- Clock    Redis TIME
return function(keys, args)
  local now = now_ms()
  local now_text = int(now)
  if tonumber(args[4]) > tonumber(redis.call('HGET', keys[1], 'dropped') or '0') then
    redis.call('HSET', keys[1], 'dropped', args[4])
  end
  local new = 0
  for i = 5, #args, 2 do
    new = new + redis.call('HSETNX', keys[1], args[i], now_text .. ',' .. args[i + 1])
  end
  if new == 0 then return 0 end
  -- The earliest due time counts; a later one than now plus the delay was written before the clock went backwards.
  redis.call('ZADD', keys[2], 'LT', int(now + tonumber(args[2])), args[1])
  local ids = {}
  for _, field in ipairs(redis.call('HKEYS', keys[1])) do
    if string.match(field, '^%d+$') then ids[#ids + 1] = tonumber(field) end
  end
  table.sort(ids)
  for i = 1, #ids - tonumber(args[3]) do
    local id = int(ids[i])
    redis.call('HDEL', keys[1], id, id .. ':judgement')
  end
  return new
end
