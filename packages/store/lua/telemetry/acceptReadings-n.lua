-- Accepts a batch: stores readings and rule states, and enqueues the commands that the rules emitted; per device all or nothing.
-- A device's part that was evaluated on outdated data changes nothing. It is returned as a conflict with the stored data, to be evaluated
-- again. Repeating a part whose reply was lost changes nothing.
--
-- KEYS  any number. Per device its device HASH and its window LIST, all devices first (2i-1 and 2i); then, at the positions that the parts
--       state:
--         presence ZSETs
--         devices ZSETs and fleets SETs, for devices that are new to the caller
--         the eight command keys of a shard and fleet, for commands
--         timers ZSETs, for timers
--         group HASHes, for votes
-- ARGV  1 replica   2 number of devices   then a part per device, which is one of
--         "<part> <position of the presence ZSET> <version> <after>" followed by the text of its only reading, which is live; `after` is
--           "<replica>.<part>", the part that the reading follows directly, on which it was evaluated, and whose n, seq and at are not
--           higher, or '-'
--         JSON: `DevicePartMessage` in accept-readings.ts, which describes its fields
--       The text of a reading is its entry in the window, starting at n: "<n>,<seq>,<at>,<replica>.<part>,<json>".
-- Version  identifies the rule states on which a part was evaluated: '0' for a device without any, then '<replica>.<part>' of the part that
--       last changed them, which is unique; '-' the store has none, '?' unknown to the caller. '<version>@<count>.<late>' was evaluated on
--       the window, too, with these counts of live and late readings.
-- Counters  The device HASH counts rare events: `late` (stored as history, retained ones included), `duplicate`, `stale`, `retained`
--       (readings of retained messages), `restarts` (new orders that started with a lower number); `history` is "<time>,<late or retained>"
--       of the latest history. `again` marks a device that was removed before. See also runs.lua.
-- Returns  {now, outcome…}, each the JSON of a `PartReply` in accept-readings.ts; a part without one was accepted as it was given
-- Clock    Redis TIME

-- Appends live readings to the window, and keeps the device's own count.
local function append_live(p, last, live, is_new, now_text)
  local count, before, entries = tonumber(last.count) or 0, { n = last.n ~= '' and last.n or nil, text = last.text }, {}
  for i, r in ipairs(live) do
    if r.n_text ~= '' then
      count_reading(p.device_key, r.n_text, r.text, before, is_new)
      before.n = r.n_text
    end
    before.text = r.text
    count = count + 1
    entries[i] = now_text .. ',' .. r.kind .. ',' .. count .. ',' .. r.text
  end
  local length, bytes = 0, 0
  for _, entry in ipairs(entries) do bytes = math.max(bytes, #entry) end
  for first = 1, #entries, 1000 do
    length = redis.call('RPUSH', p.window, unpack(entries, first, math.min(first + 999, #entries)))
  end
  trim_window(p.window, length, bytes)
end

-- Stores the part in the last entry, so that a repeated part is recognised although it has appended no entry.
local function mark_last(p, replica)
  local last = redis.call('LINDEX', p.window, -1)
  local order, json = string.match(last, '^(%d+,%d,%d*,%d*,%d*,%d*),[^,]*,()')
  redis.call('LSET', p.window, -1, order .. ',' .. replica .. '.' .. p.part .. ',' .. string.sub(last, json))
end

-- Adds a device without rule states, unless it is listed already. Returns false if its fleet is full.
local function add_device(p, keys, fleet, name, is_unlisted)
  local devices = keys[p.devices]
  if is_unlisted and redis.call('ZCARD', devices) >= MAX_DEVICES_PER_SHARD then return false end
  redis.call('ZADD', devices, 0, name)
  redis.call('SADD', keys[p.fleets], fleet)
  -- A rule can wait for the silence of a device that has never reported.
  if #p.readings == 0 then redis.call('ZADD', keys[p.presence], 'NX', -1, name) end
  redis.call('PERSIST', p.device_key)
  return true
end

-- Enqueues the commands of a part. Returns their outcomes.
local function enqueue_commands(p, keys, fleet, name, device, now)
  local reach = reach_of(device:get('session'), redis.call('ZSCORE', keys[p.presence], name), now)
  local K, outcomes = command_keys(keys, p.commandKeys), {}
  for i, c in ipairs(p.commands) do
    local state, seq, expires_at, superseded = enqueue(K, device, {
      id = c.id, device = fleet .. '/' .. name, lane = c.lane, delivery = c.delivery, ttl = c.ttl, json = c.json, cause = c.cause,
      is_leased = true, away = must_wait(reach, c.delivery), restarted = c.restartedAt,
    }, now)
    outcomes[i] = {
      id = c.id, state = state, seq = int(seq), expiresAt = int(expires_at), ended = superseded[1] and superseded or nil,
    }
  end
  return outcomes
end

-- Stores votes in quorums, each prefixed with the time. Returns how many were not stored because the group has reached its limit; nil if
-- none.
local function cast_votes(p, keys, name, now_text)
  local rejected = nil
  for _, v in ipairs(p.votes) do
    local group, field = keys[v.group], 'v:' .. name
    if redis.call('HSET', group, field, now_text .. ',' .. v.vote) == 1 and redis.call('HLEN', group) > MAX_VOTES + 2 then
      redis.call('HDEL', group, field)
      rejected = (rejected or 0) + 1
    end
  end
  return rejected
end

local function set_timer(timers, timer, member)
  if not timer.at then
    redis.call('ZREM', timers, member)
  elseif timer.exact then
    redis.call('ZADD', timers, timer.at, member)
  else
    redis.call('ZADD', timers, 'LT', timer.at, member)
  end
end

-- The fields of the device HASH that a part is likely to need.
local function fields_of(p)
  if not p.commands then return { 'version', 'session', 'back', 'interval:longest' } end
  return { 'version', 'session', 'back', 'interval:longest', lane_fields(p.commands[1].lane) }
end

-- Accepts one part. Returns its outcome; nil if it was accepted as it was given, and there is nothing else to report.
local function accept(p, newest, batch)
  local device_key, keys, replica, now = p.device_key, batch.keys, batch.replica, batch.now
  local last = last_state_of(newest)
  if last.replica == replica and last.part == p.part then return { kind = 'repeated' } end
  local device = Device.read(device_key, fields_of(p))
  local version = device:get('version') or newest and '0' or '-'
  local readings, kinds, restart, behind = kinds_of(p, device, last, batch)
  if comparable(version, p, device, last) ~= p.version or kinds ~= p.kinds
    -- Repeated batches of one replica can overtake each other. Whether a part before the last one was accepted is unknown; evaluated
    -- again, its readings are duplicates or late, but never lost.
    or (last.replica == replica and greater(last.part, p.part)) then
    return conflict(device, version, last, kinds)
  end

  local fleet, name = string.match(device_key, ':device:([^/]+)/(.+)$')
  local retained = select(2, string.gsub(kinds, RETAINED, ''))
  -- A retained message can be of any age, so it is not a sign of life.
  local is_sign_of_life = #readings > retained
  local is_new, is_unlisted = version == '-', false
  if is_new then
    is_unlisted = not redis.call('ZSCORE', keys[p.devices], name)
    -- The broker retains messages of devices that no longer exist.
    if is_unlisted and retained > 0 and not is_sign_of_life then
      return { kind = 'accepted', late = { stored = 0, duplicate = 0, tooOld = 0, retained = retained } }
    end
    if not add_device(p, keys, fleet, name, is_unlisted) then return { kind = 'full' } end
  end

  local outcome = { kind = 'accepted', restarted = restart or nil }
  local live, history = {}, {}
  for i, reading in ipairs(readings) do
    local kind = string.sub(kinds, i, i)
    if kind == LIVE or kind == REPLAYED then live[#live + 1] = reading else history[#history + 1] = reading end
  end
  if live[1] then append_live(p, last, live, is_new, batch.now_text) end
  if history[1] then outcome.late = store_history(device_key, p.window, history, retained, now) end
  if behind then device:set('behind', behind) end
  if restart then redis.call('HINCRBY', device_key, 'restarts', 1) end
  if not live[1] and newest then mark_last(p, replica) end
  -- A device named like its fleet can use the lesson topics: its commands go to the command topic that matches the topic of its latest
  -- reading.
  if is_sign_of_life and p.lesson == true then device:set('lesson', '1') end
  if is_sign_of_life and p.lesson == false then redis.call('HDEL', device_key, 'lesson') end
  if p.rules then
    device:set('version', replica .. '.' .. p.part)
    device:set('rules', p.rules)
  end
  -- Presence is exact to a second: a device that reports often updates the sorted set once a second, not with every message.
  if is_sign_of_life and string.sub(last.received, 1, -4) ~= batch.second then
    outcome.returnedFrom = keep_online(device, keys[p.presence], name, tonumber(last.received), is_unlisted, now)
  end
  if p.commands then outcome.commands = enqueue_commands(p, keys, fleet, name, device, now) end
  if p.votes then outcome.rejectedVotes = cast_votes(p, keys, name, batch.now_text) end
  if p.timer then set_timer(keys[p.timers], p.timer, 'device/' .. fleet .. '/' .. name) end
  device:save()
  if outcome.restarted or outcome.late or outcome.returnedFrom or outcome.commands or outcome.rejectedVotes then return outcome end
  return nil
end

-- The fast path: a single reading that directly follows the part on which it was evaluated. Nothing was written since, so nothing must be
-- compared. It applies only within the second of the last entry, because presence is written once a second.
-- Returns the head of the reading's entry, or nil.
local function head_after(newest, after, batch)
  local second, count, place = string.match(newest, '^(%d+)%d%d%d,0,(%d+),%d*,%d*,%d*()')
  if second ~= batch.second or string.sub(newest, place, place + #after - 1) ~= after then return nil end
  return batch.now_text .. ',0,' .. string.format('%d', count + 1) .. ','
end

return function(keys, args)
  local now = now_ms()
  local now_text = int(now)
  local batch = { keys = keys, replica = args[1], now = now, now_text = now_text, second = string.sub(now_text, 1, -4) }
  local replies, argument = { now_text }, 2
  local function take()
    argument = argument + 1
    return args[argument]
  end
  for i = 1, tonumber(args[2]) do
    local text, window = take(), keys[2 * i]
    local newest = redis.call('LINDEX', window, '-1')
    local after = newest and string.match(text, '^%d+ %d+ %S+ (%S+)$')
    local head = after and after ~= '-' and head_after(newest, ',' .. after .. ',', batch)
    if head then
      local entry = head .. take()
      trim_window(window, redis.call('RPUSH', window, entry), #entry)
    else
      local p = read_part(text, take)
      p.device_key, p.window = keys[2 * i - 1], window
      local outcome = accept(p, newest, batch)
      if outcome then
        outcome.position = i
        replies[#replies + 1] = cjson.encode(outcome)
      end
    end
  end
  return replies
end
