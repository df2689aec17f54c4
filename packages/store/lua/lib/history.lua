-- Stores history: readings that arrived after a newer one, or from a retained message.

-- Whether a late reading belongs before an entry of the window.
local function is_before(late, entry)
  if late.seq and entry.seq then return late.seq < entry.seq end
  if late.at then return late.at < (entry.at or entry.received) end
  return false
end

-- The place of a late reading among the entries: by its number or time, but never after the last state, nor before the entry that
-- started the latest order.
local function place_of(late, entries)
  local place = #entries + 1
  if place > 1 and entries[#entries].live then place = #entries end
  while place > 1 and is_before(late, entries[place - 1])
    and not (entries[place] and entries[place - 1].live and is_before(entries[place], entries[place - 1])) do
    place = place - 1
  end
  return place
end

-- Inserts history into the window. History is rare, so the window is read as a whole. It is never rewritten as a whole: with large
-- readings, each late reading would write megabytes.
-- Returns how many were stored, duplicate and tooOld (older than a full window), each { late, retained }, and the lowest n of those stored.
local function insert_history(window, history, now)
  local entries = read_window(window)
  local known = KnownReadings.of(entries)
  local is_full = #entries >= WINDOW_SIZE
  local counts, length, bytes, lowest = { stored = { 0, 0 }, duplicate = { 0, 0 }, tooOld = { 0, 0 } }, 0, 0, math.huge
  local function count(outcome, r)
    local which = r.kind == RETAINED and 2 or 1
    counts[outcome][which] = counts[outcome][which] + 1
  end
  for _, r in ipairs(history) do
    local place = place_of(r, entries)
    if known:find(r) == 'same' then
      count('duplicate', r)
    elseif is_full and place == 1 then
      count('tooOld', r)
    else
      count('stored', r)
      lowest = math.min(lowest, r.n or lowest)
      known:add(r)
      local text = int(now) .. ',' .. (r.kind == RETAINED and RETAINED or LATE) .. ',,' .. r.text
      local follower = entries[place]
      bytes = math.max(bytes, #text)
      length = follower and redis.call('LINSERT', window, 'BEFORE', follower.text, text) or redis.call('RPUSH', window, text)
      table.insert(entries, place, { text = text, live = false, seq = r.seq, at = r.at, received = now })
    end
  end
  trim_window(window, length, bytes)
  return counts, lowest
end

-- Stores the history of a part and counts it in the device HASH. Returns the counts.
local function store_history(device_key, window, history, retained, now)
  local counts, lowest = insert_history(window, history, now)
  for outcome, field in pairs({ stored = 'late', duplicate = 'duplicate', tooOld = 'stale' }) do
    local both = counts[outcome][1] + counts[outcome][2]
    if both > 0 then redis.call('HINCRBY', device_key, field, both) end
  end
  if retained > 0 then redis.call('HINCRBY', device_key, 'retained', retained) end
  redis.call('HSET', device_key, 'history', int(now) .. ',' .. (#history > retained and 'late' or 'retained'))
  local from = redis.call('HGET', device_key, 'from')
  if from and lowest < tonumber(from) and redis.call('HEXISTS', device_key, 'again') == 0 then
    redis.call('HSET', device_key, 'from', int(lowest))
  end
  return { stored = counts.stored[1], duplicate = counts.duplicate[1], tooOld = counts.tooOld[1], retained = retained }
end
