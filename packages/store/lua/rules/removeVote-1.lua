-- Removes the vote of a removed device from a quorum, unless the device has voted again since.
--
-- KEYS  1 group HASH
-- ARGV  1 device   2 when it was removed (ms)
-- Returns  1 if a vote was removed, otherwise 0
-- Clock    none
return function(keys, args)
  local field = 'v:' .. args[1]
  local vote = redis.call('HGET', keys[1], field)
  if not vote or tonumber(string.match(vote, '^%d+')) > tonumber(args[2]) then return 0 end
  return redis.call('HDEL', keys[1], field)
end
