-- Decides which readings of a device are live: newer than the last state, which they replace. All others are history.
--
-- No number that a device once sent is trusted forever. For a reading r and the last state:
--   1 A higher `_seq` is newer. If its `_at` is earlier, the window decides: a reading that it holds is a duplicate, and if it holds
--     higher numbers (the counter restarted a while ago), the later `_at` is newer.
--   2 Without a higher `_seq`, a later `_at` is newer and an earlier one is history, except
--     - after a last state whose `_at` was more than CLOCK_AHEAD ahead of the Redis clock, once the device's clock is right;
--     - in a session that started after the last state, if the device keeps no readings: it replays nothing.
--   3 With a lower `_seq` and no `_at` to compare, the window decides: a reading that it holds is a duplicate; the same `_seq` with other
--     content is a restarted counter; in a session that started after the last state it starts a new order, unless the device keeps its
--     readings and this one fills a gap in the window. Otherwise it is history, until RESTART_RISING such readings in a row were rising,
--     or the weights of all in a row reach RESTART_WEIGHT: then the counter has restarted, or one number was wrong. Only readings that
--     arrived alone, or last in a replay, raise this restart score, and a live reading resets it. A number that fits into a small gap weighs
--     less, and a duplicate least. A duplicate from a device that keeps its readings weighs nothing, because such a device repeats them.
--   4 If two readings share neither `_seq` nor `_at`, arrival order decides.
--
-- The restart score is stored in the field `behind` of the device HASH, "<count>,<rising>,<weight>,<seq>": valid while the device has
-- <count> live readings.
local CLOCK_AHEAD, CLOCK_SLACK = 10000, 5000
local RESTART_RISING, RESTART_WEIGHT = 3, 128
local WEIGHT, WEIGHT_OF_GAP, WEIGHT_OF_DUPLICATE = 16, 4, 1
-- The largest gap between two known numbers that readings in transit can explain; a device that keeps its readings can have a whole outbox
-- in transit.
local GAP, GAP_OF_OUTBOX = 64, 2000

-- True if the numbers alone prove that r is newer than the last state m; otherwise nil.
local function is_newer_by_numbers(r, m)
  local numbered, dated = r.seq and m.seq, r.at and m.at
  if numbered then return r.seq > m.seq and (not dated or r.at >= m.at) or nil end
  return not dated or r.at > m.at or nil
end

-- The restart score of a device: how likely its counter has restarted.
local function score_of(text, count)
  local at_count, rising, weight, seq = string.match(text or '', '^(%d+),(%d+),(%d+),(%d+)$')
  if not at_count or tonumber(at_count) ~= count then return { rising = 0, weight = 0 } end
  return { rising = tonumber(rising), weight = tonumber(weight), seq = tonumber(seq) }
end

local Order = {}
Order.__index = Order

-- The readings known before this one of the batch: those of the window, and those that came first in the batch.
function Order:known_before(i)
  if not self.known then
    local entries = read_window(self.window)
    self.is_full = #entries >= WINDOW_SIZE
    self.known = KnownReadings.of(entries)
    for earlier = 1, i - 1 do self.known:add(self.readings[earlier]) end
  end
  return self.known
end

-- A session that seems to start later than now was recorded before the clock was set back.
function Order:is_new_session(m)
  return self.online == '1' and self.since >= m.received and self.since <= self.now
end

function Order:was_ahead(r, m)
  return m.at > m.received + CLOCK_AHEAD and r.at >= m.received - CLOCK_SLACK and r.at <= self.now + CLOCK_SLACK
end

-- Adds a reading with a lower number to the restart score. Returns whether the score suffices.
function Order:is_restart(r, twin, m)
  if r.kind == REPLAYED or (twin == 'same' and self.keeps) then return false end
  local score = self.score
  self.has_changed = true
  if twin == 'same' and not self:is_new_session(m) then
    score.weight = score.weight + WEIGHT_OF_DUPLICATE
  elseif twin == nil and self.known:in_gap(r.seq, self.gap) then
    score.weight = score.weight + WEIGHT_OF_GAP
  else
    score.rising = score.seq and r.seq > score.seq and score.rising + 1 or 1
    score.weight = score.weight + WEIGHT
    score.seq = r.seq
  end
  return score.rising >= RESTART_RISING or score.weight >= RESTART_WEIGHT
end

-- Returns whether reading i is live, and if it starts a new order, why.
function Order:is_live(i, r, m)
  if is_newer_by_numbers(r, m) then return true end
  local numbered, dated = r.seq and m.seq, r.at and m.at
  if numbered and r.seq > m.seq then
    if self:known_before(i):find(r) == 'same' then return false end
    if self.known.highest < r.seq then return true end
  end
  if dated then
    if r.at > m.at then return self:known_before(i):find(r) ~= 'same', 'counter' end
    if r.at == m.at and not numbered then return self:known_before(i):find(r) ~= 'same' end
    local reason = self:was_ahead(r, m) and 'clock' or (not self.keeps and self:is_new_session(m) and 'session')
    if reason then return self:known_before(i):find(r) ~= 'same', reason end
    return false
  end
  local twin = self:known_before(i):find(r)
  if twin == 'other' then return true, 'counter' end
  if twin == nil and self:is_new_session(m)
    and not (self.keeps and (self.is_full or self.known:in_gap(r.seq, self.gap))) then
    return true, 'session'
  end
  return self:is_restart(r, twin, m), 'counter'
end

-- Places readings in the order in which they arrived.
-- given: readings (kind: LIVE, REPLAYED or RETAINED; seq, at, json), last (seq, at, received of the last state), session (of the device
--   HASH), behind (its restart score), count (of live readings), now, window
-- Returns the kinds, why a new order started ('clock', 'session' or 'counter'), if one did, and the restart score, if it must be written
local function place_readings(given)
  local online, since, policy = string.match(given.session or '', '^%d+,(%d),(%d+),(%a+)')
  local keeps = policy == 'keep'
  local order = setmetatable({
    readings = given.readings, window = given.window, now = given.now, online = online, since = tonumber(since), keeps = keeps,
    gap = keeps and GAP_OF_OUTBOX or GAP, score = score_of(given.behind, given.count), has_changed = false,
  }, Order)
  local m, places, live, restart = given.last, {}, 0, nil
  for i, r in ipairs(given.readings) do
    if r.kind == RETAINED then
      places[i] = RETAINED
    else
      local is_newer, reason = order:is_live(i, r, m)
      if is_newer then
        places[i] = r.kind
        live = live + 1
        restart = restart or reason
        m = { seq = r.seq, at = r.at, received = given.now }
        order.score, order.has_changed = { rising = 0, weight = 0 }, false
      else
        places[i] = r.kind == REPLAYED and LATE_REPLAYED or LATE
      end
    end
    if order.known then order.known:add(r) end
  end
  local score = order.score
  local behind = order.has_changed
    and string.format('%.0f,%d,%d,%.0f', given.count + live, score.rising, score.weight, score.seq or 0)
  return table.concat(places), restart, behind
end
