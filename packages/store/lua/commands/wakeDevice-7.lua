-- Makes the pending heads of a device's lanes due, because the device has returned. Stopped lanes stay stopped.
--
-- KEYS  1 device HASH   2..7 commands, transitions, acknowledgements, queue, index, due
-- ARGV  1 "<fleet>/<device>"   2 delay (ms), which paces the drain to a returning fleet
-- Returns  the number of lanes woken
-- Clock    Redis TIME
return function(keys, args)
  local K = command_keys(keys, 2)
  local at = int(now_ms() + tonumber(args[2]))
  local woken, lane = 0, ''
  redis.call('HDEL', keys[1], 'back')
  for _, member in ipairs(redis.call('ZRANGEBYLEX', K.queue, '[' .. args[1] .. '/', '(' .. args[1] .. '0')) do
    local this_lane = string.match(member, '^[^/]+/[^/]+/[^/]+')
    if this_lane ~= lane then
      lane = this_lane
      local command = read_command(K, id_of(member))
      if command and command.state == 'pending' and redis.call('HEXISTS', keys[1], stopped_field(lane)) == 0 then
        redis.call('ZADD', K.due, 'LT', at, command.id)
        woken = woken + 1
      end
    end
  end
  return woken
end
