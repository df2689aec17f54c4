-- The life of a command, included by every script that moves one. The table of its transitions is in contracts/src/command.ts.
--
-- `K` holds the command keys of the shard: commands, transitions, answers, queue, index, due, and where ends are counted:
-- rollouts, and the ledger of the fleet (see src/keys.ts). A script that ends nothing need not have the last two.
-- A command's value in `commands` is a header line and its JSON (see src/command-header.ts):
-- "<fleet>/<device>/<lane> <seq> <expiresAt> <policy> <onFailure> <timeoutMs> <attempts> <rollout id or ->\n{…}".
-- Its history in `transitions` is "state,at,attempt,cause" joined by ";"; the last entry is its state.
-- A lane is a run of `queue` members, "<fleet>/<device>/<lane>/<seq>/<id>"; the first one is its head.
-- Only the head of a lane is ever dispatched (window 1 per lane), and none while the device HASH has "stopped:<lane>".

local FINAL = { succeeded = true, failed = true, rejected = true, expired = true, superseded = true, cancelled = true, unknown = true }

local function command_keys(first)
  return {
    commands = KEYS[first], transitions = KEYS[first + 1], answers = KEYS[first + 2],
    queue = KEYS[first + 3], index = KEYS[first + 4], due = KEYS[first + 5],
    rollouts = KEYS[first + 6], ledger = KEYS[first + 7],
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
local function last_transition(history)
  local state, at, attempt = string.match(history, '^.*;(%a+),(%d+),(%d+),')
  if state then return state, at, attempt end
  return string.match(history, '^(%a+),(%d+),(%d+),')
end

-- The command behind an id, or nil: lane, expires_at, on_failure, timeout, attempts, rollout, value, history, member, and of its
-- last transition state, since (text) and attempt. The header of an earlier version ends after the policy.
local function read_command(K, id)
  local value = redis.call('HGET', K.commands, id)
  if not value then return nil end
  local command = { id = id, value = value, history = redis.call('HGET', K.transitions, id) }
  local lane, seq, expires_at, on_failure, timeout, attempts, rollout =
    string.match(value, '^(%S+) (%d+) (%d+) %a+ ?(%S*) ?(%d*) ?(%d*) ?(%S*)\n')
  command.lane, command.seq, command.expires_at = lane, tonumber(seq), tonumber(expires_at)
  command.on_failure, command.timeout, command.attempts = on_failure, tonumber(timeout) or 60000, tonumber(attempts) or 5
  command.rollout = rollout ~= '' and rollout ~= '-' and rollout
  command.member = lane .. '/' .. seq .. '/' .. id
  local state, since, attempt = last_transition(command.history)
  command.state, command.since, command.attempt = state, since, tonumber(attempt)
  return command
end

-- A device may be away for weeks and its command be given back again and again: beyond this length (bytes) the oldest
-- transition after the first one makes room.
local MAX_HISTORY = 2048

local function append(K, command, state, now, attempt, cause)
  local history = command.history
  if #history > MAX_HISTORY then history = string.gsub(history, '^([^;]*);[^;]*', '%1', 1) end
  command.history = history .. ';' .. state .. ',' .. int(now) .. ',' .. attempt .. ',' .. cause
  command.state, command.attempt = state, attempt
  redis.call('HSET', K.transitions, command.id, command.history)
end

-- The first members of a lane, at most this many.
local function heads(K, lane, count)
  return redis.call('ZRANGEBYLEX', K.queue, '[' .. lane .. '/', '(' .. lane .. '0', 'LIMIT', 0, count)
end

local function id_of(member)
  return string.match(member, '[^/]+$')
end

local function stopped_field(lane)
  return 'stopped:' .. string.match(lane, '[^/]+$')
end

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

-- Makes the next command of a lane due now, unless the lane is stopped. Returns whether it did.
local function go_on(K, device_key, lane, member, now)
  if not member or redis.call('HEXISTS', device_key, stopped_field(lane)) == 1 then return false end
  redis.call('ZADD', K.due, int(now), id_of(member))
  return true
end

-- Gives a command the final state that the device or time has brought about; its lane follows what it says on failure.
-- Returns whether the next command of the lane is due now, and the ids of those that were aborted.
local function finish(K, device_key, command, state, now, cause)
  local first = heads(K, command.lane, 2)
  leave(K, command, state, now, cause)
  if first[1] ~= command.member then return false, {} end
  if state ~= 'succeeded' and command.on_failure == 'stop' then
    redis.call('HSETNX', device_key, stopped_field(command.lane), command.id)
  elseif state ~= 'succeeded' and command.on_failure == 'abort-rest' then
    local aborted = {}
    for i, member in ipairs(heads(K, command.lane, -1)) do
      aborted[i] = id_of(member)
      leave(K, read_command(K, aborted[i]), 'cancelled', now, 'aborted:' .. command.id)
    end
    return false, aborted
  end
  return go_on(K, device_key, command.lane, first[2], now), {}
end

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

-- Forgets final commands among the oldest ones of a device.
local function forget(K, device, count)
  local oldest = redis.call('ZRANGEBYLEX', K.index, '[' .. device .. '/', '(' .. device .. '0', 'LIMIT', 0, count)
  for _, member in ipairs(oldest) do
    local id = id_of(member)
    local history = redis.call('HGET', K.transitions, id)
    if not history or FINAL[(last_transition(history))] then
      redis.call('ZREM', K.index, member)
      redis.call('HDEL', K.commands, id)
      redis.call('HDEL', K.transitions, id)
      redis.call('HDEL', K.answers, id)
    end
  end
end

-- Puts a new command at the end of its lane. `c`: id, device ("<fleet>/<device>"), lane, delivery (the header from the policy on),
-- ttl (ms), json, cause, keep, max_open, lease (ms; 0 leaves the first dispatch to the dispatcher).
-- Returns "dispatched" (the caller holds the lease and publishes now) or "pending", the lane's sequence number, the expiry,
-- and the ids that it superseded, with a "?" before those that ended as unknown; or "full" (and nothing has changed): a command
-- that supersedes another one always has room.
-- An id that was taken before (the reply was lost) changes nothing; whoever is to dispatch it, it is not the caller.
local function enqueue(K, device_key, c, now)
  local known = read_command(K, c.id)
  if known then return 'pending', known.seq, known.expires_at, {} end
  local lane = c.device .. '/' .. c.lane
  local policy, rollout = string.match(c.delivery, '^(%a+) .* (%S+)$')
  local superseded = {}
  local head = nil
  for _, member in ipairs(heads(K, lane, -1)) do
    local earlier = policy == 'latest' and read_command(K, id_of(member))
    if earlier and earlier.state == 'pending' then
      local state = take_back(K, earlier, 'superseded', now, c.id, 'superseded:' .. c.id)
      superseded[#superseded + 1] = (state == 'unknown' and '?' or '') .. earlier.id
    else
      head = head or member
    end
  end
  -- Open ones are among those that are kept: few are kept of most devices, and then they need not be counted.
  local kept = redis.call('ZLEXCOUNT', K.index, '[' .. c.device .. '/', '(' .. c.device .. '0')
  if kept >= c.max_open
    and redis.call('ZLEXCOUNT', K.queue, '[' .. c.device .. '/', '(' .. c.device .. '0') >= c.max_open then
    return 'full', 0, 0, {}
  end
  -- A lane counts from the time of its first command, so that it counts on even if the store was lost in between.
  local fields = redis.call('HMGET', device_key, 'lane:' .. c.lane, 'stopped:' .. c.lane)
  local seq = fields[1] and fields[1] + 1 or now
  redis.call('HSET', device_key, 'lane:' .. c.lane, int(seq))
  local padded = string.format('%016.0f', seq)
  local expires_at = now + c.ttl
  local state, due, history = 'pending', expires_at, 'pending,' .. int(now) .. ',0,' .. c.cause
  if not head and not fields[2] then
    due = now
    if c.lease > 0 then
      state, due = 'dispatched', math.min(now + c.lease, expires_at)
      history = history .. ';dispatched,' .. int(now) .. ',1,emit'
    end
  end
  redis.call('HSET', K.commands, c.id, lane .. ' ' .. padded .. ' ' .. int(expires_at) .. ' ' .. c.delivery .. '\n' .. c.json)
  redis.call('HSET', K.transitions, c.id, history)
  redis.call('ZADD', K.queue, 0, lane .. '/' .. padded .. '/' .. c.id)
  redis.call('ZADD', K.index, 0, c.device .. '/' .. c.id)
  redis.call('ZADD', K.due, int(due), c.id)
  redis.call('HINCRBY', K.ledger, 'issued:' .. string.match(c.json, '^{"source":"(%a+)"'), 1)
  if rollout ~= '-' then redis.call('HINCRBY', K.rollouts, rollout .. ':enqueued', 1) end
  if kept + 1 > c.keep then forget(K, c.device, kept + 1 - c.keep) end
  return state, seq, expires_at, superseded
end
