-- Ends commands.

-- Gives a command its final state and counts it. The caller advances its lane.
local function end_command(K, command, state, now, cause)
  append(K, command, state, now, command.attempt, cause)
  redis.call('ZREM', K.queue, command.member)
  redis.call('ZREM', K.due, command.id)
  redis.call('HINCRBY', K.ledger, state, 1)
  if command.rollout then redis.call('HINCRBY', K.rollouts, command.rollout .. ':' .. state, 1) end
end

-- Ends a pending command as `state`, or as unknown if an earlier attempt was never acknowledged: the device may have executed it.
-- Returns the state.
local function withdraw(K, command, state, now, cause, unknown_cause)
  if command.attempt == 0 then
    end_command(K, command, state, now, cause)
    return state
  end
  end_command(K, command, 'unknown', now, unknown_cause)
  return 'unknown'
end
