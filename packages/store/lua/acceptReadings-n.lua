-- Accepts a batch of readings, sets rule states and takes the commands that the rules emitted: all or, per device, nothing.
-- Each device's part is compared with what is stored; a part that was judged on other grounds changes nothing and comes back
-- with what is stored, to be judged again. Repeating a part whose reply was lost changes nothing.
--
-- KEYS  any number. Per device its device HASH and its window LIST, in this order, all devices first (2i-1 and 2i); then, named by
--       position in ARGV: presence ZSETs, for devices new to the caller devices ZSETs and fleets SETs, for commands the eight
--       command keys of a shard and fleet, for timers timers ZSETs, for votes group HASHes
-- ARGV  1 number of devices   2 window size   3 freshness (ms)   4 replica   5 commands kept per device
--       6 most open commands of a device   7 lease (ms)   8 most devices of a fleet in a shard   9 most votes of a group
--       then per device:
--         head: "<presence key> <part> <version>", enough for one live reading; anything else goes on with
--           " <devices key> <fleets key> <first command key> <lesson> <rules> <live> <late> <commands> <timers key> <timer> <votes>":
--           positions (0 if not given), 1 for the lesson's lane, 1 if rule states follow, how many of each follow, and the timer:
--           '' none, '<ms>' wakes the device at this time unless it wakes earlier, '=<ms>' then and not earlier, '-' not at all
--           part grows per replica; version is that of the rule states on which it was judged
--           ('-' the store has none, '?' the caller does not know); '<version>@<count>.<late>' was judged on the window, too, when
--           so many live and late readings had been stored
--           no live and no late reading: a timer's verdict, and the device was not heard
--           one live reading may have ",<replica>.<part>, " before all that: the part that it comes right after, on which it was judged,
--           and whose n it does not fall behind
--         rule states as JSON, if any
--         readings, live ones first: "<n>,<seq>,<at>,<replica>.<part>,<json>"; n, seq and at empty if the reading has none
--         per command: id, lane, delivery (its header from the policy on), ttl (ms), JSON, cause
--         per vote: "<group key> <vote>", kept in the group's HASH as `v:<device>` with the time before it
-- Version  '0' for a new device, then '<replica>.<part>' of the part that last changed the rule states: never used twice.
-- Entries  "<received>,<late>,<count>,<n>,<seq>,<at>,<replica>.<part>,<json>". The last entry is the last state, and everything that
--          the next reading is compared with stands in it, with the number of live readings stored so far (count): so a
--          reading costs one write, which is what an append-only file charges for.
-- Ledger   The device HASH counts what is rare: `late`, `duplicate`, `stale`. `again` marks a device that was removed before. `n` is the device's own count of readings taken
--          (`_n`). When it begins anew, what the run before had taken is added to `taken` and `dropped`; `from` is the first n
--          that the store heard, for a device that was there before the store.
-- Returns  {now, exception…}, a device without an exception was accepted as given, its commands dispatched. Exceptions:
--          {i, 'conflict', version, seq, at, rules, session}  nothing changed; judge again on these grounds
--          {i, 'full'}                                     nothing changed; the fleet has as many devices as it may
--          {i, 'repeated'}                                 this part was the last one to be accepted
--          {i, 'back', 'stale'|'away'}                     the device was presumed away: what waits for it is to be woken; 'stale' if
--           it had fallen silent during a session
--          {i, 'late', stored, duplicate, stale}           what became of the late readings
--          {i, 'command', id, 'dispatched'|'pending'|'full', seq, expiresAt, superseded ids…}  one per command; '?' before the id of
--           one that ended as unknown
--          {i, 'crowded', group key}                       the group has as many votes as it may; this one is not kept
-- Clock    Redis TIME
--@include commands.lua
--@include leave.lua
--@include reach.lua
--@include enqueue.lua

-- Within this time what waits for a device that is back has been woken, or nobody does it any more.
local TELL_AGAIN_MS = 5000

local argument = 9
local function take()
  argument = argument + 1
  return ARGV[argument]
end
local function key(position)
  return KEYS[tonumber(position)]
end

local call, match = redis.call, string.match
local window_size, fresh, replica, keep = tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4], tonumber(ARGV[5])
local max_open, lease, max_devices, max_votes = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])
-- The window is trimmed in strides, since trimming costs as much as adding.
local window_limit = window_size + 32
local now = now_ms()
local now_text = int(now)
local this_second = string.sub(now_text, 1, -4)
local reply = { now_text }

-- Numbers are compared as the texts they came as: whole, without leading zeros, and exact whatever their size.
local function greater(a, b)
  if #a ~= #b then return #a > #b end
  return a > b
end

local function newer(seq, at, stored_seq, stored_at)
  if seq ~= '' and stored_seq ~= '' then return greater(seq, stored_seq) end
  if at ~= '' and stored_at ~= '' then return not greater(stored_at, at) end
  return true
end

-- Whether one of the late readings (ARGV first to last) is newer than a mark: then it was judged on other grounds.
local function any_newer(first, last, stored_seq, stored_at)
  if stored_seq == '' and stored_at == '' then return false end
  for r = first, last do
    local seq, at = match(ARGV[r], '^%d*,(%d*),(%d*),')
    if newer(seq, at, stored_seq, stored_at) then return true end
  end
  return false
end

-- Puts late readings where they belong in the window, but never behind its last entry, which is the last state.
-- The window is read whole, since late readings are rare, but never written whole: that would let a device with a window of
-- large readings make megabytes of every small one that comes late.
-- Returns how many were stored, known already, and too old, and the lowest n among the stored.
local function insert_late(window, late)
  local entries, seen = {}, {}
  -- Without a sequence, device time and content tell a duplicate.
  local function entry(text)
    local received, is_late, n, seq, at, start = match(text, '^(%d*),(%d),%d*,(%d*),(%d*),(%d*),[^,]*,()')
    local mark = seq ~= '' and seq or at .. string.sub(text, start - 1)
    return {
      text = text, live = is_late == '0', n = tonumber(n), mark = mark,
      order = tonumber(seq) or tonumber(at) or tonumber(received),
    }
  end
  for _, text in ipairs(call('LRANGE', window, -window_size, -1)) do
    local e = entry(text)
    entries[#entries + 1] = e
    seen[e.mark] = true
  end
  local full = #entries >= window_size
  local oldest = entries[1] and entries[1].order
  local stored, duplicate, stale, length, lowest = 0, 0, 0, 0, math.huge
  for _, text in ipairs(late) do
    local e = entry(text)
    if seen[e.mark] then
      duplicate = duplicate + 1
    elseif full and e.order < oldest then
      stale = stale + 1
    else
      stored = stored + 1
      lowest = math.min(lowest, e.n or lowest)
      seen[e.mark] = true
      local place = #entries + 1
      if place > 1 and entries[#entries].live then place = #entries end
      while place > 1 and entries[place - 1].order > e.order do place = place - 1 end
      local follower = entries[place]
      length = follower and call('LINSERT', window, 'BEFORE', follower.text, text) or call('RPUSH', window, text)
      table.insert(entries, place, e)
    end
  end
  if length > window_limit then call('LTRIM', window, -window_size, -1) end
  return stored, duplicate, stale, lowest
end

-- The device counts from 1 again: what its run before had taken, and dropped itself, is final.
local function end_run(device_key, n, last)
  local from = call('HGET', device_key, 'from')
  call('HINCRBY', device_key, 'taken', int(math.max(0, n - (from or 1) + 1)))
  local dropped = match(last, '"_dropped":(%d+)')
  if dropped then call('HINCRBY', device_key, 'dropped', dropped) end
  if from then call('HDEL', device_key, 'from') end
end

-- Of the device in hand: its last entry (without its head once it is one of this part), live readings stored and taken so far.
local device_key, last, count, taken, is_new

-- Whether a device that was removed and reports again goes on counting where the ledger has it (see removeDevice-21.lua). Readings that
-- were on their way may come first, so it may be a little behind; if it is far behind it has begun to count from 1.
local function continues_run(n)
  local from = call('HGET', device_key, 'from')
  if not from then return false end
  if tonumber(n) + window_size >= tonumber(from) then return true end
  call('HDEL', device_key, 'from', 'dropped')
  return false
end

-- The entry of the next live reading.
local function live_entry()
  local text = take()
  local n = match(text, '^%d*')
  if n ~= '' then
    if taken ~= '' then
      if not greater(n, taken) then end_run(device_key, taken, last) end
    elseif is_new and not continues_run(n) and n ~= '1' then
      call('HSET', device_key, 'from', n)
      local dropped = match(text, '"_dropped":(%d+)')
      if dropped then call('HINCRBY', device_key, 'dropped', '-' .. dropped) end
    end
    taken = n
  end
  last, count = text, count + 1
  return now_text .. ',0,' .. count .. ',' .. text
end

-- A single reading right after the part that it was judged after: nobody has written since, so all that it was judged on stands, and
-- there is nothing to compare. But once a second the device's freshness is written, too.
local function append(window, newest, after)
  if not newest then return false end
  local second, before, place = match(newest, '^(%d+)%d%d%d,0,(%d+),%d*,%d*,%d*()')
  if second ~= this_second or string.sub(newest, place, place + #after - 1) ~= after then return false end
  local entry = now_text .. ',0,' .. string.format('%d', before + 1) .. ',' .. take()
  if call('RPUSH', window, entry) > window_limit then call('LTRIM', window, -window_size, -1) end
  return true
end

-- Part i in full.
local function accept(i, head, window, newest)
  device_key = KEYS[2 * i - 1]
  local presence, part, version, more = match(head, '(%d+) (%d+) (%S+)(.*)$')
  local devices, fleets, first_command, lesson, has_rules
  local live_count, late_count, command_count, vote_count, rules = 1, 0, 0, 0, nil
  local timers, timer = nil, ''
  if more ~= '' then
    devices, fleets, first_command, lesson, has_rules, live_count, late_count, command_count, timers, timer, vote_count =
      match(more, '^ (%d+) (%d+) (%d+) (%d) (%d) (%d+) (%d+) (%d+) (%d+) (%S*) (%d+)$')
    live_count, late_count, command_count = tonumber(live_count), tonumber(late_count), tonumber(command_count)
    vote_count = tonumber(vote_count)
    if has_rules == '1' then rules = take() end
  end
  local rest = live_count + late_count + 6 * command_count + vote_count

  -- The order of the last state, or none if only history has come so far.
  last = newest
  local last_received, last_count, last_n, last_seq, last_at, last_replica, last_part = '0', '', '', '', '', '', '0'
  if last then
    local is_late
    last_received, is_late, last_count, last_n, last_seq, last_at, last_replica, last_part =
      match(last, '^(%d+),(%d),(%d*),(%d*),(%d*),(%d*),([^.,]*)%.(%d*),')
    if is_late == '1' then last_n, last_seq, last_at = '', '', '' end
  end
  local last_version = call('HGET', device_key, 'version') or last and '0' or '-'
  local stored_version = last_version
  if last_version ~= version and string.find(version, '@', 1, true) then
    stored_version = last_version .. '@' .. (last_count ~= '' and last_count or '0') .. '.' .. (call('HGET', device_key, 'late') or '0')
  end
  local seq, at
  if live_count > 0 then seq, at = match(ARGV[argument + 1], '^%d*,(%d*),(%d*),') end
  local newest_seq, newest_at = last_seq, last_at
  if late_count > 0 and live_count > 0 then newest_seq, newest_at = match(ARGV[argument + live_count], '^%d*,(%d*),(%d*),') end

  if last_replica == replica and last_part == part then
    reply[#reply + 1] = { i, 'repeated' }
    argument = argument + rest
  elseif stored_version ~= version or (seq and not newer(seq, at, last_seq, last_at))
    -- Batches of one replica overtake each other when they are repeated. Whether an earlier part than the last one was accepted
    -- nobody can tell; judged again, its readings are duplicates, or late, but never lost.
    or (last_replica == replica and greater(last_part, part))
    or (late_count > 0 and any_newer(argument + live_count + 1, argument + live_count + late_count, newest_seq, newest_at)) then
    local known_version = last_version ~= '-' and last_version or ''
    local fields = call('HMGET', device_key, 'rules', 'session')
    reply[#reply + 1] = { i, 'conflict', known_version, last_seq, last_at, fields[1] or '', fields[2] or '' }
    argument = argument + rest
  else
    is_new = last_version == '-'
    local is_quiet = live_count + late_count > 0 and string.sub(last_received, 1, -4) ~= this_second
    local fleet, device
    if is_new or is_quiet or command_count > 0 or vote_count > 0 or timer ~= '' then
      fleet, device = match(device_key, ':device:([^/]+)/(.+)$')
    end
    if is_new and not call('ZSCORE', key(devices), device) and call('ZCARD', key(devices)) >= max_devices then
      reply[#reply + 1] = { i, 'full' }
      argument = argument + rest
    else
      if is_new then
        call('ZADD', key(devices), 0, device)
        call('SADD', key(fleets), fleet)
        call('PERSIST', device_key)
        if lesson == '1' then call('HSET', device_key, 'lesson', '1') end
      end
      count, taken = tonumber(last_count) or 0, last_n
      if live_count == 1 then
        if call('RPUSH', window, live_entry()) > window_limit then call('LTRIM', window, -window_size, -1) end
      elseif live_count > 1 then
        local entries = {}
        for r = 1, live_count do entries[r] = live_entry() end
        for first = 1, live_count, 1000 do
          call('RPUSH', window, unpack(entries, first, math.min(first + 999, live_count)))
        end
        call('LTRIM', window, -window_size, -1)
      end
      if late_count > 0 then
        local late = {}
        for r = 1, late_count do late[r] = now_text .. ',1,,' .. take() end
        local kept, duplicate, stale, lowest = insert_late(window, late)
        if kept > 0 then call('HINCRBY', device_key, 'late', kept) end
        if duplicate > 0 then call('HINCRBY', device_key, 'duplicate', duplicate) end
        if stale > 0 then call('HINCRBY', device_key, 'stale', stale) end
        local from = call('HGET', device_key, 'from')
        if from and lowest < tonumber(from) and call('HEXISTS', device_key, 'again') == 0 then
          call('HSET', device_key, 'from', int(lowest))
        end
        reply[#reply + 1] = { i, 'late', kept, duplicate, stale }
      end
      if live_count == 0 and last then
        -- No entry of this part is the last one, so the last one tells that this part was accepted.
        last = call('LINDEX', window, -1)
        local order, json = match(last, '^(%d+,%d,%d*,%d*,%d*,%d*),[^,]*,()')
        call('LSET', window, -1, order .. ',' .. replica .. '.' .. part .. ',' .. string.sub(last, json))
      end
      if rules then call('HSET', device_key, 'version', replica .. '.' .. part, 'rules', rules) end
      -- Freshness is exact to a second: a chatty device moves in the sorted set once in each second, not on every message.
      if is_quiet then
        local fields = call('HMGET', device_key, 'session', 'back')
        local session, back_since = fields[1] or '', tonumber(fields[2])
        local online, since = match(session, '^%d+,(%d),(%d+),')
        local period = period_of(session, fresh)
        local was_away = is_away(session, call('ZSCORE', key(presence), device), now, fresh)
        call('ZADD', key(presence), int(now + period), device)
        local said_goodbye = online == '0' and tonumber(since) > tonumber(last_received)
        local silent = now - tonumber(last_received)
        -- Less than nothing: the clock was set back, and for how long the device was silent nobody knows.
        local is_back = was_away or said_goodbye or silent > period or silent < 0
        -- Kept until what waits is woken (see wakeDevice-7.lua): a replica may die in between, and then a later reading tells again.
        if back_since and math.abs(now - back_since) >= TELL_AGAIN_MS then is_back = true end
        if is_back then
          call('HSET', device_key, 'back', now_text)
          -- Of a session that began since, its birth has told what became of the one before.
          local is_stale = last_received ~= '0' and silent > period and (tonumber(since) or 0) <= tonumber(last_received)
          reply[#reply + 1] = { i, 'back', is_stale and 'stale' or 'away' }
        end
      end

      -- A device that was just heard is there; of a timer's verdict presence decides.
      local away = command_count > 0 and live_count + late_count == 0
        and is_away(call('HGET', device_key, 'session'), call('ZSCORE', key(presence), device), now, fresh)
      for _ = 1, command_count do
        local id, lane, delivery, ttl, text, cause = take(), take(), take(), take(), take(), take()
        local state, lane_seq, expires_at, superseded = enqueue(command_keys(tonumber(first_command)), device_key, {
          id = id, device = fleet .. '/' .. device, lane = lane, delivery = delivery, ttl = tonumber(ttl), json = text,
          cause = cause, keep = keep, max_open = max_open, lease = lease, away = away,
        }, now)
        reply[#reply + 1] = { i, 'command', id, state, int(lane_seq), int(expires_at), unpack(superseded) }
      end

      for _ = 1, vote_count do
        local group, vote = match(take(), '^(%d+) (.+)$')
        group = key(group)
        local field = 'v:' .. device
        if call('HSET', group, field, now_text .. ',' .. vote) == 1 and call('HLEN', group) > max_votes + 2 then
          call('HDEL', group, field)
          reply[#reply + 1] = { i, 'crowded', group }
        end
      end

      if timer ~= '' then
        local member = 'device/' .. fleet .. '/' .. device
        if timer == '-' then
          call('ZREM', key(timers), member)
        elseif string.sub(timer, 1, 1) == '=' then
          call('ZADD', key(timers), string.sub(timer, 2), member)
        else
          call('ZADD', key(timers), 'LT', timer, member)
        end
      end
    end
  end
end

for i = 1, tonumber(ARGV[1]) do
  local head, window = take(), KEYS[2 * i]
  local newest = call('LINDEX', window, '-1')
  local after = match(head, '^,%S+')
  if not (after and append(window, newest, after)) then accept(i, head, window, newest) end
end
return reply
