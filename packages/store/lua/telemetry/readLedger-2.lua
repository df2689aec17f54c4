-- Reads the ledger of a fleet in one shard, as a consistent snapshot.
--
-- KEYS  1 ledger HASH   2 queue ZSET
-- ARGV  1 fleet
-- Returns  {open commands, field, count, field, count…}
-- Clock    none
local counts = redis.call('HGETALL', KEYS[1])
table.insert(counts, 1, redis.call('ZLEXCOUNT', KEYS[2], '[' .. ARGV[1] .. '/', '(' .. ARGV[1] .. '0'))
return counts
