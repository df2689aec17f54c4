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
local id = ARGV[1]
if ARGV[4] ~= '' then
  local before = redis.call('GET', KEYS[3])
  if before then
    local earlier, hash = string.match(before, '^(%S+) (%S+)$')
    if hash == ARGV[4] then return { 'repeated', earlier } end
    return { 'reused' }
  end
end

local unfinished = 0
for _, earlier in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  if redis.call('ZSCORE', KEYS[2], earlier) then unfinished = unfinished + 1 end
end
if unfinished >= tonumber(ARGV[6]) or redis.call('ZCARD', KEYS[2]) >= tonumber(ARGV[7]) then return { 'full' } end

for i = 9, #ARGV do
  if redis.call('ZCARD', KEYS[1]) < tonumber(ARGV[8]) then break end
  if not redis.call('ZSCORE', KEYS[2], ARGV[i]) then
    redis.call('ZREM', KEYS[1], ARGV[i])
    redis.call('DEL', KEYS[i - 4])
  end
end

local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
redis.call('HSET', KEYS[4], 'fleet', ARGV[2], 'request', ARGV[3], 'state', 'running', 'phase', 'enqueue',
  'shard', '0', 'after', '', 'token', '0', 'startedAt', now)
redis.call('ZADD', KEYS[1], 0, id)
redis.call('ZADD', KEYS[2], now, id)
if ARGV[4] ~= '' then redis.call('SET', KEYS[3], id .. ' ' .. ARGV[4], 'PX', ARGV[5]) end
return { 'created', now }
