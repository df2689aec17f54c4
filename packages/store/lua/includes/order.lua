-- Places the readings of a device: a `live` reading is newer than the last state and becomes it; every other one is history.
--
-- The highest number of a device does not count forever, because counters restart and clocks are corrected. Compared with the last state:
--   1 A reading with a higher `_seq` is newer. If its `_at` is earlier, the window decides: a reading in the window is a duplicate; and if
--     the window holds higher numbers (the counter restarted a while ago), `_at` decides.
--   2 Without a higher `_seq`, a reading with a later `_at` is newer, and one with an earlier `_at` is history, except
--     - after a last state whose `_at` was ahead of the clock of Redis by more than CLOCK_AHEAD, once the device's clock is correct;
--     - in a session that started after the last state, if the device does not keep its readings, since it replays none.
--   3 For a lower `_seq` without both `_at`, the window decides. A reading in the window is a duplicate. The same `_seq` with other content
--     means a restarted counter. A session that started after the last state starts a new order, unless the device keeps its readings and
--     this one fills a gap in the window. Otherwise the reading is history and evidence of a restarted counter (or of one wrong number):
--     RESTART_RISING consecutive rising numbers, or consecutive weights with the sum RESTART_WEIGHT, start a new order. Only readings
--     that arrived alone, or last in a replay, are evidence, and a live reading resets it. A number in a small gap weighs less, and a
--     duplicate least. A duplicate from a device that keeps its readings, and so repeats them, weighs nothing.
--   4 Readings without a common number are ordered by arrival.
--
-- The evidence is stored in the field `behind` of the device HASH, "<count>,<rising>,<weight>,<seq>", and is valid while the device has
-- exactly <count> live readings.
-- Milliseconds.
local CLOCK_AHEAD, CLOCK_SLACK = 10000, 5000
local RESTART_RISING, RESTART_WEIGHT = 3, 128
local WEIGHT, WEIGHT_OF_GAP, WEIGHT_OF_DUPLICATE = 16, 4, 1
-- Widest gap between two known numbers whose readings can still be in flight. A device that keeps its readings can have a whole outbox of
-- them in flight.
local GAP, GAP_OF_OUTBOX = 64, 2000
-- Kinds of readings, as stored in an entry: 1 and 2 are history, 3 is a live reading that is part of a replay. An entry never has kind 4.
local LIVE, LATE, RETAINED, REPLAYED, LATE_REPLAYED = '0', '1', '2', '3', '4'

-- Whether two JSON values are equal, regardless of the order of their keys.
local function same(a, b)
  if type(a) ~= 'table' or type(b) ~= 'table' then return a == b end
  for name, value in pairs(a) do
    if not same(value, b[name]) then return false end
  end
  for name in pairs(b) do
    if a[name] == nil then return false end
  end
  return true
end

local function same_json(a, b)
  return a == b or same(cjson.decode(a), cjson.decode(b))
end

-- The known readings of a device, by `_seq`, or by `_at` without one; finds duplicates.
local Known = {}
Known.__index = Known

function Known.new()
  return setmetatable({ by_seq = {}, by_at = {}, bare = {}, seqs = {}, highest = -1 }, Known)
end

local function identity_list(self, seq, at)
  if seq then return self.by_seq, seq end
  if at then return self.by_at, at end
  return self, 'bare'
end

function Known:add(seq, at, json)
  local lists, place = identity_list(self, seq, at)
  local list = lists[place]
  if not list then
    list = {}
    lists[place] = list
  end
  list[#list + 1] = json
  if seq then
    self.seqs[#self.seqs + 1] = seq
    if seq > self.highest then self.highest = seq end
  end
end

-- 'same' if this reading is known, 'other' if only a different one with this `_seq` or `_at` is, otherwise nil.
function Known:find(seq, at, json)
  local lists, place = identity_list(self, seq, at)
  local list = lists[place]
  if not list then return nil end
  for _, known in ipairs(list) do
    if same_json(known, json) then return 'same' end
  end
  return 'other'
end

-- Whether a number lies between two known ones that are at most `width` apart.
function Known:in_gap(seq, width)
  local below, above
  for _, other in ipairs(self.seqs) do
    if other < seq and (not below or other > below) then below = other end
    if other > seq and (not above or other < above) then above = other end
  end
  return below ~= nil and above ~= nil and above - below <= width
end

-- The entries of a window, in order.
local function read_window(window, size)
  local entries = {}
  for i, text in ipairs(redis.call('LRANGE', window, -size, -1)) do
    local received, kind, n, seq, at, json =
      string.match(text, '^(%d*),(%d),%d*,(%d*),(%d*),(%d*),[^,]*,(.*)$')
    entries[i] = {
      text = text, live = kind == LIVE or kind == REPLAYED, n = tonumber(n), seq = tonumber(seq), at = tonumber(at),
      received = tonumber(received), json = json,
    }
  end
  return entries
end

local function known_in(entries)
  local known = Known.new()
  for _, e in ipairs(entries) do known:add(e.seq, e.at, e.json) end
  return known
end

-- Whether reading r is newer than the last state m by the numbers alone; nil if they do not decide.
local function plainly_newer(r, m)
  local numbered, dated = r.seq and m.seq, r.at and m.at
  if numbered then return r.seq > m.seq and (not dated or r.at >= m.at) or nil end
  return not dated or r.at > m.at or nil
end

-- The evidence of a restarted counter so far.
local function evidence_of(text, count)
  local at_count, rising, weight, seq = string.match(text or '', '^(%d+),(%d+),(%d+),(%d+)$')
  if not at_count or tonumber(at_count) ~= count then return { rising = 0, weight = 0 } end
  return { rising = tonumber(rising), weight = tonumber(weight), seq = tonumber(seq) }
end

-- Places readings in their order of arrival.
-- given: readings (kind: LIVE, REPLAYED or RETAINED; seq, at, json), last (seq, at, received of the last state), session (of the device
--   HASH), behind (its evidence), count (of live readings), now, window and its size
-- Returns the places (a kind per reading), why the first restart started a new order ('clock', 'session' or 'counter'; nil without one),
--   and the evidence if it has changed
local function place_readings(given)
  local readings, m, now = given.readings, given.last, given.now
  local evidence = evidence_of(given.behind, given.count)
  local places, live, restart, known, entries, changed = {}, 0, nil, nil, nil, false
  local online, since, policy = string.match(given.session or '', '^%d+,(%d),(%d+),(%a+)')
  since = tonumber(since)
  local keeps = policy == 'keep'
  local gap = keeps and GAP_OF_OUTBOX or GAP

  local function known_readings(i)
    if not known then
      entries = read_window(given.window, given.size)
      known = known_in(entries)
      for earlier = 1, i - 1 do
        local r = readings[earlier]
        known:add(r.seq, r.at, r.json)
      end
    end
    return known
  end
  -- A session that starts in the future was recorded before the clock went backwards.
  local function is_new_session() return online == '1' and since >= m.received and since <= now end
  local function was_ahead(r)
    return m.at > m.received + CLOCK_AHEAD and r.at >= m.received - CLOCK_SLACK and r.at <= now + CLOCK_SLACK
  end

  local function is_restart(r, found)
    if r.kind == REPLAYED or (found == 'same' and keeps) then return false end
    changed = true
    if found == 'same' and not is_new_session() then
      evidence.weight = evidence.weight + WEIGHT_OF_DUPLICATE
    elseif found == nil and known:in_gap(r.seq, gap) then
      evidence.weight = evidence.weight + WEIGHT_OF_GAP
    else
      evidence.rising = evidence.seq and r.seq > evidence.seq and evidence.rising + 1 or 1
      evidence.weight = evidence.weight + WEIGHT
      evidence.seq = r.seq
    end
    return evidence.rising >= RESTART_RISING or evidence.weight >= RESTART_WEIGHT
  end

  -- Returns whether r is live, and why it starts a new order if it does.
  local function is_live(i, r)
    local plain = plainly_newer(r, m)
    if plain ~= nil then return plain end
    local numbered, dated = r.seq and m.seq, r.at and m.at
    if numbered and r.seq > m.seq then
      if known_readings(i):find(r.seq, r.at, r.json) == 'same' then return false end
      if known.highest < r.seq then return true end
    end
    if dated then
      if r.at > m.at then return known_readings(i):find(r.seq, r.at, r.json) ~= 'same', 'counter' end
      if r.at == m.at and not numbered then return known_readings(i):find(r.seq, r.at, r.json) ~= 'same' end
      local reason = was_ahead(r) and 'clock' or (not keeps and is_new_session() and 'session')
      if reason then return known_readings(i):find(r.seq, r.at, r.json) ~= 'same', reason end
      return false
    end
    local found = known_readings(i):find(r.seq, r.at, r.json)
    if found == 'other' then return true, 'counter' end
    if found == nil and is_new_session() and not (keeps and (#entries >= given.size or known:in_gap(r.seq, gap))) then
      return true, 'session'
    end
    return is_restart(r, found), 'counter'
  end

  for i, r in ipairs(readings) do
    if r.kind == RETAINED then
      places[i] = RETAINED
    else
      local newer, reason = is_live(i, r)
      if newer then
        places[i] = r.kind
        live = live + 1
        restart = restart or reason
        m = { seq = r.seq, at = r.at, received = now }
        evidence, changed = { rising = 0, weight = 0 }, false
      else
        places[i] = r.kind == REPLAYED and LATE_REPLAYED or LATE
      end
    end
    if known then known:add(r.seq, r.at, r.json) end
  end
  local behind = changed
    and string.format('%.0f,%d,%d,%.0f', given.count + live, evidence.rising, evidence.weight, evidence.seq or 0)
  return table.concat(places), restart, behind
end
