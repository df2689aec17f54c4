-- Counts refused readings of one device in the books of its fleet.
--
-- KEYS  1 device HASH   2 ledger HASH of the fleet   3 devices ZSET
-- ARGV  1 device   2 how many of them the device counts among its own (their sequence could be read)
--       then pairs: reason, number
-- Returns  the device's session as its HASH has it, empty without one: who is refused may never have been known otherwise
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
