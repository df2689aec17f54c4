-- The window of a device: a LIST of its latest readings, each an entry
-- "<received>,<kind>,<count>,<n>,<seq>,<at>,<replica>.<part>,<json>". The last entry is the last state. It has everything that the next
-- reading is compared with, and the number of live readings stored so far (count), so a reading costs one write to the append-only file.
--   received  time of Redis (ms)
--   kind      LIVE, LATE, RETAINED or REPLAYED; earlier versions wrote the first two only
--   n         the device's own count of readings taken; n, `_seq` and `_at` are empty if the reading has none
--   part      the part of a batch with which it came; part numbers grow per replica

-- LIVE and REPLAYED readings were newer than the last state and became it; of a replay only the newest reading is LIVE. The others are
-- history: they came after a newer reading (LATE), or from a retained message, which can be of any age. LATE_REPLAYED is the kind of a
-- reading that is late and part of a replay; its entry is LATE.
local LIVE, LATE, RETAINED, REPLAYED, LATE_REPLAYED = '0', '1', '2', '3', '4'

-- The window is trimmed in strides, because trimming costs as much as appending.
local WINDOW_LIMIT = WINDOW_SIZE + 32

-- Large readings shorten the window, so that no device fills the memory.
-- bytes: length of the newest entry. The others can be larger, so a window of alternating sizes has a few times WINDOW_BYTES.
local function trim_window(window, length, bytes)
  local size, limit = WINDOW_SIZE, WINDOW_LIMIT
  if bytes * WINDOW_SIZE > WINDOW_BYTES then
    size = math.max(1, math.floor(WINDOW_BYTES / bytes))
    limit = size
  end
  if length > limit then redis.call('LTRIM', window, -size, -1) end
end

-- The entries of a window, oldest first.
local function read_window(window)
  local entries = {}
  for i, text in ipairs(redis.call('LRANGE', window, -WINDOW_SIZE, -1)) do
    local received, kind, n, seq, at, json =
      string.match(text, '^(%d*),(%d),%d*,(%d*),(%d*),(%d*),[^,]*,(.*)$')
    entries[i] = {
      text = text, live = kind == LIVE or kind == REPLAYED, n = tonumber(n), seq = tonumber(seq), at = tonumber(at),
      received = tonumber(received), json = json,
    }
  end
  return entries
end

-- Whether two JSON values are the same, in whatever order their keys are.
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

-- The readings that a device is known to have sent, found by `_seq`, or without one by `_at`.
local KnownReadings = {}
KnownReadings.__index = KnownReadings

function KnownReadings.of(entries)
  local known = setmetatable({ by_seq = {}, by_at = {}, bare = {}, seqs = {}, highest = -1 }, KnownReadings)
  for _, entry in ipairs(entries) do known:add(entry) end
  return known
end

function KnownReadings:list_of(reading)
  if reading.seq then return self.by_seq, reading.seq end
  if reading.at then return self.by_at, reading.at end
  return self, 'bare'
end

function KnownReadings:add(reading)
  local lists, place = self:list_of(reading)
  local list = lists[place]
  if not list then
    list = {}
    lists[place] = list
  end
  list[#list + 1] = reading.json
  local seq = reading.seq
  if seq then
    self.seqs[#self.seqs + 1] = seq
    if seq > self.highest then self.highest = seq end
  end
end

-- 'same' if it holds this reading, 'other' if it holds another one with this `_seq` or `_at`, else nil.
function KnownReadings:find(reading)
  local lists, place = self:list_of(reading)
  local list = lists[place]
  if not list then return nil end
  for _, json in ipairs(list) do
    if json == reading.json or same(cjson.decode(json), cjson.decode(reading.json)) then return 'same' end
  end
  return 'other'
end

-- Whether a number lies in a gap of at most this width between two known ones.
function KnownReadings:in_gap(seq, width)
  local below, above
  for _, other in ipairs(self.seqs) do
    if other < seq and (not below or other > below) then below = other end
    if other > seq and (not above or other < above) then above = other end
  end
  return below ~= nil and above ~= nil and above - below <= width
end
