-- Records a birth or a will. Sessions only grow: what belongs to an older one than the stored changes nothing.
--
-- KEYS  1 device HASH   2 presence ZSET   3 devices ZSET   4 fleets SET
-- ARGV  1 fleet   2 device   3 '1' birth, '0' will   4 session   5 telemetry policy, latest or keep
--       6 freshness (ms)   7 most devices of this fleet in this shard
-- Returns  'born', 'gone', 'ignored' (older or known already) or 'full'
-- Clock    Redis TIME
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local device, online, session = ARGV[2], ARGV[3], tonumber(ARGV[4])

local stored = redis.call('HGET', KEYS[1], 'session')
if stored then
  local known, was_online = string.match(stored, '^(%d+),(%d)')
  known = tonumber(known)
  if session < known or (session == known and (online == '1' or was_online == '0')) then return 'ignored' end
end
if not redis.call('ZSCORE', KEYS[3], device) then
  if redis.call('ZCARD', KEYS[3]) >= tonumber(ARGV[7]) then return 'full' end
  redis.call('ZADD', KEYS[3], 0, device)
  redis.call('SADD', KEYS[4], ARGV[1])
end
redis.call('HSET', KEYS[1], 'session', ARGV[4] .. ',' .. online .. ',' .. string.format('%.0f', now) .. ',' .. ARGV[5])
if online == '1' then
  redis.call('ZADD', KEYS[2], string.format('%.0f', now + tonumber(ARGV[6])), device)
  return 'born'
end
redis.call('ZADD', KEYS[2], 0, device)
return 'gone'
