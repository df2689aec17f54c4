-- Deletes a rule if its current version is the expected one. Its versions are kept for a while, and a new rule of its name continues
-- its version numbers.
--
-- KEYS  1 rules HASH of the fleet   2 versions LIST of the rule   3 revisions HASH   4 errors HASH of the fleet
--       5 releases HASH of the fleet
-- ARGV  1 fleet   2 rule id   3 version; 0 if it cannot be read   4 versions kept   5 how long they are kept (s)
--       6 'null' to release what the rule has started, or ''   7 id of the API key, or ''
-- Returns  {'deleted', version of the deletion}, {'missing'}, or {'changed', version} if its version is another one
-- Clock    Redis TIME
return function(keys, args)
  local record = redis.call('HGET', keys[1], args[2])
  if not record then return { 'missing' } end
  local version = tonumber(string.match(record, '^{"version":(%d+),') or 0)
  if version ~= tonumber(args[3]) then return { 'changed', version } end
  local last = string.match(redis.call('LINDEX', keys[2], 0) or '', '^{"version":(%d+)')
  version = math.max(version, tonumber(last or 0)) + 1
  redis.call('HINCRBY', keys[3], args[1], 1)
  redis.call('HINCRBY', keys[3], '*', 1)
  local now = int(now_ms())
  if args[6] ~= '' then release(keys[5], args[2], record, now, args[6]) end
  redis.call('HDEL', keys[1], args[2])
  redis.call('HDEL', keys[4], args[2])
  local key = args[7] == '' and '' or ',"key":"' .. args[7] .. '"'
  redis.call('LPUSH', keys[2], '{"version":' .. int(version) .. ',"at":' .. now .. key .. ',"deleted":true}')
  redis.call('LTRIM', keys[2], 0, args[4] - 1)
  redis.call('EXPIRE', keys[2], args[5])
  return { 'deleted', version }
end
