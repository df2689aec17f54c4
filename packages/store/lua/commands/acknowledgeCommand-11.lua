-- Records an acknowledgement of a device, or that a replica has given a dispatch up.
-- Acknowledgements can arrive twice and out of order: states only rise, dispatched < acknowledged < final.
-- A succeeded command that expects an effect is added to the effects index in the same call.
-- An acknowledgement counts as a sign of life: its device is online from now on, unless its session has ended.
--
-- KEYS  1 device HASH   2..9 commands, transitions, answers, queue, index, due, rollouts, ledger   10 effects ZSET
--       11 presence ZSET
-- ARGV  1 id   2 "<fleet>/<device>" of the sender   3 acknowledged, succeeded, failed, rejected or unknown
--       4 the acknowledgement as JSON, or ''   5 cause   6 '' for a device; "<time>,<attempt>" of the dispatch that a replica gives up
--       7 freshness (ms)
-- Returns  {outcome, source of the command, age of the command (ms), 1 if the next command of the lane is due now,
--          1 if the device was presumed unreachable: the caller wakes its pending commands, lane sequence number of the command,
--          ids of aborted commands…};
--          the outcome is the new state, or why nothing changed: 'repeated', 'late' (stored next to the final state as evidence),
--          'missing', 'foreign' (another device's command), 'moved_on' (this dispatch is no longer the current one)
-- Clock    Redis TIME
--@include commands.lua
--@include endCommand.lua
--@include lanes.lua
--@include endAndAdvance.lua
--@include reach.lua

-- The effect is first checked after this time (ms), or at its deadline if that is earlier.
local FIRST_CHECK = 2000

local K = command_keys(2)
local status = ARGV[3]
local command = read_command(K, ARGV[1])
if not command then return { 'missing' } end
if string.sub(command.lane, 1, #ARGV[2] + 1) ~= ARGV[2] .. '/' then return { 'foreign' } end
local now = now_ms()

-- Extends the device's freshness, at most once a second. Returns 1 if it was presumed unreachable.
local function record_sign_of_life(fresh)
  local session = redis.call('HGET', KEYS[1], 'session')
  -- An acknowledgement can arrive after the will of its session.
  if not session or string.match(session, '^%d+,(%d)') == '0' then return 0 end
  local device = string.match(ARGV[2], '[^/]+$')
  local score = redis.call('ZSCORE', KEYS[11], device)
  if not score then return 0 end -- it was removed
  local online_until = now + period_of(session, fresh, redis.call('HGET', KEYS[1], 'interval:longest'))
  if tonumber(score) < online_until - 1000 then redis.call('ZADD', KEYS[11], int(online_until), device) end
  if reach_of(session, score, now, fresh) == 'there' then return 0 end
  redis.call('HSET', KEYS[1], 'back', int(now))
  return 1
end
local back = ARGV[6] == '' and record_sign_of_life(tonumber(ARGV[7])) or 0
local source = string.match(command.value, '\n{"source":"(%a+)"')
if ARGV[6] ~= '' and (command.state ~= 'dispatched' or command.since .. ',' .. command.attempt ~= ARGV[6]) then
  return { 'moved_on', source, 0, 0, back, command.seq }
end
if FINAL[command.state] then
  if command.state == status then return { 'repeated', source, 0, 0, back, command.seq } end
  if ARGV[4] ~= '' then redis.call('HSETNX', K.answers, command.id, ARGV[4]) end
  return { 'late', source, 0, 0, back, command.seq }
end
if status == command.state then return { 'repeated', source, 0, 0, back, command.seq } end
local age = now - tonumber(string.match(command.history, '^%a+,(%d+)'))
if status == 'acknowledged' then
  append(K, command, 'acknowledged', now, command.attempt, ARGV[5])
  -- From now on the timeout applies, not the expiry: the device has started in time.
  redis.call('ZADD', K.due, int(now + command.timeout), command.id)
  return { status, source, age, 0, back, command.seq }
end
if ARGV[4] ~= '' then redis.call('HSET', K.answers, command.id, ARGV[4]) end
local effect_ms = status == 'succeeded' and string.match(command.value, '\n{"source":"%a+","effect_ms":(%d+)')
if effect_ms then
  redis.call('ZADD', KEYS[10], int(now + math.min(tonumber(effect_ms), FIRST_CHECK)), ARGV[2] .. '/' .. command.id)
end
local next_is_due, aborted = end_and_advance(K, KEYS[1], command, status, now, ARGV[5])
return { status, source, age, next_is_due and 1 or 0, back, command.seq, unpack(aborted) }
