-- Fences a rollout in one shard: only the holder of the highest token can enqueue its commands.
--
-- KEYS  1 rollouts HASH of the shard
-- ARGV  1 id   2 token
-- Returns  1, or 0 if the shard has a higher token
-- Clock    none
local known = redis.call('HGET', KEYS[1], ARGV[1] .. ':token')
if known and tonumber(known) > tonumber(ARGV[2]) then return 0 end
redis.call('HSET', KEYS[1], ARGV[1] .. ':token', ARGV[2])
return 1
