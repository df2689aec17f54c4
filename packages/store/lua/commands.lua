-- The life of a command, included by every script that moves one.
--
-- `K` holds the command keys of the shard: commands, transitions, answers, queue, index, due (see src/keys.ts).
-- A command's value in `commands` is a header line and its JSON (see src/command-header.ts):
-- "<fleet>/<device>/<lane> <seq> <expiresAt> <policy> <onFailure> <timeoutMs> <attempts> <rollout id or ->\n{…}".
-- Its history in `transitions` is "state,at,attempt,cause" joined by ";"; the last entry is its state.
-- A lane is a run of `queue` members, "<fleet>/<device>/<lane>/<seq>/<id>"; the first one is its head.
-- Only the head of a lane is ever dispatched (window 1 per lane).

local FINAL = { succeeded = true, failed = true, rejected = true, expired = true, superseded = true, cancelled = true, unknown = true }

local function command_keys(first)
  return {
    commands = KEYS[first], transitions = KEYS[first + 1], answers = KEYS[first + 2],
    queue = KEYS[first + 3], index = KEYS[first + 4], due = KEYS[first + 5],
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

-- The command behind an id, or nil: lane, seq, expires_at, policy, value, state, attempt, history, member.
local function read_command(K, id)
  local value = redis.call('HGET', K.commands, id)
  if not value then return nil end
  local command = { id = id, value = value, history = redis.call('HGET', K.transitions, id) }
  local lane, seq, expires_at, policy = string.match(value, '^(%S+) (%d+) (%d+) (%a+)')
  command.lane, command.seq, command.expires_at, command.policy = lane, tonumber(seq), tonumber(expires_at), policy
  command.member = lane .. '/' .. seq .. '/' .. id
  local state, attempt = string.match(command.history, '(%a+),%d+,(%d+),[^;]*$')
  command.state, command.attempt = state, tonumber(attempt)
  return command
end

-- A device may be away for weeks and its command be given back every few seconds: beyond this length (bytes) the oldest
-- transition after the first one makes room.
local MAX_HISTORY = 2048

local function append(K, command, state, now, attempt, cause)
  local history = command.history
  if #history > MAX_HISTORY then history = string.gsub(history, '^([^;]*);[^;]*', '%1', 1) end
  command.history = history .. ';' .. state .. ',' .. int(now) .. ',' .. attempt .. ',' .. cause
  command.state, command.attempt = state, attempt
  redis.call('HSET', K.transitions, command.id, command.history)
end

local function head_of(K, lane)
  return redis.call('ZRANGEBYLEX', K.queue, '[' .. lane .. '/', '(' .. lane .. '0', 'LIMIT', 0, 1)[1]
end

local function id_of(member)
  return string.match(member, '[^/]+$')
end

-- Gives a command its final state, and the lane its next head. Returns whether there is one, which is due now.
local function finish(K, command, state, now, cause)
  local was_head = head_of(K, command.lane) == command.member
  append(K, command, state, now, command.attempt, cause)
  redis.call('ZREM', K.queue, command.member)
  redis.call('ZREM', K.due, command.id)
  local head = was_head and head_of(K, command.lane)
  if not head then return false end
  redis.call('ZADD', K.due, int(now), id_of(head))
  return true
end

-- Forgets the oldest final commands of a device beyond the number that is kept.
local function trim_index(K, device, keep)
  local excess = redis.call('ZLEXCOUNT', K.index, '[' .. device .. '/', '(' .. device .. '0') - keep
  if excess <= 0 then return end
  local oldest = redis.call('ZRANGEBYLEX', K.index, '[' .. device .. '/', '(' .. device .. '0', 'LIMIT', 0, excess)
  for _, member in ipairs(oldest) do
    local id = id_of(member)
    local history = redis.call('HGET', K.transitions, id)
    if not history or FINAL[string.match(history, '(%a+),%d+,%d+,[^;]*$')] then
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
-- and the ids that it superseded; or "full" (and nothing has changed): a command that supersedes another one always has room.
-- An id that was taken before (the reply was lost) changes nothing; whoever is to dispatch it, it is not the caller.
local function enqueue(K, device_key, c, now)
  local known = read_command(K, c.id)
  if known then return 'pending', known.seq, known.expires_at, {} end
  local lane = c.device .. '/' .. c.lane
  local superseded = {}
  local head = nil
  for _, member in ipairs(redis.call('ZRANGEBYLEX', K.queue, '[' .. lane .. '/', '(' .. lane .. '0')) do
    local earlier = string.match(c.delivery, '^%a+') == 'latest' and read_command(K, id_of(member))
    if earlier and earlier.state == 'pending' then
      finish(K, earlier, 'superseded', now, c.id)
      superseded[#superseded + 1] = earlier.id
    else
      head = head or member
    end
  end
  if redis.call('ZLEXCOUNT', K.queue, '[' .. c.device .. '/', '(' .. c.device .. '0') >= c.max_open then
    return 'full', 0, 0, {}
  end
  local seq = redis.call('HINCRBY', device_key, 'lane:' .. c.lane, 1)
  local padded = string.format('%016.0f', seq)
  local expires_at = now + c.ttl
  local state, due, history = 'pending', expires_at, 'pending,' .. int(now) .. ',0,' .. c.cause
  if not head and c.lease > 0 then
    state, due = 'dispatched', math.min(now + c.lease, expires_at)
    history = history .. ';dispatched,' .. int(now) .. ',1,emit'
  elseif not head then
    due = now
  end
  redis.call('HSET', K.commands, c.id, lane .. ' ' .. padded .. ' ' .. int(expires_at) .. ' ' .. c.delivery .. '\n' .. c.json)
  redis.call('HSET', K.transitions, c.id, history)
  redis.call('ZADD', K.queue, 0, lane .. '/' .. padded .. '/' .. c.id)
  redis.call('ZADD', K.index, 0, c.device .. '/' .. c.id)
  redis.call('ZADD', K.due, int(due), c.id)
  trim_index(K, c.device, c.keep)
  return state, seq, expires_at, superseded
end
