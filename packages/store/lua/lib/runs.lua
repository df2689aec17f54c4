-- A device's own count of readings taken (`_n`), for the ledger. The count starts at 1 in each run of the device's program. When it
-- restarts, the counts of the former run are added to `taken` and `dropped` of the device HASH; `from` is the first n that the store
-- received, for a device that is older than the store.

-- Compares counts and part numbers as texts: integers without leading zeros.
local function greater(a, b)
  if #a ~= #b then return #a > #b end
  return a > b
end

-- How many readings the device had dropped when it sent this one. `text`: any text that ends with its JSON.
local function dropped_in(text)
  return tonumber(cjson.decode(string.match(text, '^[^{]*(.*)$'))._dropped) or 0
end

-- Adds the counts of a run that has ended; `n` and `last` are of its last reading.
local function end_run(device_key, n, last)
  local from = redis.call('HGET', device_key, 'from')
  redis.call('HINCRBY', device_key, 'taken', int(math.max(0, n - (from or 1) + 1)))
  local dropped = dropped_in(last)
  if dropped > 0 then redis.call('HINCRBY', device_key, 'dropped', int(dropped)) end
  if from then redis.call('HDEL', device_key, 'from') end
end

-- Whether a device that reports again after its removal continues its count (see removeDevice-21.lua). Readings in flight can arrive
-- first, so n can be slightly lower; if it is much lower, the count has restarted at 1.
local function continues_run(device_key, n)
  local from = redis.call('HGET', device_key, 'from')
  if not from then return false end
  if tonumber(n) + WINDOW_SIZE >= tonumber(from) then return true end
  redis.call('HDEL', device_key, 'from', 'dropped')
  return false
end

-- Updates the run for a live reading with a count. `before`: the n and text of the live reading before it, n nil if it had none.
local function count_reading(device_key, n, text, before, is_new)
  if before.n then
    if not greater(n, before.n) then end_run(device_key, before.n, before.text) end
  elseif is_new and not continues_run(device_key, n) and n ~= '1' then
    redis.call('HSET', device_key, 'from', n)
    local dropped = dropped_in(text)
    if dropped > 0 then redis.call('HINCRBY', device_key, 'dropped', '-' .. int(dropped)) end
  end
end
