-- How commands leave the queue; after commands.lua.

-- Gives a command its final state and counts it; its lane does not go on by itself.
local function leave(K, command, state, now, cause)
  append(K, command, state, now, command.attempt, cause)
  redis.call('ZREM', K.queue, command.member)
  redis.call('ZREM', K.due, command.id)
  redis.call('HINCRBY', K.ledger, state, 1)
  if command.rollout then redis.call('HINCRBY', K.rollouts, command.rollout .. ':' .. state, 1) end
end

-- Ends a pending command that somebody takes back, as `state`; as unknown if an attempt before has had no answer: the device may
-- have executed it. Returns the state.
local function take_back(K, command, state, now, cause, unknown_cause)
  if command.attempt == 0 then
    leave(K, command, state, now, cause)
    return state
  end
  leave(K, command, 'unknown', now, unknown_cause)
  return 'unknown'
end
