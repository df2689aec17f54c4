-- Records what became of a dispatched command: the device's answer, or that no device will ever answer.
-- Answers may come twice and out of order: states only rise, dispatched < acknowledged < final.
-- A command that succeeded and has an effect to be looked for is put on the list of those in the same script.
-- A device that answers was heard: it counts as online from now on, unless its session has ended.
--
-- KEYS  1 device HASH   2..9 commands, transitions, answers, queue, index, due, rollouts, ledger   10 effects ZSET
--       11 presence ZSET
-- ARGV  1 id   2 "<fleet>/<device>" that answers   3 acknowledged, succeeded, failed, rejected or unknown
--       4 the answer as JSON, or ''   5 cause   6 '' for a device; "<time>,<attempt>" of the dispatch for a replica that gives it up
--       7 freshness (ms)
-- Returns  {outcome, source of the command, age of the command (ms), 1 if the next command of the lane is due now,
--          1 if the device was presumed away: what waits for it is to be woken, ids of commands aborted with it…};
--          the outcome is the new state, or what changed nothing: 'repeated', 'late' (kept beside a final state as evidence),
--          'missing', 'foreign', 'moved_on' (it is not, or no longer, the dispatch that was given up)
-- Clock    Redis TIME
--@include commands.lua
--@include endCommand.lua
--@include lanes.lua
--@include endAndAdvance.lua
--@include reach.lua

-- The first look for an effect comes after so long (ms), or when its time is over.
local FIRST_LOOK = 2000

local K = command_keys(2)
local status = ARGV[3]
local command = read_command(K, ARGV[1])
if not command then return { 'missing' } end
if string.sub(command.lane, 1, #ARGV[2] + 1) ~= ARGV[2] .. '/' then return { 'foreign' } end
local now = now_ms()

-- Notes that the device was heard, to the second. Returns 1 if it was presumed away.
local function hear(fresh)
  local session = redis.call('HGET', KEYS[1], 'session')
  -- An answer may be read after the will of its session.
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
local back = ARGV[6] == '' and hear(tonumber(ARGV[7])) or 0
local source = string.match(command.value, '\n{"source":"(%a+)"')
if ARGV[6] ~= '' and (command.state ~= 'dispatched' or command.since .. ',' .. command.attempt ~= ARGV[6]) then
  return { 'moved_on', source, 0, 0, back }
end
if FINAL[command.state] then
  if command.state == status then return { 'repeated', source, 0, 0, back } end
  if ARGV[4] ~= '' then redis.call('HSETNX', K.answers, command.id, ARGV[4]) end
  return { 'late', source, 0, 0, back }
end
if status == command.state then return { 'repeated', source, 0, 0, back } end
local age = now - tonumber(string.match(command.history, '^%a+,(%d+)'))
if status == 'acknowledged' then
  append(K, command, 'acknowledged', now, command.attempt, ARGV[5])
  -- From here on the timeout rules: the device has begun in time, and may take longer than the command might have waited.
  redis.call('ZADD', K.due, int(now + command.timeout), command.id)
  return { status, source, age, 0, back }
end
if ARGV[4] ~= '' then redis.call('HSET', K.answers, command.id, ARGV[4]) end
local effect_ms = status == 'succeeded' and string.match(command.value, '\n{"source":"%a+","effect_ms":(%d+)')
if effect_ms then
  redis.call('ZADD', KEYS[10], int(now + math.min(tonumber(effect_ms), FIRST_LOOK)), ARGV[2] .. '/' .. command.id)
end
local next_is_due, aborted = finish(K, KEYS[1], command, status, now, ARGV[5])
return { status, source, age, next_is_due and 1 or 0, back, unpack(aborted) }
