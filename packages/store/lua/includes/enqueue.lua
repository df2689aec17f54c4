-- Enqueues commands; include after commands.lua and endCommand.lua.

-- Prunes the final commands among the oldest ones of a device.
local function forget(K, device, count)
  local oldest = redis.call('ZRANGEBYLEX', K.index, '[' .. device .. '/', '(' .. device .. '0', 'LIMIT', 0, count)
  for _, member in ipairs(oldest) do
    local id = id_of(member)
    local history = redis.call('HGET', K.transitions, id)
    if not history or FINAL[(last_transition(history))] then
      redis.call('ZREM', K.index, member)
      redis.call('HDEL', K.commands, id)
      redis.call('HDEL', K.transitions, id)
      redis.call('HDEL', K.answers, id, id .. ':effect', id .. ':unread')
    end
  end
end

-- Whether the newest command of this cause and lane was dispatched since the device restarted, or is still pending.
local function is_needless(K, c, lane)
  local kept = redis.call('ZREVRANGEBYLEX', K.index, '(' .. c.device .. '0', '[' .. c.device .. '/', 'LIMIT', 0, c.max_open)
  for _, member in ipairs(kept) do
    local earlier = read_command(K, id_of(member))
    if earlier and earlier.lane == lane and string.match(earlier.history, '^%a+,%d+,%d+,([^;]*)') == c.cause then
      if earlier.state == 'pending' then return true end
      local sent = string.match(earlier.history, '^.*;dispatched,(%d+),')
      return sent and tonumber(sent) >= c.restarted
        and (not FINAL[earlier.state] or earlier.state == 'succeeded')
    end
  end
  return false
end

-- Puts a new command at the end of its lane. `c`: id, device ("<fleet>/<device>"), lane, delivery (the header from the policy on),
-- ttl (ms), json, cause, keep, max_open, lease (ms; 0 leaves the first dispatch to the dispatcher), away (the device is known to be
-- unreachable, so the command waits for it), restarted (ms; when the device restarted, for a command that repeats an earlier one).
-- Returns "dispatched" (the caller holds the lease and publishes now) or "pending", the lane's sequence number, the expiry,
-- and the ids that it superseded, with a "?" before those that ended as unknown; or "needless", or "full" (nothing has changed). A command
-- that supersedes another one is always accepted, and a command that ends what a rule started may exceed the limit up to its double.
-- A repeated id (its reply was lost) changes nothing; the caller does not dispatch it.
local function enqueue(K, device_key, c, now)
  local known = read_command(K, c.id)
  if known then return 'pending', known.seq, known.expires_at, {} end
  local lane = c.device .. '/' .. c.lane
  if c.restarted and is_needless(K, c, lane) then return 'needless', 0, 0, {} end
  local policy, rollout = string.match(c.delivery, '^(%a+) .* (%S+)$')
  local superseded = {}
  local head = nil
  for _, member in ipairs(heads(K, lane, -1)) do
    local earlier = policy == 'latest' and read_command(K, id_of(member))
    if earlier and earlier.state == 'pending' then
      local state = withdraw(K, earlier, 'superseded', now, c.id, 'superseded:' .. c.id)
      superseded[#superseded + 1] = (state == 'unknown' and '?' or '') .. earlier.id
    else
      head = head or member
    end
  end
  -- Open commands are among the kept ones. Most devices keep few, so the open ones need not be counted.
  local kept = redis.call('ZLEXCOUNT', K.index, '[' .. c.device .. '/', '(' .. c.device .. '0')
  local max_open = string.sub(c.cause, 1, 8) == 'promise:' and 2 * c.max_open or c.max_open
  if kept >= max_open
    and redis.call('ZLEXCOUNT', K.queue, '[' .. c.device .. '/', '(' .. c.device .. '0') >= max_open then
    return 'full', 0, 0, {}
  end
  -- Lane sequence numbers follow the clock, so they keep rising even if the store was lost, or restored from a backup.
  local fields = redis.call('HMGET', device_key, 'lane:' .. c.lane, 'stopped:' .. c.lane)
  local seq = math.max((fields[1] or 0) + 1, now)
  redis.call('HSET', device_key, 'lane:' .. c.lane, int(seq))
  local padded = string.format('%016.0f', seq)
  local expires_at = now + c.ttl
  local state, due, history = 'pending', expires_at, 'pending,' .. int(now) .. ',0,' .. c.cause
  if not head and not fields[2] then
    -- A command of policy `now` does not wait for its device: the next claim ends it.
    if not c.away or policy == 'now' then due = now end
    if c.lease > 0 and not c.away then
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
