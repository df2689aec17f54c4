-- Accepts a batch of readings, sets rule states and takes the commands that the rules emitted: all or, per device, nothing.
-- Each device's part is compared with what is stored; a part that was judged on other grounds changes nothing and comes back
-- with what is stored, to be judged again. Repeating a part whose reply was lost changes nothing.
--
-- KEYS  any number; ARGV names them by position. Per device: device HASH, window LIST, presence ZSET (consecutive or not),
--       for a device new to the caller its devices ZSET and fleets SET, for commands the six command keys of the shard
-- ARGV  1 number of devices   2 window size   3 freshness (ms)   4 replica   5 commands kept per device
--       6 most open commands of a device   7 lease (ms)   8 most devices of a fleet in a shard
--       then per device:
--         device key, window key, presence key, devices key, fleets key, first command key (positions; 0 if not given),
--         fleet, device, '1' for the lesson's lane, part number (grows per replica),
--         version of the rule states on which it was judged ('' the store has none, '?' the caller does not know),
--         rule states as JSON ('' unchanged), number of live readings, of late ones, of commands,
--         per reading: seq ('' none), at ('' none), JSON
--         per command: id, lane, policy, ttl (ms), JSON, cause
-- Version  '0' for a new device, then '<replica>.<part>' of the part that last changed the rule states: never used twice.
-- Returns  {now, exception…}, a device without an exception was accepted as given, its commands dispatched. Exceptions:
--          {i, 'conflict', version, mark, rules, session}  nothing changed; judge again on these grounds
--          {i, 'full'}                                     nothing changed; the fleet has as many devices as it may
--          {i, 'repeated'}                                 this part was accepted before
--          {i, 'late', stored, duplicate, stale}           what became of the late readings
--          {i, 'command', id, 'dispatched'|'pending'|'full', seq, expiresAt, superseded ids…}  one per command
-- Clock    Redis TIME
--@include commands.lua

local argument = 8
local function take()
  argument = argument + 1
  return ARGV[argument]
end
local function key(position)
  return KEYS[tonumber(position)]
end

local window_size, fresh, replica, keep = tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4], tonumber(ARGV[5])
local max_open, lease, max_devices = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local now = now_ms()
local now_text = int(now)
local reply = { now_text }

local function newer(seq, at, stored_seq, stored_at)
  if seq ~= '' and stored_seq ~= '' then return tonumber(seq) > tonumber(stored_seq) end
  if at ~= '' and stored_at ~= '' then return tonumber(at) >= tonumber(stored_at) end
  return true
end

local function skip(count)
  argument = argument + count
end

local function push_all(window, entries)
  for first = 1, #entries, 1000 do
    redis.call('RPUSH', window, unpack(entries, first, math.min(first + 999, #entries)))
  end
end

-- Puts late readings where they belong in the window; it is read and written whole, since they are rare.
local function insert_late(window, late)
  local entries, by_seq, seen = {}, {}, {}
  local function entry(text)
    local seq, at, received, json = string.match(text, '^(%d*),(%d*),(%d*),%d,(.*)$')
    return { text = text, seq = seq, at = at, json = json, order = tonumber(seq) or tonumber(at) or tonumber(received) }
  end
  for _, text in ipairs(redis.call('LRANGE', window, 0, -1)) do
    local e = entry(text)
    entries[#entries + 1] = e
    if e.seq ~= '' then by_seq[e.seq] = true else seen[e.at .. e.json] = true end
  end
  local full = #entries >= window_size
  local oldest = entries[1] and entries[1].order
  local stored, duplicate, stale = 0, 0, 0
  for _, text in ipairs(late) do
    local e = entry(text)
    if (e.seq ~= '' and by_seq[e.seq]) or (e.seq == '' and seen[e.at .. e.json]) then
      duplicate = duplicate + 1
    elseif full and e.order < oldest then
      stale = stale + 1
    else
      stored = stored + 1
      if e.seq ~= '' then by_seq[e.seq] = true else seen[e.at .. e.json] = true end
      local place = #entries + 1
      while place > 1 and entries[place - 1].order > e.order do place = place - 1 end
      table.insert(entries, place, e)
    end
  end
  if stored > 0 then
    local texts = {}
    for i = math.max(1, #entries - window_size + 1), #entries do texts[#texts + 1] = entries[i].text end
    redis.call('DEL', window)
    push_all(window, texts)
  end
  return stored, duplicate, stale
end

for i = 1, tonumber(ARGV[1]) do
  local device_key, window, presence = key(take()), key(take()), key(take())
  local devices, fleets, first_command = take(), take(), take()
  local fleet, device, lesson, part = take(), take(), take(), take()
  local version, rules = take(), take()
  local live_count, late_count, command_count = tonumber(take()), tonumber(take()), tonumber(take())
  local rest = 3 * (live_count + late_count) + 6 * command_count

  local stored = redis.call('HGET', device_key, 'mark')
  local mark_seq, mark_at, mark_received, mark_version, mark_by, mark_part = '', '', '0', '', '', '0'
  if stored then
    mark_seq, mark_at, mark_received, mark_version, mark_by, mark_part =
      string.match(stored, '^(%d*),(%d*),(%d*),([^,]*),([^,]*),(%d*)$')
  end

  if mark_by == replica and tonumber(mark_part) >= tonumber(part) then
    reply[#reply + 1] = { i, 'repeated' }
    skip(rest)
  elseif mark_version ~= version
    or (live_count > 0 and not newer(ARGV[argument + 1], ARGV[argument + 2], mark_seq, mark_at)) then
    local fields = redis.call('HMGET', device_key, 'rules', 'session')
    reply[#reply + 1] = { i, 'conflict', mark_version, stored or '', fields[1] or '', fields[2] or '' }
    skip(rest)
  elseif not stored and not redis.call('ZSCORE', key(devices), device)
    and redis.call('ZCARD', key(devices)) >= max_devices then
    reply[#reply + 1] = { i, 'full' }
    skip(rest)
  else
    if not stored then
      redis.call('ZADD', key(devices), 0, device)
      redis.call('SADD', key(fleets), fleet)
      if lesson == '1' then redis.call('HSET', device_key, 'lesson', '1') end
      mark_version = '0'
    end
    local json
    local entries = {}
    for r = 1, live_count do
      mark_seq, mark_at, json = take(), take(), take()
      entries[r] = mark_seq .. ',' .. mark_at .. ',' .. now_text .. ',0,' .. json
    end
    if live_count > 0 then
      push_all(window, entries)
      local length = redis.call('LLEN', window)
      if length > window_size then redis.call('LTRIM', window, -window_size, -1) end
    end
    local late = {}
    for r = 1, late_count do
      local seq, at, text = take(), take(), take()
      late[r] = seq .. ',' .. at .. ',' .. now_text .. ',1,' .. text
    end
    if late_count > 0 then
      local kept, duplicate, stale = insert_late(window, late)
      reply[#reply + 1] = { i, 'late', kept, duplicate, stale }
    end
    if rules ~= '' then mark_version = replica .. '.' .. part end
    local heard = tonumber(mark_received)
    local received = live_count > 0 and now_text or mark_received
    local mark = mark_seq .. ',' .. mark_at .. ',' .. received .. ',' .. mark_version .. ',' .. replica .. ',' .. part
    if live_count == 0 then
      redis.call('HSET', device_key, 'mark', mark)
      if rules ~= '' then redis.call('HSET', device_key, 'rules', rules) end
    elseif rules == '' then
      redis.call('HSET', device_key, 'mark', mark, 'reading', json)
    else
      redis.call('HSET', device_key, 'mark', mark, 'reading', json, 'rules', rules)
    end
    -- Freshness is exact to a second: a chatty device moves in the sorted set once in each second, not on every message.
    if not stored or math.floor(now / 1000) ~= math.floor(heard / 1000) then
      redis.call('ZADD', presence, int(now + fresh), device)
    end

    for _ = 1, command_count do
      local id, lane, policy, ttl, text, cause = take(), take(), take(), take(), take(), take()
      local K = command_keys(tonumber(first_command))
      local name = fleet .. '/' .. device
      if redis.call('ZLEXCOUNT', K.queue, '[' .. name .. '/', '(' .. name .. '0') >= max_open then
        reply[#reply + 1] = { i, 'command', id, 'full', 0, 0 }
      else
        local state, seq, expires_at, superseded = enqueue(K, device_key, {
          id = id, device = name, lane = lane, policy = policy, ttl = tonumber(ttl), json = text, cause = cause,
          keep = keep, lease = lease,
        }, now)
        reply[#reply + 1] = { i, 'command', id, state, int(seq), int(expires_at), unpack(superseded) }
      end
    end
  end
end
return reply
