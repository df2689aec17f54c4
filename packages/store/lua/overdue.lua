-- Commands whose time is over, or that were overtaken; after commands.lua.

local function is_latest(value)
  return string.match(value, '^%S+ %d+ %d+ (%a+)') == 'latest'
end

-- The newest command of the lane, if it came after this one and both are `latest`: it would have superseded this one, which was on
-- its way just then. To dispatch this one (again) would be to have something stale executed.
local function overtaken_by(K, command)
  if not is_latest(command.value) then return nil end
  local newest = redis.call('ZREVRANGEBYLEX', K.queue, '(' .. command.lane .. '0', '(' .. command.member, 'LIMIT', 0, 1)[1]
  if not newest or not is_latest(redis.call('HGET', K.commands, id_of(newest))) then return nil end
  return id_of(newest)
end

-- How a command whose time has come ends, and why; nil if it is to be dispatched (again) instead.
local function overdue(K, command, now)
  local newer = command.expires_at > now and overtaken_by(K, command)
  if newer then
    if command.state == 'pending' and command.attempt == 0 then return 'superseded', newer end
    return 'unknown', 'superseded:' .. newer
  end
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
