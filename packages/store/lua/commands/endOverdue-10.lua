-- Ends an overdue command. It has expired, timed out or used up its attempts, a newer one has overtaken it, or its policy is `now` and
-- its device is unreachable. All of this is checked again, so the call can come late, twice, and from any replica.
--
-- KEYS  1 device HASH   2 presence ZSET   3..10 commands, transitions, acknowledgements, queue, index, due, rollouts, ledger
-- ARGV  1 id   2 device
-- Returns  {'expired', 'superseded' or 'unknown', 1 if the next command of the lane is due now, ids of aborted commands…}, or
--          {'moved_on'} if the command is not overdue, or has ended already
-- Clock    Redis TIME
return function(keys, args)
  local K = command_keys(keys, 3)
  local command = read_command(K, args[1])
  local now = now_ms()
  if not command or FINAL[command.state] then return { 'moved_on' } end
  local due = redis.call('ZSCORE', K.due, command.id)
  if not due or tonumber(due) > now then return { 'moved_on' } end
  local device = Device.read(keys[1], { 'session', lane_fields(string.match(command.lane, '[^/]+$')) })
  local reach = reach_of(device:get('session'), redis.call('ZSCORE', keys[2], args[2]), now)
  local state, cause = overdue(K, command, now, reach ~= 'there')
  if not state or not may_end(K, command) then return { 'moved_on' } end
  local next_is_due, aborted = end_and_advance(K, device, command, state, now, cause)
  device:save()
  return { state, next_is_due and 1 or 0, unpack(aborted) }
end
