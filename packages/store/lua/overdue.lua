-- Commands whose time is over; after commands.lua.

-- How a command whose time has come ends, and why; nil if it is to be dispatched (again) instead.
local function overdue(command, now)
  if command.state == 'pending' then
    if command.expires_at > now then return nil end
    if command.attempt == 0 then return 'expired', 'ttl' end
  elseif command.expires_at > now and command.attempt < command.attempts then
    return nil
  end
  -- It was sent and nobody answered: whether the device executed it nobody can know. That holds also for one that waits
  -- again because nobody was there at a later attempt.
  return 'unknown', command.state == 'acknowledged' and 'timeout' or 'no_answer'
end

-- Whether a command that is overdue may end already. What the lane does on its failure is decided when its turn comes: until
-- then it waits, and is not dispatched when its turn has come.
local function may_end(K, command)
  return command.on_failure == '' or command.on_failure == 'skip' or heads(K, command.lane, 1)[1] == command.member
end
