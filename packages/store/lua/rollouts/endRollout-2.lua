-- Gives a running rollout its final state.
--
-- KEYS  1 schedule ZSET   2 record HASH
-- ARGV  1 id   2 done, aborted or cancelled   3 token of the lease, or '' over REST   4 final counts of one that is done, JSON
-- Returns  {state, token}: its state now, '' if there is no such rollout; the token that fences its holder, or '' if this call has
--          changed nothing
-- Clock    Redis TIME
local fields = redis.call('HMGET', KEYS[2], 'state', 'token')
local state, token = fields[1], fields[2]
if not state then return { '', '' } end
if state ~= 'running' or (ARGV[3] ~= '' and ARGV[3] ~= token) then return { state, '' } end
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
redis.call('HSET', KEYS[2], 'state', ARGV[2], 'endedAt', now)
if ARGV[2] == 'done' then
  redis.call('HSET', KEYS[2], 'phase', 'closed', 'counts', ARGV[4])
else
  -- Its pending commands must be cancelled: the next replica takes the rollout from its holder and sweeps it.
  redis.call('HSET', KEYS[2], 'phase', 'sweep')
  token = redis.call('HINCRBY', KEYS[2], 'token', 1)
  redis.call('ZADD', KEYS[1], now, ARGV[1])
end
return { ARGV[2], token .. '' }
