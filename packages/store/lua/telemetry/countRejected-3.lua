-- Counts refused readings of one device in the ledger of its fleet.
--
-- KEYS  1 device HASH   2 ledger HASH of the fleet   3 devices ZSET
-- ARGV  1 device   2 how many of them have a readable sequence, and so are in the device's own count
--       then pairs: reason, number
-- Returns  the `session` field of the device HASH, empty if there is none
-- Fields   of the device HASH: `rejected`, how many were its own, and `refusal`, "<time>,<reason>" of the latest
-- Clock    Redis TIME
if redis.call('ZSCORE', KEYS[3], ARGV[1]) then
  local time = redis.call('TIME')
  local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
  if ARGV[2] ~= '0' then redis.call('HINCRBY', KEYS[1], 'rejected', ARGV[2]) end
  redis.call('HSET', KEYS[1], 'refusal', now .. ',' .. ARGV[3])
end
for i = 3, #ARGV, 2 do redis.call('HINCRBY', KEYS[2], 'rejected:' .. ARGV[i], ARGV[i + 1]) end
return redis.call('HGET', KEYS[1], 'session') or ''
