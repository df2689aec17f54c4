-- Requeues a claimed command: the broker had no subscriber for it, or did not accept it.
-- The older a command is, the longer it waits for its next attempt: a quarter of its age, at most 120 times the minimum wait. A device
-- that returns wakes its pending commands earlier. A command of policy `now` does not wait.
--
-- KEYS  1 device HASH   2..7 commands, transitions, acknowledgements, queue, index, due
-- ARGV  1 id   2 "<time>,<attempt>" of this dispatch   3 minimum wait before the next one (ms)   4 cause
-- Returns  1; 2 if it is due immediately, because the device has published a birth after the dispatch, or because the next claim ends
--          it (a newer command has overtaken it, or its policy is `now`); 0 if this dispatch is no longer the current one (it was
--          acknowledged, or another replica holds the lease)
-- Clock    Redis TIME
return function(keys, args)
  local K = command_keys(keys, 2)
  local command = read_command(K, args[1])
  if not command or command.state ~= 'dispatched' or command.since .. ',' .. command.attempt ~= args[2] then return 0 end
  local session = redis.call('HGET', keys[1], 'session')
  local online, since = string.match(session or '', '^%d+,(%d),(%d+)')
  local now = now_ms()
  -- A session that starts in the future was recorded before the clock went backwards.
  local came_back = online == '1' and tonumber(since) >= tonumber(command.since) and tonumber(since) <= now
  append(K, command, 'pending', now, command.attempt - 1, args[4])
  local created = tonumber(string.match(command.transitions, '^%a+,(%d+)'))
  local wait, age = 0, now - created
  if age < 0 then
    -- The clock went backwards: derive the age from the transitions.
    for at in string.gmatch(command.transitions, '%a,(%d+),%d+,') do age = math.max(age, at - created) end
  end
  local is_over = overdue(K, command, now) ~= nil
  if not came_back and not is_over then
    wait = back_off(tonumber(args[3]), age)
  end
  redis.call('ZADD', K.due, int(math.min(now + wait, command.expires_at)), command.id)
  return (came_back or is_over) and 2 or 1
end
