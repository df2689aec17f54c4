-- Resumes a lane that a failure has stopped.
--
-- KEYS  1 device HASH   2..7 commands, transitions, acknowledgements, queue, index, due
-- ARGV  1 "<fleet>/<device>"   2 lane   3 channel that wakes the dispatchers   4 message for it
-- Returns  the id of the command that stopped it, or nil if the lane is not stopped
-- Clock    Redis TIME
return function(keys, args)
  local K = command_keys(keys, 2)
  local lane = args[1] .. '/' .. args[2]
  local stopped_by = redis.call('HGET', keys[1], stopped_field(lane))
  if not stopped_by then return false end
  redis.call('HDEL', keys[1], stopped_field(lane))
  if advance_lane(K, keys[1], lane, heads(K, lane, 1)[1], now_ms()) then redis.call('PUBLISH', args[3], args[4]) end
  return stopped_by
end
