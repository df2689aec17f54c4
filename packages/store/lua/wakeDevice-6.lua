-- Makes the waiting heads of a device's lanes due now: the device has come back.
--
-- KEYS  1..6 commands, transitions, answers, queue, index, due
-- ARGV  1 "<fleet>/<device>"
-- Returns  the number of lanes woken
-- Clock    Redis TIME
--@include commands.lua

local K = command_keys(1)
local now = int(now_ms())
local woken, lane = 0, ''
for _, member in ipairs(redis.call('ZRANGEBYLEX', K.queue, '[' .. ARGV[1] .. '/', '(' .. ARGV[1] .. '0')) do
  local this_lane = string.match(member, '^[^/]+/[^/]+/[^/]+')
  if this_lane ~= lane then
    lane = this_lane
    local command = read_command(K, id_of(member))
    if command and command.state == 'pending' then
      redis.call('ZADD', K.due, now, command.id)
      woken = woken + 1
    end
  end
end
return woken
