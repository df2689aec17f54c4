-- Ends a command and advances its lane.

-- Ends the rest of a lane because a command of it failed. Returns the ids.
local function abort_rest(K, failed, now)
  local aborted = {}
  for i, member in ipairs(heads(K, failed.lane, -1)) do
    aborted[i] = id_of(member)
    end_command(K, read_command(K, aborted[i]), 'cancelled', now, 'aborted:' .. failed.id)
  end
  return aborted
end

-- Gives a command the final state that its device or a deadline caused; the caller saves the device. On failure its `onFailure` decides
-- what its lane does.
-- Returns whether the next command of the lane is due now, and the ids of the aborted commands.
local function end_and_advance(K, device, command, state, now, cause)
  local name = string.match(command.lane, '[^/]+$')
  local open, all = device:open_in(name), tonumber(device:get('open') or 0)
  -- The number of open commands is never too low (see device.lua), so this one is the only one, or the queue is read.
  local first = open == 1 and { command.member } or heads(K, command.lane, 2)
  end_command(K, command, state, now, cause)
  if (open or 0) > 0 then device:set_open_in(name, open - 1) end
  local aborted = {}
  if first[1] == command.member and state ~= 'succeeded' and command.on_failure == 'abort-rest' then
    aborted = abort_rest(K, command, now)
  end
  if all > 0 then device:set('open', math.max(0, all - 1 - #aborted)) end
  if first[1] ~= command.member then return false, {} end
  if state ~= 'succeeded' and command.on_failure == 'stop' then
    if not device:get('stopped:' .. name) then device:set('stopped:' .. name, command.id) end
    return false, {}
  end
  if aborted[1] then return false, aborted end
  if not first[2] or device:get('stopped:' .. name) then return false, {} end
  redis.call('ZADD', K.due, int(now), id_of(first[2]))
  return true, {}
end
