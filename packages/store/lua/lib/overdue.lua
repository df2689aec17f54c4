-- Finds commands that have expired, were overtaken, or missed their only attempt.

local function has_policy(value, policy)
  return string.match(value, '^%S+ %d+ %d+ (%a+)') == policy
end

-- The newest command of the lane, if it is newer than this one and both are `latest`. It would have superseded this one, had that not
-- been in flight. Dispatching this one again would execute something stale.
local function overtaken_by(K, command)
  if not has_policy(command.value, 'latest') then return nil end
  local newest = redis.call('ZREVRANGEBYLEX', K.queue, '(' .. command.lane .. '0', '(' .. command.member, 'LIMIT', 0, 1)[1]
  if not newest or not has_policy(redis.call('HGET', K.commands, id_of(newest)), 'latest') then return nil end
  return id_of(newest)
end

-- Why a command of policy `now` was requeued, if it was: it gets no further attempt.
local function missed(command)
  if not has_policy(command.value, 'now') then return nil end
  return string.match(command.transitions, ';pending,%d+,%d+,([^;]*)$')
end

-- The final state of a due command, and its cause; nil if it must be dispatched (again), or must wait.
-- `is_missing`: its device is not 'there' (see reach.lua); a command of policy `now` does not wait for it.
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
  -- It was sent and never acknowledged, so the device may have executed it; the same holds if a later attempt found the device
  -- unreachable.
  return 'unknown', command.state == 'acknowledged' and 'timeout' or 'no_answer'
end

-- Whether an overdue command can end now. Its `onFailure` applies to the lane only when it is the head: until then it stays open, and it
-- is not dispatched then.
local function may_end(K, command)
  return command.on_failure == '' or command.on_failure == 'skip' or heads(K, command.lane, 1)[1] == command.member
end
