-- Commands whose time is over, that were overtaken, or that missed their moment; after commands.lua.

local function has_policy(value, policy)
  return string.match(value, '^%S+ %d+ %d+ (%a+)') == policy
end

-- The newest command of the lane, if it came after this one and both are `latest`: it would have superseded this one, which was on
-- its way just then. To dispatch this one (again) would be to have something stale executed.
local function overtaken_by(K, command)
  if not has_policy(command.value, 'latest') then return nil end
  local newest = redis.call('ZREVRANGEBYLEX', K.queue, '(' .. command.lane .. '0', '(' .. command.member, 'LIMIT', 0, 1)[1]
  if not newest or not has_policy(redis.call('HGET', K.commands, id_of(newest)), 'latest') then return nil end
  return id_of(newest)
end

-- Why a command of policy `now` was given back, if it was: it does not wait for the next try.
local function missed(command)
  if not has_policy(command.value, 'now') then return nil end
  return string.match(command.history, ';pending,%d+,%d+,([^;]*)$')
end

-- How a command whose time has come ends, and why; nil if it is to be dispatched (again) instead, or to wait.
-- `is_missing`: its device is not there (see reach.lua), and one of policy `now` does not wait for it.
local function overdue(K, command, now, is_missing)
  local newer = command.expires_at > now and overtaken_by(K, command)
  if newer then
    if command.state == 'pending' and command.attempt == 0 then return 'superseded', newer end
    return 'unknown', 'superseded:' .. newer
  end
  local gives_up = is_missing and has_policy(command.value, 'now')
  if command.state == 'pending' then
    local why = missed(command) or gives_up and 'unreachable' or command.expires_at <= now and 'ttl'
    if not why then return nil end
    if command.attempt == 0 then return 'expired', why end
  elseif command.expires_at > now and command.attempt < command.attempts and not gives_up then
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
