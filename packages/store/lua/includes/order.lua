-- Places the readings of a device: `live` is newer than the last state and becomes it; everything else is history.
--
-- A number that a device once sent is not believed for ever. For a reading r and the last state:
--   1 A higher `_seq` is newer. If `_at` went back with it, the window is asked: a reading that it holds is a duplicate, and where it
--     holds higher numbers (the counter was restarted a while ago) `_at` decides.
--   2 Without a higher `_seq`, a later `_at` is newer, and an earlier one is history, except
--     - after a last state whose `_at` was ahead of the clock of Redis by more than CLOCK_AHEAD, once the device's clock is right;
--     - in a session that began after the last state, of a device that keeps no readings: it replays nothing.
--   3 Of a lower `_seq` where an `_at` is missing the window decides: what it holds is a duplicate; the same `_seq` with other content
--     is a restarted counter; a session that began after the last state starts a new order, unless the device keeps its readings and
--     this one fills a gap in the window. Otherwise it is history, until RESTART_RISING of them in a row were rising, or the weights of
--     all in a row add up to RESTART_WEIGHT: then the counter was restarted, or one number had been wrong. Only readings that came
--     alone, or last in a replay, are evidence, and a live reading voids it. A number that fits into a small gap weighs less, and a
--     duplicate least; of a device that keeps its readings, and so repeats them, a duplicate weighs nothing.
--   4 Readings with neither in common stand in the order of arrival.
--
-- The evidence is kept in the field `behind` of the device HASH, "<count>,<rising>,<weight>,<seq>": valid as long as the device's live
-- readings number <count>.
local CLOCK_AHEAD, CLOCK_SLACK = 10000, 5000
local RESTART_RISING, RESTART_WEIGHT = 3, 128
local WEIGHT, WEIGHT_OF_GAP, WEIGHT_OF_DUPLICATE = 16, 4, 1
-- How many numbers may be missing between two known ones because their readings are still on their way: of a device that keeps its
-- readings as many as an outbox holds.
local GAP, GAP_OF_OUTBOX = 64, 2000
-- What may come of a reading, as it stands in an entry: 1 and 2 are history, 3 is a live reading that came within a replay.
local LIVE, LATE, RETAINED, REPLAYED, LATE_REPLAYED = '0', '1', '2', '3', '4'

-- Whether two JSON values are the same, whatever the order of their keys.
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

-- The readings that a device is known to have sent, to find one of them again: by `_seq`, or without one by `_at`.
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

-- 'same' if it holds this reading, 'other' if it holds another one of this `_seq` or `_at`.
function Known:find(seq, at, json)
  local lists, place = identity_list(self, seq, at)
  local list = lists[place]
  if not list then return nil end
  for _, known in ipairs(list) do
    if same_json(known, json) then return 'same' end
  end
  return 'other'
end

-- Whether a number may be one of a few that are missing between two known ones.
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

-- True or false where the numbers alone say whether r is newer than the last state m; nil where they do not.
local function plainly_newer(r, m)
  local numbered, dated = r.seq and m.seq, r.at and m.at
  if numbered then return r.seq > m.seq and (not dated or r.at >= m.at) or nil end
  return not dated or r.at > m.at or nil
end

-- What a device has shown of a restarted counter so far.
local function evidence_of(text, count)
  local at_count, rising, weight, seq = string.match(text or '', '^(%d+),(%d+),(%d+),(%d+)$')
  if not at_count or tonumber(at_count) ~= count then return { rising = 0, weight = 0 } end
  return { rising = tonumber(rising), weight = tonumber(weight), seq = tonumber(seq) }
end

-- Places readings in the order in which they came.
-- given: readings (kind: LIVE, REPLAYED or RETAINED; seq, at, json), last (seq, at, received of the last state), session (of the device
--   HASH), behind (its evidence), count (of live readings), now, window and its size
-- Returns the places, how many began a new order and why ('clock', 'session' or 'counter'), and the evidence if it is to be written
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
  -- Of a session that seems to begin later than now the clock was set back meanwhile.
  local function is_new_session() return online == '1' and since >= m.received and since <= now end
  local function was_ahead(r)
    return m.at > m.received + CLOCK_AHEAD and r.at >= m.received - CLOCK_SLACK and r.at <= now + CLOCK_SLACK
  end

  local function is_restart(r, twin)
    if r.kind == REPLAYED or (twin == 'same' and keeps) then return false end
    changed = true
    if twin == 'same' and not is_new_session() then
      evidence.weight = evidence.weight + WEIGHT_OF_DUPLICATE
    elseif twin == nil and known:in_gap(r.seq, gap) then
      evidence.weight = evidence.weight + WEIGHT_OF_GAP
    else
      evidence.rising = evidence.seq and r.seq > evidence.seq and evidence.rising + 1 or 1
      evidence.weight = evidence.weight + WEIGHT
      evidence.seq = r.seq
    end
    return evidence.rising >= RESTART_RISING or evidence.weight >= RESTART_WEIGHT
  end

  -- Returns whether r is live, and if so whether it begins a new order.
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
    local twin = known_readings(i):find(r.seq, r.at, r.json)
    if twin == 'other' then return true, 'counter' end
    if twin == nil and is_new_session() and not (keeps and (#entries >= given.size or known:in_gap(r.seq, gap))) then
      return true, 'session'
    end
    return is_restart(r, twin), 'counter'
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
