-- A command, its transitions and its lane. The table of allowed transitions is in contracts/src/commands/command.ts.
--
-- `K` holds the command keys of the shard: commands, transitions, acknowledgements, queue, index, due; and the counters: rollouts, and the
-- ledger of the fleet (see src/keys.ts). A function that ends no command can omit these two.
-- A command's value in `commands` is a header line and its JSON (see src/commands/command-header.ts):
-- "<fleet>/<device>/<lane> <seq> <expiresAt> <policy> <onFailure> <timeoutMs> <attempts> <rollout id or ->\n{…}".
-- Its transitions are "state,at,attempt,cause" joined by ";"; the last entry is its state.
-- A lane is a run of `queue` members, "<fleet>/<device>/<lane>/<seq>/<id>"; the first one is its head.
-- Only the head of a lane is ever dispatched (window 1 per lane), and none while the device HASH has "stopped:<lane>".

local FINAL = { succeeded = true, failed = true, rejected = true, expired = true, superseded = true, cancelled = true, unknown = true }

local function command_keys(keys, first)
  return {
    commands = keys[first], transitions = keys[first + 1], acknowledgements = keys[first + 2],
    queue = keys[first + 3], index = keys[first + 4], due = keys[first + 5],
    rollouts = keys[first + 6], ledger = keys[first + 7],
  }
end

local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- Numbers beyond 2^31 must not pass through tostring(), which writes them as 1.76e+12.
local function int(number)
  return string.format('%.0f', number)
end

-- State, time (text) and attempt (text) of the last transition.
local function last_transition(transitions)
  local state, at, attempt = string.match(transitions, '^.*;(%a+),(%d+),(%d+),')
  if state then return state, at, attempt end
  return string.match(transitions, '^(%a+),(%d+),(%d+),')
end

-- The command behind an id, or nil: lane, expires_at, on_failure, timeout, attempts, rollout, value, transitions, member, and of its
-- last transition state, since (text) and attempt. The header of an earlier version ends after the policy.
local function read_command(K, id)
  local value = redis.call('HGET', K.commands, id)
  if not value then return nil end
  local command = { id = id, value = value, transitions = redis.call('HGET', K.transitions, id) }
  local lane, seq, expires_at, on_failure, timeout, attempts, rollout =
    string.match(value, '^(%S+) (%d+) (%d+) %a+ ?(%S*) ?(%d*) ?(%d*) ?(%S*)\n')
  command.lane, command.seq, command.expires_at = lane, tonumber(seq), tonumber(expires_at)
  command.on_failure, command.timeout, command.attempts = on_failure, tonumber(timeout) or 60000, tonumber(attempts) or 5
  command.rollout = rollout ~= '' and rollout ~= '-' and rollout
  command.member = lane .. '/' .. seq .. '/' .. id
  local state, since, attempt = last_transition(command.transitions)
  command.state, command.since, command.attempt = state, since, tonumber(attempt)
  return command
end

-- A command can be requeued for weeks while its device is offline: beyond this length (bytes) the oldest transition after the
-- first one is dropped.
local MAX_TRANSITIONS = 2048

local function append(K, command, state, now, attempt, cause)
  local transitions = command.transitions
  if #transitions > MAX_TRANSITIONS then transitions = string.gsub(transitions, '^([^;]*);[^;]*', '%1', 1) end
  command.transitions = transitions .. ';' .. state .. ',' .. int(now) .. ',' .. attempt .. ',' .. cause
  command.state, command.attempt = state, attempt
  redis.call('HSET', K.transitions, command.id, command.transitions)
end

-- The first `count` members of a lane.
local function heads(K, lane, count)
  return redis.call('ZRANGEBYLEX', K.queue, '[' .. lane .. '/', '(' .. lane .. '0', 'LIMIT', 0, count)
end

local function id_of(member)
  return string.match(member, '[^/]+$')
end
