-- Reads the ledger of a fleet in one shard, as a consistent snapshot.
--
-- KEYS  1 ledger HASH   2 queue ZSET
-- ARGV  1 fleet
-- Returns  {open commands, field, count, field, count…}
-- Clock    none
-- Flags    no-writes
return function(keys, args)
  local counts = redis.call('HGETALL', keys[1])
  table.insert(counts, 1, redis.call('ZLEXCOUNT', keys[2], '[' .. args[1] .. '/', '(' .. args[1] .. '0'))
  return counts
end
