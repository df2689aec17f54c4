-- Removes a device: ends its open commands, then deletes all its data. Its counts stay in the fleet's ledger.
-- For a day the device HASH keeps what is needed if the device reports again: its session, and the device's own counts (`_n`, `_dropped`)
-- that the ledger includes. It also has `removed` until the broker's retained presence is cleared: until then a birth of that session is
-- the retained one, and changes nothing.
--
-- KEYS  1 device HASH   2 window LIST   3 outcomes HASH   4 edge HASH   5 presence ZSET   6 devices ZSET   7 fleets SET
--       8 ineffective ZSET   9 timers ZSET   10 effects ZSET   11 edge-due ZSET   12 forget-due ZSET   13 departures ZSET
--       14..21 commands, transitions, acknowledgements, queue, index, due, rollouts, ledger
-- ARGV  1 fleet   2 device   3 '1' to remove it only if it has been offline for longer than its birth's `forgetAfter`
--       4 how long the rest of the device HASH is kept (ms)
-- Returns  {'removed', presence score before or '', now (ms), '<state> <source> <command id>'…}: the commands that ended, as cancelled or unknown
--          {'missing'}   there is no such device
--          {'kept'}      it has not been offline for long enough; the forget-due index has the time of the next check
-- Clock    Redis TIME
return function(keys, args)
  local call = redis.call
  local fleet, device = args[1], args[2]
  local name = fleet .. '/' .. device
  local now = now_ms()
  if not call('ZSCORE', keys[6], device) then
    call('ZREM', keys[12], name)
    return { 'missing' }
  end
  local online_until = call('ZSCORE', keys[5], device)
  local session = call('HGET', keys[1], 'session')

  if args[3] == '1' then
    local forget_after = tonumber(call('HGET', keys[1], 'forget-after'))
    if not forget_after or not session then
      call('ZREM', keys[12], name)
      return { 'kept' }
    end
    -- Offline since its will or goodbye, or since its next message was overdue.
    local since = tonumber(online_until or 0)
    if since < 1 then since = tonumber(string.match(session, '^%d+,%d,(%d+)')) end
    if since + forget_after > now then
      call('ZADD', keys[12], int(since + forget_after), name)
      return { 'kept' }
    end
  end

  local K = command_keys(keys, 14)
  local reply = { 'removed', online_until or '', int(now) }
  for _, member in ipairs(call('ZRANGEBYLEX', K.queue, '[' .. name .. '/', '(' .. name .. '0')) do
    local command = read_command(K, id_of(member))
    if command then
      local state = withdraw(K, command, 'cancelled', now, 'removed', 'removed')
      reply[#reply + 1] = state .. ' ' .. string.match(command.value, '\n{"source":"(%a+)"') .. ' ' .. command.id
    else
      call('ZREM', K.queue, member)
    end
  end
  for _, member in ipairs(call('ZRANGEBYLEX', K.index, '[' .. name .. '/', '(' .. name .. '0')) do
    local id = id_of(member)
    call('ZREM', K.index, member)
    call('HDEL', K.commands, id)
    call('HDEL', K.transitions, id)
    call('HDEL', K.acknowledgements, id, id .. ':effect', id .. ':unread')
    call('ZREM', keys[10], name .. '/' .. id)
  end

  -- Adds the device's counts (see src/fleets/ledger.ts) to those of the fleet.
  local counts = call('HMGET', keys[1], 'late', 'duplicate', 'stale', 'rejected', 'taken', 'dropped', 'from', 'again')
  local function count(i)
    return tonumber(counts[i] or 0)
  end
  local entry = call('LINDEX', keys[2], -1) or ''
  local live, n, json = string.match(entry, '^%d+,%d,(%d*),(%d*),%d*,%d*,[^,]*,(.*)$')
  local stored, last_n = tonumber(live or '') or 0, tonumber(n or '')
  local function add(field, number)
    if number ~= 0 then call('HINCRBY', K.ledger, 'removed:' .. field, int(number)) end
  end
  add('stored', stored)
  add('late', count(1))
  add('duplicate', count(2))
  add('stale', count(3))
  local is_json, reading = pcall(cjson.decode, json or '{}')
  local dropped_now = is_json and type(reading) == 'table' and tonumber(reading._dropped) or 0
  if last_n or counts[5] then
    local dropped = count(6) + dropped_now
    local declared = count(5) + (last_n and math.max(0, last_n - math.max(count(7), 1) + 1) or 0)
    local unexplained = declared - dropped - stored - count(1) - count(3) - count(4)
    add('declared', declared)
    add('dropped', dropped)
    if not counts[8] then
      add('devices', 1)
      unexplained = math.max(0, unexplained)
    end
    add('unexplained', unexplained)
  end

  local sessions = call('HGET', keys[1], 'sessions')
  call('DEL', keys[1], keys[2], keys[3], keys[4])
  if session then call('HSET', keys[1], 'session', session) end
  if sessions then call('HSET', keys[1], 'sessions', sessions) end
  if last_n then
    call('HSET', keys[1], 'again', '1', 'from', int(last_n + 1))
    if dropped_now > 0 then call('HSET', keys[1], 'dropped', int(-dropped_now)) end
  end
  call('HSET', keys[1], 'removed', int(now))
  call('PEXPIRE', keys[1], args[4])
  call('ZREM', keys[5], device)
  call('ZREM', keys[6], device)
  if call('ZCARD', keys[6]) == 0 then call('SREM', keys[7], fleet) end
  call('ZREM', keys[8], device)
  call('ZREM', keys[9], 'device/' .. name)
  call('ZREM', keys[11], name)
  call('ZREM', keys[12], name)
  call('ZADD', keys[13], int(now), name .. '/' .. int(now))
  return reply
end
