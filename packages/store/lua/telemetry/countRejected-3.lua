-- Counts rejected readings of one device in the ledger of its fleet.
--
-- KEYS  1 device HASH   2 ledger HASH of the fleet   3 devices ZSET
-- ARGV  1 device   2 how many of them have a readable sequence, and so are in the device's own count
--       then pairs: reason, number
-- Returns  the `session` field of the device HASH, empty if there is none
-- Fields   of the device HASH: `rejected`, how many were its own, and `refusal`, "<time>,<reason>" of the latest
-- Clock    Redis TIME
return function(keys, args)
  if redis.call('ZSCORE', keys[3], args[1]) then
    local now = int(now_ms())
    if args[2] ~= '0' then redis.call('HINCRBY', keys[1], 'rejected', args[2]) end
    redis.call('HSET', keys[1], 'refusal', now .. ',' .. args[3])
  end
  for i = 3, #args, 2 do redis.call('HINCRBY', keys[2], 'rejected:' .. args[i], args[i + 1]) end
  return redis.call('HGET', keys[1], 'session') or ''
end
