-- Records the latest error of each rule, and counts them.
--
-- KEYS  1 rules HASH of the fleet   2 errors HASH of the fleet
-- ARGV  for each rule: id, version that failed (0 if it cannot be read), errors since the last call, the latest one (JSON)
-- Returns  nothing
-- Clock    none
return function(keys, args)
  for i = 1, #args, 4 do
    local id, version, count = args[i], args[i + 1], tonumber(args[i + 2])
    local record = redis.call('HGET', keys[1], id)
    -- Errors of a replaced version are dropped.
    if record and (string.match(record, '^{"version":(%d+),') or '0') == version then
      local before = redis.call('HGET', keys[2], id)
      local of, counted = string.match(before or '', '^(%d+) (%d+) ')
      if of == version then count = count + counted end
      redis.call('HSET', keys[2], id, version .. ' ' .. int(count) .. ' ' .. args[i + 3])
    end
  end
end
