-- Enqueues a rollout's command for one device, or returns why the device is skipped. Each device gets one turn: devices come in the order
-- of their names (bytes), so one that is not after the last one has had its turn.
--
-- KEYS  1 device HASH   2 presence ZSET   3 devices ZSET
--       4..11 commands, transitions, answers, queue, index, due, rollouts of the shard, ledger of the fleet
-- ARGV  1 rollout id   2 token of the lease   3 command id   4 fleet   5 device   6 lane
--       7 delivery (the header from the policy on)   8 ttl (ms)   9 JSON   10 cause
--       11 most open commands of a device   12 commands kept per device   13 freshness (ms)
-- Returns  {'enqueued', superseded ids…}; '?' before the id of one that ended as unknown
--          {'queue_full'}, {'unreachable'}, {'unknown_device'}   skipped, and counted as such
--          {'repeated'}   the device has had its turn
--          {'fenced'}     another replica holds the rollout, or it has ended
-- Clock    Redis TIME
--@include commands.lua
--@include endCommand.lua
--@include reach.lua
--@include enqueue.lua

local rollout, fleet, device, delivery = ARGV[1], ARGV[4], ARGV[5], ARGV[7]
local K = command_keys(4)
local now = now_ms()

-- Lua compares strings by locale; Redis compares bytes.
local function is_after(a, b)
  for i = 1, math.min(#a, #b) do
    local x, y = string.byte(a, i), string.byte(b, i)
    if x ~= y then return x > y end
  end
  return #a > #b
end

local state = redis.call('HMGET', K.rollouts, rollout .. ':token', rollout .. ':after')
if state[1] ~= ARGV[2] then return { 'fenced' } end
if state[2] and not is_after(device, state[2]) then return { 'repeated' } end
redis.call('HSET', K.rollouts, rollout .. ':after', device)

local function skip(reason)
  redis.call('HINCRBY', K.rollouts, rollout .. ':skipped:' .. reason, 1)
  return { reason }
end

if not redis.call('ZSCORE', KEYS[3], device) then return skip('unknown_device') end
local reach = reach_of(redis.call('HGET', KEYS[1], 'session'), redis.call('ZSCORE', KEYS[2], device), now, tonumber(ARGV[13]))
local away = must_wait(reach, delivery)
if away and string.match(delivery, '^%a+') == 'now' then return skip('unreachable') end
local outcome, _, _, superseded = enqueue(K, KEYS[1], {
  id = ARGV[3], device = fleet .. '/' .. device, lane = ARGV[6], delivery = delivery, ttl = tonumber(ARGV[8]), json = ARGV[9],
  cause = ARGV[10], keep = tonumber(ARGV[12]), max_open = tonumber(ARGV[11]), lease = 0, away = away,
}, now)
if outcome == 'full' then return skip('queue_full') end
return { 'enqueued', unpack(superseded) }
