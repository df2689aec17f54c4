-- Compares a part of a batch, the readings of one device, with what the store holds.

-- The order and part of a window's last entry. History is not a last state, and a retained message is not a sign of life.
local function last_state_of(entry)
  if not entry then return { received = '0', count = '', n = '', seq = '', at = '', replica = '', part = '0' } end
  local received, kind, count, n, seq, at, replica, part =
    string.match(entry, '^(%d+),(%d),(%d*),(%d*),(%d*),(%d*),([^.,]*)%.(%d*),')
  if kind == LATE or kind == RETAINED then n, seq, at = '', '', '' end
  if kind == RETAINED then received = '0' end
  return { text = entry, received = received, count = count, n = n, seq = seq, at = at, replica = replica, part = part }
end

-- A conflict: the part was evaluated on different data.
local function conflict(device, version, last, kinds)
  return {
    kind = 'conflict',
    stored = {
      version = version ~= '-' and version or '', seq = last.seq, at = last.at, rules = device:get('rules') or '',
      session = device:get('session') or '', kinds = kinds,
    },
  }
end

-- The part as a table, from either of its forms. `take` returns the next argument.
local function read_part(text, take)
  if string.byte(text) == 123 then return cjson.decode(text) end
  local part, presence, version = string.match(text, '^(%d+) (%d+) (%S+)')
  return { part = part, presence = tonumber(presence), version = version, readings = { take() }, kinds = LIVE }
end

-- The kinds of a part's readings, by what the store holds; and if place_readings had to decide: why a new order started, and the restart
-- score to be written.
local function kinds_of(p, device, last, batch)
  local mark = { seq = tonumber(last.seq), at = tonumber(last.at), received = tonumber(last.received) }
  local readings, is_plain, newest = {}, true, mark
  for i, text in ipairs(p.readings) do
    local n, seq, at = string.match(text, '^(%d*),(%d*),(%d*),')
    local kind = string.sub(p.kinds, i, i)
    if kind == LATE then kind = LIVE elseif kind == LATE_REPLAYED then kind = REPLAYED end
    local reading = { text = text, kind = kind, n = tonumber(n), seq = tonumber(seq), at = tonumber(at), n_text = n }
    readings[i] = reading
    is_plain = is_plain and kind ~= RETAINED and is_newer_by_numbers(reading, newest)
    newest = reading
  end
  if is_plain then
    return readings, (string.gsub(string.gsub(p.kinds, LATE, LIVE), LATE_REPLAYED, REPLAYED))
  end
  for _, reading in ipairs(readings) do reading.json = string.match(reading.text, '^%d*,%d*,%d*,[^,]*,(.*)$') end
  return readings, place_readings({
    readings = readings, last = mark, session = device:get('session') or nil, behind = device:get('behind') or nil,
    count = tonumber(last.count) or 0, now = batch.now, window = p.window,
  })
end

-- The version as the caller knows it: with the window's counts if the part was evaluated on the window.
local function comparable(stored_version, p, device, last)
  if stored_version == p.version or not string.find(p.version, '@', 1, true) then return stored_version end
  local count = last.count ~= '' and last.count or '0'
  return stored_version .. '@' .. count .. '.' .. (device:get('late') or '0')
end
