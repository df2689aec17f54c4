-- Gives a running rollout its final state.
--
-- KEYS  1 schedule ZSET   2 record HASH
-- ARGV  1 id   2 done, aborted or cancelled   3 token of the lease, or '' over REST   4 final counts of one that is done, JSON
-- Returns  {state, token}: its state now, '' if there is no such rollout; the token that fences its holder, or '' if this call has
--          changed nothing
-- Clock    Redis TIME
return function(keys, args)
  local fields = redis.call('HMGET', keys[2], 'state', 'token')
  local state, token = fields[1], fields[2]
  if not state then return { '', '' } end
  if state ~= 'running' or (args[3] ~= '' and args[3] ~= token) then return { state, '' } end
  local now = int(now_ms())
  redis.call('HSET', keys[2], 'state', args[2], 'endedAt', now)
  if args[2] == 'done' then
    redis.call('HSET', keys[2], 'phase', 'closed', 'counts', args[4])
  else
    -- Its pending commands must be cancelled: the next replica claims the rollout and sweeps it.
    redis.call('HSET', keys[2], 'phase', 'sweep')
    token = redis.call('HINCRBY', keys[2], 'token', 1)
    redis.call('ZADD', keys[1], now, args[1])
  end
  return { args[2], token .. '' }
end
