-- Reads the books of a fleet in one shard, all at one moment.
--
-- KEYS  1 ledger HASH   2 queue ZSET
-- ARGV  1 fleet
-- Returns  {open commands, field, count, field, count…}
-- Clock    none
local books = redis.call('HGETALL', KEYS[1])
table.insert(books, 1, redis.call('ZLEXCOUNT', KEYS[2], '[' .. ARGV[1] .. '/', '(' .. ARGV[1] .. '0'))
return books
