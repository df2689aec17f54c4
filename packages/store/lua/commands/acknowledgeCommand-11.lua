-- Records an acknowledgement of a device, or that a replica gives up a dispatch.
-- Acknowledgements can arrive twice and out of order: states only rise, dispatched < acknowledged < final.
-- A succeeded command that expects an effect is added to the effects index in the same call.
-- An acknowledgement counts as a sign of life: its device is online from now on, unless its session has ended.
--
-- KEYS  1 device HASH   2..9 commands, transitions, acknowledgements, queue, index, due, rollouts, ledger   10 effects ZSET
--       11 presence ZSET
-- ARGV  1 id   2 "<fleet>/<device>" of the sender   3 acknowledged, succeeded, failed, rejected or unknown
--       4 the acknowledgement as JSON, or ''   5 cause   6 '' for a device; "<time>,<attempt>" of the dispatch that a replica gives up
-- Returns  {outcome, source of the command, age of the command (ms), 1 if the next command of the lane is due now,
--          1 if the device was presumed unreachable: the caller wakes its pending commands, lane sequence number of the command,
--          ids of aborted commands…};
--          the outcome is the new state, or why nothing changed: 'repeated', 'late' (stored next to the final state),
--          'missing', 'foreign' (another device's command), 'moved_on' (this dispatch is no longer the current one)
-- Clock    Redis TIME

-- The effect is first checked after this time (ms), or at its deadline if that is earlier.
local FIRST_CHECK = 2000

-- Extends the device's presence, at most once a second. Returns 1 if it was presumed unreachable.
local function record_sign_of_life(device, presence, name, now)
  local session = device:get('session')
  -- An acknowledgement can arrive after the will of its session.
  if not session or string.match(session, '^%d+,(%d)') == '0' then return 0 end
  local score = redis.call('ZSCORE', presence, name)
  if not score then return 0 end -- it was removed
  local online_until = now + period_of(session, device:get('interval:longest'))
  if tonumber(score) < online_until - 1000 then redis.call('ZADD', presence, int(online_until), name) end
  if reach_of(session, score, now) == 'there' then return 0 end
  device:set('back', int(now))
  return 1
end

-- Records the acknowledgement. Returns the outcome, and if it ended the command: its age, whether the next one is due, aborted ids.
local function record(K, device, command, effects, now, status, acknowledgement, cause)
  if FINAL[command.state] then
    if command.state == status then return 'repeated' end
    if acknowledgement ~= '' then redis.call('HSETNX', K.acknowledgements, command.id, acknowledgement) end
    return 'late'
  end
  if status == command.state then return 'repeated' end
  local age = now - tonumber(string.match(command.transitions, '^%a+,(%d+)'))
  if status == 'acknowledged' then
    append(K, command, 'acknowledged', now, command.attempt, cause)
    -- From now on the timeout applies, not the expiry: the device has started in time.
    redis.call('ZADD', K.due, int(now + command.timeout), command.id)
    return status, age
  end
  if acknowledgement ~= '' then redis.call('HSET', K.acknowledgements, command.id, acknowledgement) end
  local effect_ms = status == 'succeeded' and string.match(command.value, '\n{"source":"%a+","effect_ms":(%d+)')
  if effect_ms then
    local name = string.match(command.lane, '^[^/]+/[^/]+')
    redis.call('ZADD', effects, int(now + math.min(tonumber(effect_ms), FIRST_CHECK)), name .. '/' .. command.id)
  end
  return status, age, end_and_advance(K, device, command, status, now, cause)
end

return function(keys, args)
  local id, sender, status, acknowledgement, cause, dispatch = args[1], args[2], args[3], args[4], args[5], args[6]
  local K = command_keys(keys, 2)
  local command = read_command(K, id)
  if not command then return { 'missing' } end
  if string.sub(command.lane, 1, #sender + 1) ~= sender .. '/' then return { 'foreign' } end
  local now = now_ms()
  local device = Device.read(keys[1], { 'session', 'interval:longest', lane_fields(string.match(command.lane, '[^/]+$')) })
  local back = dispatch == '' and record_sign_of_life(device, keys[11], string.match(sender, '[^/]+$'), now) or 0
  local outcome, age, next_is_due, aborted = 'moved_on', 0, false, {}
  if dispatch == '' or (command.state == 'dispatched' and command.since .. ',' .. command.attempt == dispatch) then
    outcome, age, next_is_due, aborted = record(K, device, command, keys[10], now, status, acknowledgement, cause)
  end
  device:save()
  local source = string.match(command.value, '\n{"source":"(%a+)"')
  return { outcome, source, age or 0, next_is_due and 1 or 0, back, command.seq, unpack(aborted or {}) }
end
