-- Enqueues commands. The device HASH counts the stored commands (`kept`) and the open ones (`open`), which can be too high, as in a lane
-- (see device.lua).

-- How many commands of a device an index holds.
local function count(index, device)
  return redis.call('ZLEXCOUNT', index, '[' .. device .. '/', '(' .. device .. '0')
end

-- Prunes the final ones among the oldest commands of a device. Returns how many remain.
local function prune(K, device)
  local kept = count(K.index, device)
  local oldest = redis.call('ZRANGEBYLEX', K.index, '[' .. device .. '/', '(' .. device .. '0', 'LIMIT', 0, math.max(0, kept - COMMANDS_KEPT))
  local members, ids, fields = {}, {}, {}
  for _, member in ipairs(oldest) do
    local id = id_of(member)
    local transitions = redis.call('HGET', K.transitions, id)
    if not transitions or FINAL[(last_transition(transitions))] then
      members[#members + 1], ids[#ids + 1] = member, id
      fields[#fields + 1], fields[#fields + 2], fields[#fields + 3] = id, id .. ':effect', id .. ':unread'
    end
  end
  if #ids == 0 then return kept end
  redis.call('ZREM', K.index, unpack(members))
  redis.call('HDEL', K.commands, unpack(ids))
  redis.call('HDEL', K.transitions, unpack(ids))
  redis.call('HDEL', K.acknowledgements, unpack(fields))
  return kept - #ids
end

-- Whether the newest command with this cause and lane was dispatched since the device restarted, or is still pending.
local function is_needless(K, c, lane)
  local kept = redis.call('ZREVRANGEBYLEX', K.index, '(' .. c.device .. '0', '[' .. c.device .. '/', 'LIMIT', 0, MAX_OPEN_COMMANDS)
  for _, member in ipairs(kept) do
    local earlier = read_command(K, id_of(member))
    if earlier and earlier.lane == lane and string.match(earlier.transitions, '^%a+,%d+,%d+,([^;]*)') == c.cause then
      if earlier.state == 'pending' then return true end
      local sent = string.match(earlier.transitions, '^.*;dispatched,(%d+),')
      return sent and tonumber(sent) >= c.restarted
        and (not FINAL[earlier.state] or earlier.state == 'succeeded')
    end
  end
  return false
end

-- Supersedes the pending commands of a lane if the policy is `latest`. Returns the superseded ids, with a "?" before those that ended as
-- unknown, and how many commands stay open.
local function supersede(K, lane, policy, by, now)
  local superseded, open = {}, 0
  for _, member in ipairs(heads(K, lane, -1)) do
    local earlier = policy == 'latest' and read_command(K, id_of(member))
    if earlier and earlier.state == 'pending' then
      local state = withdraw(K, earlier, 'superseded', now, by, 'superseded:' .. by)
      superseded[#superseded + 1] = (state == 'unknown' and '?' or '') .. earlier.id
    else
      open = open + 1
    end
  end
  return superseded, open
end

-- Whether the device has reached its limit of open commands. Commands that end a run can use up to twice the limit.
local function is_full(K, device, c)
  local limit = string.sub(c.cause, 1, 8) == 'promise:' and 2 * MAX_OPEN_COMMANDS or MAX_OPEN_COMMANDS
  if device:get('open') and tonumber(device:get('open')) < limit then return false end
  local open = count(K.queue, c.device)
  device:set('open', open)
  return open >= limit
end

-- Adds a command to the end of its lane; the caller saves the device. `c`: id, device ("<fleet>/<device>"), lane, delivery (the header from
-- the policy on), ttl (ms), json, cause, and optionally is_leased (the caller publishes it if it is dispatched), away (the device is known
-- to be unreachable, so the command waits for it), restarted (ms; when the device restarted, for a command that repeats an earlier one).
-- Returns "dispatched" (the caller holds the lease and publishes now) or "pending", the lane's sequence number, the expiry, and the ids
-- that it superseded, with a "?" before those that ended as unknown; or "needless", or "full" (nothing has changed). A command that
-- supersedes another one is always accepted. A repeated id (its reply was lost) changes nothing; the caller does not dispatch it.
local function enqueue(K, device, c, now)
  local lane = c.device .. '/' .. c.lane
  local open, superseded = device:open_in(c.lane), {}
  local policy, rollout = string.match(c.delivery, '^(%a+) .* (%S+)$')
  if open ~= 0 or c.restarted then
    local known = read_command(K, c.id)
    if known then return 'pending', known.seq, known.expires_at, {} end
    if c.restarted and is_needless(K, c, lane) then return 'needless', 0, 0, {} end
    superseded, open = supersede(K, lane, policy, c.id, now)
    if device:get('open') then device:set('open', math.max(0, device:get('open') - #superseded)) end
  end
  if is_full(K, device, c) then return 'full', 0, 0, {} end
  -- Lane sequence numbers follow the clock, so they keep rising even if the store was lost, or restored from a backup.
  local seq = math.max((device:get('lane:' .. c.lane) or 0) + 1, now)
  local padded, expires_at = string.format('%016.0f', seq), now + c.ttl
  local value = lane .. ' ' .. padded .. ' ' .. int(expires_at) .. ' ' .. c.delivery .. '\n' .. c.json
  if redis.call('HSETNX', K.commands, c.id, value) == 0 then
    local known = read_command(K, c.id)
    return 'pending', known.seq, known.expires_at, {}
  end
  local state, due, transitions = 'pending', expires_at, 'pending,' .. int(now) .. ',0,' .. c.cause
  if open == 0 and not device:get('stopped:' .. c.lane) then
    -- A command of policy `now` does not wait for its device: the next claim ends it.
    if not c.away or policy == 'now' then due = now end
    if c.is_leased and not c.away then
      state, due = 'dispatched', math.min(now + LEASE_MS, expires_at)
      transitions = transitions .. ';dispatched,' .. int(now) .. ',1,emit'
    end
  end
  redis.call('HSET', K.transitions, c.id, transitions)
  redis.call('ZADD', K.queue, 0, lane .. '/' .. padded .. '/' .. c.id)
  redis.call('ZADD', K.index, 0, c.device .. '/' .. c.id)
  redis.call('ZADD', K.due, int(due), c.id)
  redis.call('HINCRBY', K.ledger, 'issued:' .. string.match(c.json, '^{"source":"(%a+)"'), 1)
  if rollout ~= '-' then redis.call('HINCRBY', K.rollouts, rollout .. ':enqueued', 1) end
  local kept = device:get('kept') and device:get('kept') + 1 or count(K.index, c.device)
  if kept > COMMANDS_KEPT + PRUNE_STRIDE then kept = prune(K, c.device) end
  device:set('kept', kept)
  device:set('open', device:get('open') + 1)
  device:set('lane:' .. c.lane, int(seq))
  device:set_open_in(c.lane, open + 1)
  return state, seq, expires_at, superseded
end
