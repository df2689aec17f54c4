-- Writes a version of a rule if the current one is the expected one. Repeating a write changes nothing.
--
-- KEYS  1 rules HASH of the fleet   2 versions LIST of the rule   3 revisions HASH   4 errors HASH of the fleet
--       5 releases HASH of the fleet
-- ARGV  1 fleet   2 rule id   3 expected version; 0 if it cannot be read, '' if there must be none
--       4 '1' if its evaluation or its commands change: earlier rule states become invalid   5 rule, JSON
--       6 most rules of a fleet   7 versions kept
--       8 to release what the replaced version has started: the devices for which the rule continues, JSON (null for none); otherwise ''
--       9 id of the API key, or ''. Only the version names it: replicas of earlier versions read the record in the HASH
-- Returns  {'written', record}
--          {'exists', version}   the rule exists, but must not
--          {'changed', version}  its version is another one
--          {'missing'}           there is no such rule
--          {'full'}              the fleet has reached its rule limit
-- Clock    Redis TIME
local function key_field(key)
  return key == '' and '' or ',"key":"' .. key .. '"'
end

return function(keys, args)
  local id, expected = args[2], args[3]
  local record = redis.call('HGET', keys[1], id)
  local version, since, rule = nil, nil, nil
  if record then
    version = tonumber(string.match(record, '^{"version":(%d+),') or 0)
    since, rule = string.match(record, '^{"version":%d+,"since":(%d+),"at":%d+,"rule":(.*)}$')
    if expected == '' then return { 'exists', version } end
    -- A repeated write whose first reply was lost.
    if version == expected + 1 and rule == args[5] then return { 'written', record } end
    if version ~= tonumber(expected) then return { 'changed', version } end
  elseif expected ~= '' then
    return { 'missing' }
  elseif redis.call('HLEN', keys[1]) >= tonumber(args[6]) then
    return { 'full' }
  end

  -- A deleted or unreadable rule continues its version numbers.
  local last = string.match(redis.call('LINDEX', keys[2], 0) or '', '^{"version":(%d+)')
  version = math.max(version or 0, tonumber(last or 0)) + 1
  local revision = redis.call('HINCRBY', keys[3], args[1], 1)
  redis.call('HINCRBY', keys[3], '*', 1)
  if args[4] == '1' or not since then since = int(revision) end
  local now = int(now_ms())
  record = '{"version":' .. int(version) .. ',"since":' .. since .. ',"at":' .. now .. ',"rule":' .. args[5] .. '}'
  if args[8] ~= '' then release(keys[5], id, redis.call('HGET', keys[1], id), now, args[8]) end
  redis.call('HSET', keys[1], id, record)
  redis.call('LPUSH', keys[2], (string.gsub(record, ',"rule":', key_field(args[9]) .. ',"rule":', 1)))
  redis.call('LTRIM', keys[2], 0, args[7] - 1)
  redis.call('PERSIST', keys[2])
  redis.call('HDEL', keys[4], id)
  return { 'written', record }
end
