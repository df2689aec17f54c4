-- Writes the decision of a quorum and enqueues its commands; nothing if another replica has decided in the meantime.
--
-- KEYS  any number. 1 group HASH   2 timers ZSET of its shard; then, named by position in ARGV: device HASHes of the targets, and
--       for each of their shards presence ZSET, devices ZSET, fleets SET and the eight command keys
-- ARGV  1 version on which it was decided, '' if there is none   2 new state as JSON, '' if unchanged   3 member of the timers ZSET
--       4 when to decide again (ms), '' not by time   5 fleet   6 number of votes to remove   7 number of targets
--       with targets: 8 lane   9 delivery (the header from the policy on)   10 ttl (ms)   11 JSON   12 cause
--       13 commands kept per device   14 most open commands of a device   15 most devices of a fleet in a shard   16 freshness (ms)
--       then two per vote to remove: field, value; a vote that was cast again in the meantime stays
--       then one per target: "<device> <command id> <position of its HASH> <position of the first key of its shard>"
-- Version  counts the states, so of two replicas that decide concurrently the second one gets a conflict and evaluates again
-- Returns  {'conflict'}  nothing changed
--          {'decided', per target {state, superseded ids…}}: state is 'pending', 'full' (limit of open commands reached),
--            'unreachable' (policy `now`, and the device is unreachable) or 'fleet_full' (new, and the fleet's device limit is reached);
--            '?' before the id of one that ended as unknown
-- Clock    Redis TIME
--@include commands.lua
--@include endCommand.lua
--@include reach.lua
--@include enqueue.lua

local call = redis.call
local group, timers, fleet = KEYS[1], KEYS[2], ARGV[5]
local votes, targets = tonumber(ARGV[6]), tonumber(ARGV[7])
if (call('HGET', group, 'version') or '') ~= ARGV[1] then return { 'conflict' } end

local argument = targets > 0 and 16 or 7
local function take()
  argument = argument + 1
  return ARGV[argument]
end

if ARGV[2] ~= '' then call('HSET', group, 'version', int((tonumber(ARGV[1]) or 0) + 1), 'state', ARGV[2]) end
if ARGV[4] == '' then call('ZREM', timers, ARGV[3]) else call('ZADD', timers, ARGV[4], ARGV[3]) end
for _ = 1, votes do
  local field, value = take(), take()
  if call('HGET', group, field) == value then call('HDEL', group, field) end
end

local now = now_ms()
local reply = { 'decided' }
local function command(device, id, device_key, first)
  local presence, devices, fleets = KEYS[first], KEYS[first + 1], KEYS[first + 2]
  local score = call('ZSCORE', presence, device)
  local away = must_wait(reach_of(call('HGET', device_key, 'session'), score, now, tonumber(ARGV[16])), ARGV[9])
  if away and string.match(ARGV[9], '^%a+') == 'now' then return { 'unreachable' } end
  if not score then
    if call('ZCARD', devices) >= tonumber(ARGV[15]) then return { 'fleet_full' } end
    call('ZADD', presence, -1, device)
    call('ZADD', devices, 0, device)
    call('SADD', fleets, fleet)
    call('PERSIST', device_key)
  end
  local state, _, _, superseded = enqueue(command_keys(first + 3), device_key, {
    id = id, device = fleet .. '/' .. device, lane = ARGV[8], delivery = ARGV[9], ttl = tonumber(ARGV[10]), json = ARGV[11],
    cause = ARGV[12], keep = tonumber(ARGV[13]), max_open = tonumber(ARGV[14]), lease = 0, away = away,
  }, now)
  return { state, unpack(superseded) }
end
for i = 1, targets do
  local device, id, device_key, first = string.match(take(), '^(%S+) (%S+) (%d+) (%d+)$')
  reply[i + 1] = command(device, id, KEYS[tonumber(device_key)], tonumber(first))
end
return reply
