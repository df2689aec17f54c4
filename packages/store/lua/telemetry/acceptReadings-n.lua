-- Accepts a batch: stores readings and rule states, and enqueues the commands that the rules emitted; per device all or nothing.
-- A device's part that was evaluated on outdated data changes nothing. It is returned as a conflict with the stored data, to be evaluated
-- again. Repeating a part whose reply was lost changes nothing.
--
-- KEYS  any number. Per device its device HASH and its window LIST, in this order, all devices first (2i-1 and 2i); then, named by
--       position in ARGV: presence ZSETs, for devices new to the caller devices ZSETs and fleets SETs, for commands the eight
--       command keys of a shard and fleet, for timers timers ZSETs, for votes group HASHes
-- ARGV  1 number of devices   2 window size   3 freshness (ms)   4 replica   5 commands kept per device
--       6 most open commands of a device   7 lease (ms)   8 most devices of a fleet in a shard   9 most votes of a group
--       then per device:
--         head: "<presence key> <part> <version>", sufficient for one live reading; anything else continues with
--           " <devices key> <fleets key> <first command key> <lesson> <rules> <live> <late> <commands> <timers key> <timer> <votes> <kinds>":
--           positions (0 if not given), 1 for the lesson topics, 1 if rule states follow, how many of each follow, and the timer:
--           '' unchanged, '<ms>' sets it unless it is earlier already, '=<ms>' replaces it, '-' removes it
--           part grows per replica; version is that of the rule states on which it was evaluated
--           ('-' the store has none, '?' unknown to the caller); '<version>@<count>.<late>' was evaluated on the window, too, with
--           these counts of live and late readings
--           kinds has a digit per reading, as which it was evaluated: 0 live, 1 late, 2 retained, 3 and 4 live and late, part of a replay
--           but not its newest (history, which was not evaluated)
--           no live and no late reading: the verdict of a timer, without a message of the device
--           one live reading can have ",<replica>.<part>, " before all that: the part that it follows directly, on which it was evaluated,
--           and whose n, seq and at are not higher
--         rule states as JSON, if any
--         readings, in the order of arrival: "<n>,<seq>,<at>,<replica>.<part>,<json>"; n, seq and at empty if the reading has none
--         per command: id, lane, delivery (its header from the policy on), ttl (ms), JSON, cause, and when the device restarted (ms)
--           if the command repeats an earlier one because of that, '' otherwise
--         per vote: "<group key> <vote>", stored in the group's HASH as `v:<device>`, prefixed with the time
-- Version  '0' for a new device, then '<replica>.<part>' of the part that last changed the rule states: unique.
-- Order    order.lua decides which readings are live; a part that was evaluated otherwise is a conflict.
-- Entries  "<received>,<kind>,<count>,<n>,<seq>,<at>,<replica>.<part>,<json>". The last entry is the last state. It has everything
--          that the next reading is compared with, and the number of live readings stored so far (count), so a reading costs one
--          write to the append-only file. Kinds 0 to 3 as above; earlier versions wrote 0 and 1.
-- Ledger   The device HASH counts rare events: `late` (stored as history, retained ones included), `duplicate`, `stale`. `again` marks
--          a device that was removed before. `n` is the device's own count of readings taken
--          (`_n`). When it restarts, the counts of the run before are added to `taken` and `dropped`; `from` is the first n
--          that the store received, for a device that is older than the store.
-- Unusual  For display it also holds `retained` (readings of retained messages), `restarts` (new orders that started with a lower number) and
--          `history`, "<time>,<late or retained>" of the latest history.
-- Returns  {now, exception…}, a device without an exception was accepted as given, its commands dispatched. Exceptions:
--          {i, 'conflict', version, seq, at, rules, session, kinds}  nothing changed; evaluate again on this data, the readings as kinds
--          {i, 'full'}                                     nothing changed; the fleet's device limit is reached
--          {i, 'repeated'}                                 this part was accepted last
--          {i, 'back', 'stale'|'away'}                     the device was presumed unreachable: wake its pending commands; 'stale' if
--           it had been silent during an open session
--          {i, 'late', stored, duplicate, stale, retained}  the outcomes of late readings, and the number of retained ones, which are
--           not stored for an unknown device
--          {i, 'restarted', 'clock'|'session'|'counter'}   why a live reading with a lower number is newer than the last state
--          {i, 'command', id, 'dispatched'|'pending'|'full'|'needless', seq, expiresAt, superseded ids…}  one per command; '?' before the
--           id of one that ended as unknown
--          {i, 'crowded', group key}                       the group's vote limit is reached; this vote was not stored
-- Clock    Redis TIME
--@include commands.lua
--@include endCommand.lua
--@include reach.lua
--@include enqueue.lua
--@include order.lua

-- If the pending commands of a returned device are not woken within this time (ms), the replica has crashed: report the return again.
local REPEAT_RETURN_MS = 5000

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
-- The window is trimmed in strides, because trimming costs as much as appending.
local window_limit = window_size + 32
local now = now_ms()
local now_text = int(now)
local this_second = string.sub(now_text, 1, -4)
local reply = { now_text }

-- Compares parts and counts as texts: integers without leading zeros.
local function greater(a, b)
  if #a ~= #b then return #a > #b end
  return a > b
end

-- Whether a late reading belongs before an entry of the window.
local function is_before(late, entry)
  if late.seq and entry.seq then return late.seq < entry.seq end
  if late.at then return late.at < (entry.at or entry.received) end
  return false
end

-- Inserts history at its place in the window, but never after its last entry, which is the last state, nor before the entry that started
-- the latest order. History is rare, so the window is read as a whole. It is never rewritten as a whole: with large readings, each late
-- reading would write megabytes.
-- Returns how many were stored, duplicate and too old, each a pair (late, retained), and the lowest n of the stored ones.
local function insert_late(window, late)
  local entries = read_window(window, window_size)
  local known = known_in(entries)
  local full = #entries >= window_size
  local stored, duplicate, stale, length, lowest = { 0, 0 }, { 0, 0 }, { 0, 0 }, 0, math.huge
  for _, r in ipairs(late) do
    local which = r.kind == RETAINED and 2 or 1
    local place = #entries + 1
    if place > 1 and entries[#entries].live then place = #entries end
    while place > 1 and is_before(r, entries[place - 1])
      and not (entries[place] and entries[place - 1].live and is_before(entries[place], entries[place - 1])) do
      place = place - 1
    end
    if known:find(r.seq, r.at, r.json) == 'same' then
      duplicate[which] = duplicate[which] + 1
    elseif full and place == 1 then
      stale[which] = stale[which] + 1
    else
      stored[which] = stored[which] + 1
      lowest = math.min(lowest, r.n or lowest)
      known:add(r.seq, r.at, r.json)
      local text = now_text .. ',' .. (r.kind == RETAINED and RETAINED or LATE) .. ',,' .. r.text
      local follower = entries[place]
      length = follower and call('LINSERT', window, 'BEFORE', follower.text, text) or call('RPUSH', window, text)
      table.insert(entries, place, { text = text, live = false, seq = r.seq, at = r.at, received = now })
    end
  end
  if length > window_limit then call('LTRIM', window, -window_size, -1) end
  return stored, duplicate, stale, lowest
end

-- How many readings the device has dropped, according to this entry.
local function dropped_in(entry)
  return tonumber(cjson.decode(match(entry, '^[^{]*(.*)$'))._dropped) or 0
end

-- The device's count restarted at 1: the counts of its former run are final.
local function end_run(device_key, n, last)
  local from = call('HGET', device_key, 'from')
  call('HINCRBY', device_key, 'taken', int(math.max(0, n - (from or 1) + 1)))
  local dropped = dropped_in(last)
  if dropped > 0 then call('HINCRBY', device_key, 'dropped', int(dropped)) end
  if from then call('HDEL', device_key, 'from') end
end

-- Of the current device: its last entry (without its head if it is of this part), live readings stored and taken so far.
local device_key, last, count, taken, is_new

-- Whether a device that reports again after its removal continues its count (see removeDevice-21.lua). Readings in flight can arrive first,
-- so it can be slightly lower; if it is much lower, the count has restarted at 1.
local function continues_run(n)
  local from = call('HGET', device_key, 'from')
  if not from then return false end
  if tonumber(n) + window_size >= tonumber(from) then return true end
  call('HDEL', device_key, 'from', 'dropped')
  return false
end

-- The entry of a live reading.
local function live_entry(kind, text)
  local n = match(text, '^%d*')
  if n ~= '' then
    if taken ~= '' then
      if not greater(n, taken) then end_run(device_key, taken, last) end
    elseif is_new and not continues_run(n) and n ~= '1' then
      call('HSET', device_key, 'from', n)
      local dropped = dropped_in(text)
      if dropped > 0 then call('HINCRBY', device_key, 'dropped', '-' .. int(dropped)) end
    end
    taken = n
  end
  last, count = text, count + 1
  return now_text .. ',' .. kind .. ',' .. count .. ',' .. text
end

-- The fast path: a single reading that directly follows the part on which it was evaluated. Nothing was written since, so nothing must be
-- compared. It applies only within the second of the last entry, because freshness is written once a second.
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
  local timers, timer, kinds = nil, '', LIVE
  if more ~= '' then
    devices, fleets, first_command, lesson, has_rules, live_count, late_count, command_count, timers, timer, vote_count, kinds =
      match(more, '^ (%d+) (%d+) (%d+) (%d) (%d) (%d+) (%d+) (%d+) (%d+) (%S*) (%d+) (%d*)$')
    live_count, late_count, command_count = tonumber(live_count), tonumber(late_count), tonumber(command_count)
    vote_count = tonumber(vote_count)
    if has_rules == '1' then rules = take() end
  end
  local rest = live_count + late_count + 7 * command_count + vote_count

  -- The order of the last state, or none if only history has come so far.
  last = newest
  local last_received, last_count, last_n, last_seq, last_at, last_replica, last_part = '0', '', '', '', '', '', '0'
  if last then
    local kind
    last_received, kind, last_count, last_n, last_seq, last_at, last_replica, last_part =
      match(last, '^(%d+),(%d),(%d*),(%d*),(%d*),(%d*),([^.,]*)%.(%d*),')
    if kind == LATE or kind == RETAINED then last_n, last_seq, last_at = '', '', '' end
    -- A retained message is no sign of life.
    if kind == RETAINED then last_received = '0' end
  end
  local last_version = call('HGET', device_key, 'version') or last and '0' or '-'
  local stored_version = last_version
  if last_version ~= version and string.find(version, '@', 1, true) then
    stored_version = last_version .. '@' .. (last_count ~= '' and last_count or '0') .. '.' .. (call('HGET', device_key, 'late') or '0')
  end

  if last_replica == replica and last_part == part then
    reply[#reply + 1] = { i, 'repeated' }
    argument = argument + rest
    return
  end

  local readings, places, restart, behind = {}, kinds, nil, nil
  local mark = { seq = tonumber(last_seq), at = tonumber(last_at), received = tonumber(last_received) }
  local is_plain, newest_so_far = true, mark
  for r = 1, live_count + late_count do
    local text = ARGV[argument + r]
    local n, seq, at = match(text, '^(%d*),(%d*),(%d*),')
    local kind = string.sub(kinds, r, r)
    if kind == LATE then kind = LIVE elseif kind == LATE_REPLAYED then kind = REPLAYED end
    local reading = { text = text, kind = kind, n = tonumber(n), seq = tonumber(seq), at = tonumber(at) }
    readings[r] = reading
    is_plain = is_plain and kind ~= RETAINED and plainly_newer(reading, newest_so_far)
    newest_so_far = reading
  end
  if is_plain then
    places = late_count == 0 and kinds or string.gsub((string.gsub(kinds, LATE, LIVE)), LATE_REPLAYED, REPLAYED)
  else
    for _, reading in ipairs(readings) do reading.json = match(reading.text, '^%d*,%d*,%d*,[^,]*,(.*)$') end
    local known = call('HMGET', device_key, 'session', 'behind')
    places, restart, behind = place_readings({
      readings = readings, last = mark, session = known[1] or nil, behind = known[2] or nil, count = tonumber(last_count) or 0,
      now = now, window = window, size = window_size,
    })
  end

  if stored_version ~= version or places ~= kinds
    -- Repeated batches of one replica can overtake each other. Whether a part before the last one was accepted is unknown; evaluated
    -- again, its readings are duplicates or late, but never lost.
    or (last_replica == replica and greater(last_part, part)) then
    local known_version = last_version ~= '-' and last_version or ''
    local fields = call('HMGET', device_key, 'rules', 'session')
    reply[#reply + 1] = { i, 'conflict', known_version, last_seq, last_at, fields[1] or '', fields[2] or '', places }
    argument = argument + rest
  else
    is_new = last_version == '-'
    -- A retained message can be of any age, so it is no sign of life.
    local retained_count = late_count == 0 and 0 or select(2, string.gsub(kinds, RETAINED, ''))
    local is_sign_of_life = live_count + late_count > retained_count
    local is_quiet = is_sign_of_life and string.sub(last_received, 1, -4) ~= this_second
    local fleet, device
    if is_new or is_quiet or command_count > 0 or vote_count > 0 or timer ~= '' then
      fleet, device = match(device_key, ':device:([^/]+)/(.+)$')
    end
    local is_unlisted = is_new and not call('ZSCORE', key(devices), device)
    if is_unlisted and live_count + late_count > 0 and not is_sign_of_life then
      -- The broker retains messages of devices that no longer exist.
      reply[#reply + 1] = { i, 'late', 0, 0, 0, retained_count }
      argument = argument + rest
    elseif is_unlisted and call('ZCARD', key(devices)) >= max_devices then
      reply[#reply + 1] = { i, 'full' }
      argument = argument + rest
    else
      if is_new then
        call('ZADD', key(devices), 0, device)
        call('SADD', key(fleets), fleet)
        -- A rule can wait for the silence of a device that has never reported.
        if live_count + late_count == 0 then call('ZADD', key(presence), 'NX', -1, device) end
        call('PERSIST', device_key)
      end
      -- A device named like its fleet can use the lesson topics: its commands go to the command topic that matches the topic of its latest
      -- reading.
      if is_sign_of_life and lesson and fleet and fleet == device then
        if lesson == '1' then call('HSET', device_key, 'lesson', '1') else call('HDEL', device_key, 'lesson') end
      end
      count, taken = tonumber(last_count) or 0, last_n
      argument = argument + live_count + late_count
      local live, late = {}, {}
      for r, reading in ipairs(readings) do
        local place = string.sub(kinds, r, r)
        if place == LIVE or place == REPLAYED then
          live[#live + 1] = live_entry(place, reading.text)
        else
          late[#late + 1] = reading
        end
      end
      if live_count == 1 then
        if call('RPUSH', window, live[1]) > window_limit then call('LTRIM', window, -window_size, -1) end
      elseif live_count > 1 then
        for first = 1, live_count, 1000 do
          call('RPUSH', window, unpack(live, first, math.min(first + 999, live_count)))
        end
        call('LTRIM', window, -window_size, -1)
      end
      if late_count > 0 then
        local stored, duplicate, stale, lowest = insert_late(window, late)
        local function tally(field, pair)
          if pair[1] + pair[2] > 0 then call('HINCRBY', device_key, field, pair[1] + pair[2]) end
        end
        tally('late', stored)
        tally('duplicate', duplicate)
        tally('stale', stale)
        if retained_count > 0 then call('HINCRBY', device_key, 'retained', retained_count) end
        call('HSET', device_key, 'history', now_text .. ',' .. (is_sign_of_life and 'late' or 'retained'))
        local from = call('HGET', device_key, 'from')
        if from and lowest < tonumber(from) and call('HEXISTS', device_key, 'again') == 0 then
          call('HSET', device_key, 'from', int(lowest))
        end
        reply[#reply + 1] = { i, 'late', stored[1], duplicate[1], stale[1], retained_count }
      end
      if behind then call('HSET', device_key, 'behind', behind) end
      if restart then
        call('HINCRBY', device_key, 'restarts', 1)
        reply[#reply + 1] = { i, 'restarted', restart }
      end
      if live_count == 0 and last then
        -- The last entry is of another part, so it is marked with this part, to recognise a repetition.
        last = call('LINDEX', window, -1)
        local order, json = match(last, '^(%d+,%d,%d*,%d*,%d*,%d*),[^,]*,()')
        call('LSET', window, -1, order .. ',' .. replica .. '.' .. part .. ',' .. string.sub(last, json))
      end
      if rules then call('HSET', device_key, 'version', replica .. '.' .. part, 'rules', rules) end
      -- Freshness is exact to a second: a frequent sender updates the sorted set once a second, not with every message.
      if is_quiet then
        local fields = call('HMGET', device_key, 'session', 'back', 'interval:longest')
        local session, back_since = fields[1] or '', tonumber(fields[2])
        if is_unlisted or not may_precede_session_end(session, now) then
          local online, since = match(session, '^%d+,(%d),(%d+),')
          local period = period_of(session, fresh, fields[3])
          local was_there = reach_of(session, call('ZSCORE', key(presence), device), now, fresh) == 'there'
          call('ZADD', key(presence), int(now + period), device)
          local last_seen = tonumber(last_received)
          local said_goodbye = online == '0' and in_transit_until(session) > last_seen
          local silent = now - last_seen
          -- Negative: the clock went backwards, so the length of the silence is unknown.
          local is_back = not was_there or said_goodbye or silent > period or silent < 0
          -- Stored until the pending commands are woken (see wakeDevice-7.lua): if the replica crashes before, a later reading reports it
          -- again.
          if back_since and math.abs(now - back_since) >= REPEAT_RETURN_MS then is_back = true end
          if is_back then
            call('HSET', device_key, 'back', now_text)
            -- If a session has started since, its birth has already reported the end of the one before.
            local is_stale = last_received ~= '0' and silent > period and (tonumber(since) or 0) <= last_seen and not said_goodbye
            reply[#reply + 1] = { i, 'back', is_stale and 'stale' or 'away' }
          end
        end
      end

      -- A device that has just reported is reachable, unless its session has ended.
      local reach = command_count > 0
        and reach_of(call('HGET', device_key, 'session'), call('ZSCORE', key(presence), device), now, fresh)
      for _ = 1, command_count do
        local id, lane, delivery, ttl, text, cause, restarted = take(), take(), take(), take(), take(), take(), take()
        local state, lane_seq, expires_at, superseded = enqueue(command_keys(tonumber(first_command)), device_key, {
          id = id, device = fleet .. '/' .. device, lane = lane, delivery = delivery, ttl = tonumber(ttl), json = text,
          cause = cause, keep = keep, max_open = max_open, lease = lease, away = must_wait(reach, delivery), restarted = tonumber(restarted),
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
