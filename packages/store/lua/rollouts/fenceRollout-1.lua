-- Fences a rollout in one shard: only the holder of the highest token can enqueue its commands.
--
-- KEYS  1 rollouts HASH of the shard
-- ARGV  1 id   2 token
-- Returns  1, or 0 if the shard has a higher token
-- Clock    none
return function(keys, args)
  local known = redis.call('HGET', keys[1], args[1] .. ':token')
  if known and tonumber(known) > tonumber(args[2]) then return 0 end
  redis.call('HSET', keys[1], args[1] .. ':token', args[2])
  return 1
end
