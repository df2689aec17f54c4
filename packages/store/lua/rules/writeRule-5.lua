-- Writes a version of a rule if the current one is the expected one. Repeating a write changes nothing.
--
-- KEYS  1 rules HASH of the fleet   2 versions LIST of the rule   3 revisions HASH   4 errors HASH of the fleet
--       5 releases HASH of the fleet
-- ARGV  1 fleet   2 rule id   3 expected version; 0 if it cannot be read, '' if there must be none
--       4 '1' if its evaluation or its commands change: earlier rule states become invalid   5 rule, JSON
--       6 most rules of a fleet   7 versions kept
--       8 to release what the replaced version has started: the devices for which the rule continues, JSON (null for none); otherwise ''
-- Returns  {'written', record}
--          {'exists', version}   the rule exists, but must not
--          {'changed', version}  its version is another one
--          {'missing'}           there is no such rule
--          {'full'}              the fleet has reached its rule limit
-- Clock    Redis TIME
--@include releases.lua

local id, expected = ARGV[2], ARGV[3]
local record = redis.call('HGET', KEYS[1], id)
local version, since, rule = nil, nil, nil
if record then
  version = tonumber(string.match(record, '^{"version":(%d+),') or 0)
  since, rule = string.match(record, '^{"version":%d+,"since":(%d+),"at":%d+,"rule":(.*)}$')
  if expected == '' then return { 'exists', version } end
  -- A repeated write whose first reply was lost.
  if version == expected + 1 and rule == ARGV[5] then return { 'written', record } end
  if version ~= tonumber(expected) then return { 'changed', version } end
elseif expected ~= '' then
  return { 'missing' }
elseif redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[6]) then
  return { 'full' }
end

-- A deleted or unreadable rule continues its version numbers.
local last = string.match(redis.call('LINDEX', KEYS[2], 0) or '', '^{"version":(%d+)')
version = math.max(version or 0, tonumber(last or 0)) + 1
local revision = redis.call('HINCRBY', KEYS[3], ARGV[1], 1)
redis.call('HINCRBY', KEYS[3], '*', 1)
if ARGV[4] == '1' or not since then since = string.format('%.0f', revision) end
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
record = '{"version":' .. string.format('%.0f', version) .. ',"since":' .. since .. ',"at":' .. now .. ',"rule":' .. ARGV[5] .. '}'
if ARGV[8] ~= '' then release(KEYS[5], id, redis.call('HGET', KEYS[1], id), now, ARGV[8]) end
redis.call('HSET', KEYS[1], id, record)
redis.call('LPUSH', KEYS[2], record)
redis.call('LTRIM', KEYS[2], 0, ARGV[7] - 1)
redis.call('PERSIST', KEYS[2])
redis.call('HDEL', KEYS[4], id)
return { 'written', record }
