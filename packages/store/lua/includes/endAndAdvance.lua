-- The end of a command by its device or by time; after commands.lua, lanes.lua and endCommand.lua.

-- Gives a command the final state that the device or time has brought about; its lane follows what it says on failure.
-- Returns whether the next command of the lane is due now, and the ids of those that were aborted.
local function finish(K, device_key, command, state, now, cause)
  local first = heads(K, command.lane, 2)
  leave(K, command, state, now, cause)
  if first[1] ~= command.member then return false, {} end
  if state ~= 'succeeded' and command.on_failure == 'stop' then
    redis.call('HSETNX', device_key, stopped_field(command.lane), command.id)
  elseif state ~= 'succeeded' and command.on_failure == 'abort-rest' then
    local aborted = {}
    for i, member in ipairs(heads(K, command.lane, -1)) do
      aborted[i] = id_of(member)
      leave(K, read_command(K, aborted[i]), 'cancelled', now, 'aborted:' .. command.id)
    end
    return false, aborted
  end
  return go_on(K, device_key, command.lane, first[2], now), {}
end
