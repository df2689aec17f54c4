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
--           " <devices key> <fleets key> <first command key> <lesson> <rules> <live> <late> <commands> <timers key> <timer> <votes> <kinds>":
--           positions (0 if not given), 1 for the lesson's lane, 1 if rule states follow, how many of each follow, and the timer:
--           '' none, '<ms>' wakes the device at this time unless it wakes earlier, '=<ms>' then and not earlier, '-' not at all
--           part grows per replica; version is that of the rule states on which it was judged
--           ('-' the store has none, '?' the caller does not know); '<version>@<count>.<late>' was judged on the window, too, when
--           so many live and late readings had been stored
--           kinds has a digit for each reading, as which it was judged: 0 live, 1 late, 2 of a retained message, 3 and 4 live and late, of
--           a replay and not its newest (history, which was not judged)
--           no live and no late reading: a timer's verdict, and the device was not heard
--           one live reading may have ",<replica>.<part>, " before all that: the part that it comes right after, on which it was judged,
--           and behind whose n, seq and at it does not fall
--         rule states as JSON, if any
--         readings, in the order in which they came: "<n>,<seq>,<at>,<replica>.<part>,<json>"; n, seq and at empty if the reading has none
--         per command: id, lane, delivery (its header from the policy on), ttl (ms), JSON, cause, and when the device restarted (ms)
--           if the command repeats an earlier one because of that, '' otherwise
--         per vote: "<group key> <vote>", kept in the group's HASH as `v:<device>` with the time before it
-- Version  '0' for a new device, then '<replica>.<part>' of the part that last changed the rule states: never used twice.
-- Order    order.lua says which readings are live, and the readings are judged as that or not at all.
-- Entries  "<received>,<kind>,<count>,<n>,<seq>,<at>,<replica>.<part>,<json>". The last entry is the last state, and everything that
--          the next reading is compared with stands in it, with the number of live readings stored so far (count): so a
--          reading costs one write, which is what an append-only file charges for. Kinds 0 to 3 as above; earlier versions wrote 0 and 1.
-- Ledger   The device HASH counts what is rare: `late` (stored as history, retained ones included), `duplicate`, `stale`. `again` marks
--          a device that was removed before. `n` is the device's own count of readings taken
--          (`_n`). When it begins anew, what the run before had taken is added to `taken` and `dropped`; `from` is the first n
--          that the store heard, for a device that was there before the store.
-- Unusual  For people it also holds `retained` (readings of retained messages), `restarts` (new orders that began with a lower number) and
--          `history`, "<time>,<late or retained>" of the latest history.
-- Returns  {now, exception…}, a device without an exception was accepted as given, its commands dispatched. Exceptions:
--          {i, 'conflict', version, seq, at, rules, session, kinds}  nothing changed; judge again on these grounds, the readings as kinds
--          {i, 'full'}                                     nothing changed; the fleet has as many devices as it may
--          {i, 'repeated'}                                 this part was the last one to be accepted
--          {i, 'back', 'stale'|'away'}                     the device was presumed away: what waits for it is to be woken; 'stale' if
--           it had fallen silent during a session
--          {i, 'late', stored, duplicate, stale, retained}  what became of the late readings, and how many retained ones there were; those of
--           a device that is not listed are not stored
--          {i, 'restarted', 'clock'|'session'|'counter'}   a live reading has a lower number than the last state, and why it is newer
--          {i, 'command', id, 'dispatched'|'pending'|'full'|'needless', seq, expiresAt, superseded ids…}  one per command; '?' before the
--           id of one that ended as unknown
--          {i, 'crowded', group key}                       the group has as many votes as it may; this one is not kept
-- Clock    Redis TIME
--@include commands.lua
--@include endCommand.lua
--@include reach.lua
--@include enqueue.lua
--@include order.lua

-- Within this time what waits for a device that is back has been woken, or nobody does it any more.
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
-- The window is trimmed in strides, since trimming costs as much as adding.
local window_limit = window_size + 32
local now = now_ms()
local now_text = int(now)
local this_second = string.sub(now_text, 1, -4)
local reply = { now_text }

-- Parts and counts of a device are compared as the texts they came as: whole, and without leading zeros.
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

-- Puts history where it belongs in the window, but never behind its last entry, which is the last state, nor before the entry with
-- which the latest order began. The window is read whole, since history is rare, but never written whole: that would let a device
-- with a window of large readings make megabytes of every small one that comes late.
-- Returns how many were stored, how many were known already and how many too old, each a pair: late ones, and retained ones; and the
-- lowest n among the stored.
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

-- How many of its readings a device says, in this entry, to have dropped itself.
local function dropped_in(entry)
  return tonumber(cjson.decode(match(entry, '^[^{]*(.*)$'))._dropped) or 0
end

-- The device counts from 1 again: what its run before had taken, and dropped itself, is final.
local function end_run(device_key, n, last)
  local from = call('HGET', device_key, 'from')
  call('HINCRBY', device_key, 'taken', int(math.max(0, n - (from or 1) + 1)))
  local dropped = dropped_in(last)
  if dropped > 0 then call('HINCRBY', device_key, 'dropped', int(dropped)) end
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
    -- A retained message says nothing about when its device was heard.
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
    -- Batches of one replica overtake each other when they are repeated. Whether an earlier part than the last one was accepted
    -- nobody can tell; judged again, its readings are duplicates, or late, but never lost.
    or (last_replica == replica and greater(last_part, part)) then
    local known_version = last_version ~= '-' and last_version or ''
    local fields = call('HMGET', device_key, 'rules', 'session')
    reply[#reply + 1] = { i, 'conflict', known_version, last_seq, last_at, fields[1] or '', fields[2] or '', places }
    argument = argument + rest
  else
    is_new = last_version == '-'
    -- A retained message is of any age: that the device was heard it does not say.
    local retained_count = late_count == 0 and 0 or select(2, string.gsub(kinds, RETAINED, ''))
    local is_heard = live_count + late_count > retained_count
    local is_quiet = is_heard and string.sub(last_received, 1, -4) ~= this_second
    local fleet, device
    if is_new or is_quiet or command_count > 0 or vote_count > 0 or timer ~= '' then
      fleet, device = match(device_key, ':device:([^/]+)/(.+)$')
    end
    local is_unlisted = is_new and not call('ZSCORE', key(devices), device)
    if is_unlisted and live_count + late_count > 0 and not is_heard then
      -- The broker keeps messages of devices that are long gone.
      reply[#reply + 1] = { i, 'late', 0, 0, 0, retained_count }
      argument = argument + rest
    elseif is_unlisted and call('ZCARD', key(devices)) >= max_devices then
      reply[#reply + 1] = { i, 'full' }
      argument = argument + rest
    else
      if is_new then
        call('ZADD', key(devices), 0, device)
        call('SADD', key(fleets), fleet)
        -- A rule waits for the silence of a device that has never reported.
        if live_count + late_count == 0 then call('ZADD', key(presence), 'NX', -1, device) end
        call('PERSIST', device_key)
      end
      -- The lesson's device is named like its fleet, but not every device of that name is the lesson's: its commands go to the topic
      -- that belongs to the one on which it was heard last.
      if is_heard and lesson and fleet and fleet == device then
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
        call('HSET', device_key, 'history', now_text .. ',' .. (is_heard and 'late' or 'retained'))
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
        -- No entry of this part is the last one, so the last one tells that this part was accepted.
        last = call('LINDEX', window, -1)
        local order, json = match(last, '^(%d+,%d,%d*,%d*,%d*,%d*),[^,]*,()')
        call('LSET', window, -1, order .. ',' .. replica .. '.' .. part .. ',' .. string.sub(last, json))
      end
      if rules then call('HSET', device_key, 'version', replica .. '.' .. part, 'rules', rules) end
      -- Freshness is exact to a second: a chatty device moves in the sorted set once in each second, not on every message.
      if is_quiet then
        local fields = call('HMGET', device_key, 'session', 'back', 'interval:longest')
        local session, back_since = fields[1] or '', tonumber(fields[2])
        if is_unlisted or not may_precede_session_end(session, now) then
          local online, since = match(session, '^%d+,(%d),(%d+),')
          local period = period_of(session, fresh, fields[3])
          local was_there = reach_of(session, call('ZSCORE', key(presence), device), now, fresh) == 'there'
          call('ZADD', key(presence), int(now + period), device)
          local heard = tonumber(last_received)
          local said_goodbye = online == '0' and in_transit_until(session) > heard
          local silent = now - heard
          -- Negative: the clock was set back, so the length of the silence is unknown.
          local is_back = not was_there or said_goodbye or silent > period or silent < 0
          -- Kept until what waits is woken (see wakeDevice-7.lua): a replica may die in between, and then a later reading tells again.
          if back_since and math.abs(now - back_since) >= REPEAT_RETURN_MS then is_back = true end
          if is_back then
            call('HSET', device_key, 'back', now_text)
            -- Of a session that began since, its birth has told what became of the one before.
            local is_stale = last_received ~= '0' and silent > period and (tonumber(since) or 0) <= heard and not said_goodbye
            reply[#reply + 1] = { i, 'back', is_stale and 'stale' or 'away' }
          end
        end
      end

      -- A device that was just heard is there, but not after the end of its session.
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
