-- Enqueues one command for a device.
--
-- KEYS  1 device HASH   2 presence ZSET   3 devices ZSET   4 fleets SET   5 idempotency STRING
--       6..13 commands, transitions, answers, queue, index, due, rollouts of the shard, ledger of the fleet
-- ARGV  1 command id   2 fleet   3 device   4 lane   5 delivery (the header from the policy on)   6 ttl (ms)   7 JSON   8 cause
--       9 most open commands of a device   10 commands kept per device
--       11 hash of the request, or '' without an idempotency key   12 how long the key is remembered (ms)
--       13 most devices of a fleet in a shard   14 channel that wakes the dispatchers   15 message for it
--       16 '1' to reject an unknown device   17 freshness (ms)
-- Returns  {'enqueued', lane sequence, enqueued at (ms), expires at (ms), presence score, superseded ids…}; '?' before the id of one that
--          ended as unknown
--          {'repeated', id}  the same request was sent before with this key
--          {'reused'}        a different request was sent before with this key
--          {'full'}          the device has reached its limit of open commands
--          {'unreachable'}   policy `now`, and the device is unreachable
--          {'unknown_device'}  the device is unknown, and ARGV 16 is '1'
--          {'fleet_full'}    the device is new, and the fleet has reached its device limit
-- Clock    Redis TIME
--@include commands.lua
--@include endCommand.lua
--@include reach.lua
--@include enqueue.lua

local id, fleet, device, lane, delivery = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local K = command_keys(6)
local now = now_ms()

if ARGV[11] ~= '' then
  local before = redis.call('GET', KEYS[5])
  if before then
    local earlier, hash = string.match(before, '^(%S+) (%S+)$')
    if hash == ARGV[11] then return { 'repeated', earlier } end
    return { 'reused' }
  end
end

local score = redis.call('ZSCORE', KEYS[2], device)
if not score and ARGV[16] == '1' then return { 'unknown_device' } end
local away = must_wait(reach_of(redis.call('HGET', KEYS[1], 'session'), score, now, tonumber(ARGV[17])), delivery)
if away and string.match(delivery, '^%a+') == 'now' then return { 'unreachable' } end
if not score then
  if redis.call('ZCARD', KEYS[3]) >= tonumber(ARGV[13]) then return { 'fleet_full' } end
  redis.call('ZADD', KEYS[2], -1, device)
  redis.call('ZADD', KEYS[3], 0, device)
  redis.call('SADD', KEYS[4], fleet)
  redis.call('PERSIST', KEYS[1])
end
local state, seq, expires_at, superseded = enqueue(K, KEYS[1], {
  id = id, device = fleet .. '/' .. device, lane = lane, delivery = delivery, ttl = tonumber(ARGV[6]), json = ARGV[7], cause = ARGV[8],
  keep = tonumber(ARGV[10]), max_open = tonumber(ARGV[9]), lease = 0, away = away,
}, now)
if state == 'full' then return { 'full' } end
if ARGV[11] ~= '' then redis.call('SET', KEYS[5], id .. ' ' .. ARGV[11], 'PX', ARGV[12]) end
if not away then redis.call('PUBLISH', ARGV[14], ARGV[15]) end
return { 'enqueued', int(seq), int(now), int(expires_at), score or '-1', unpack(superseded) }
