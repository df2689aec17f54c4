-- Ends a command and advances its lane; include after commands.lua, lanes.lua and endCommand.lua.

-- Gives a command the final state that its device or a deadline caused. On failure its `onFailure` decides what its lane does.
-- Returns whether the next command of the lane is due now, and the ids of the aborted commands.
local function end_and_advance(K, device_key, command, state, now, cause)
  local first = heads(K, command.lane, 2)
  end_command(K, command, state, now, cause)
  if first[1] ~= command.member then return false, {} end
  if state ~= 'succeeded' and command.on_failure == 'stop' then
    redis.call('HSETNX', device_key, stopped_field(command.lane), command.id)
  elseif state ~= 'succeeded' and command.on_failure == 'abort-rest' then
    local aborted = {}
    for i, member in ipairs(heads(K, command.lane, -1)) do
      aborted[i] = id_of(member)
      end_command(K, read_command(K, aborted[i]), 'cancelled', now, 'aborted:' .. command.id)
    end
    return false, aborted
  end
  return advance_lane(K, device_key, command.lane, first[2], now), {}
end
