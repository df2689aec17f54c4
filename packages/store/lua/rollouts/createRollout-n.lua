-- Creates a rollout, which a replica of the rules service then runs.
--
-- KEYS  1 rollouts of the fleet ZSET   2 schedule ZSET   3 idempotency STRING   4 record HASH of the new rollout
--       5.. record HASHes of the fleet's oldest rollouts, which can be pruned
-- ARGV  1 id   2 fleet   3 the request, JSON   4 hash of the request, or '' without an idempotency key
--       5 how long the key is remembered (ms)   6 most unfinished ones of a fleet   7 most unfinished ones in total
--       8 kept per fleet   9.. ids of KEYS[5]..
-- Returns  {'created', started at (ms)}
--          {'repeated', id}  the same request was sent before with this key
--          {'reused'}        a different request was sent before with this key
--          {'full'}          the limit of unfinished rollouts is reached
-- Clock    Redis TIME
return function(keys, args)
  local id = args[1]
  if args[4] ~= '' then
    local before = redis.call('GET', keys[3])
    if before then
      local earlier, hash = string.match(before, '^(%S+) (%S+)$')
      if hash == args[4] then return { 'repeated', earlier } end
      return { 'reused' }
    end
  end

  local unfinished = 0
  for _, earlier in ipairs(redis.call('ZRANGE', keys[1], 0, -1)) do
    if redis.call('ZSCORE', keys[2], earlier) then unfinished = unfinished + 1 end
  end
  if unfinished >= tonumber(args[6]) or redis.call('ZCARD', keys[2]) >= tonumber(args[7]) then return { 'full' } end

  for i = 9, #args do
    if redis.call('ZCARD', keys[1]) < tonumber(args[8]) then break end
    if not redis.call('ZSCORE', keys[2], args[i]) then
      redis.call('ZREM', keys[1], args[i])
      redis.call('DEL', keys[i - 4])
    end
  end

  local now = int(now_ms())
  redis.call('HSET', keys[4], 'fleet', args[2], 'request', args[3], 'state', 'running', 'phase', 'enqueue',
    'shard', '0', 'after', '', 'token', '0', 'startedAt', now)
  redis.call('ZADD', keys[1], 0, id)
  redis.call('ZADD', keys[2], now, id)
  if args[4] ~= '' then redis.call('SET', keys[3], id .. ' ' .. args[4], 'PX', args[5]) end
  return { 'created', now }
end
