-- Counts the open commands of a shard, and searches one page of them for the oldest. Ids start with their creation time, so the
-- lowest id is the oldest.
--
-- KEYS  1 transitions HASH   2 queue ZSET   3 due ZSET
-- ARGV  1 the last member of the previous page, or ''   2 maximum number of members to read   3 the oldest id found so far, or ''
--       4 how long a command must have been due to be counted as due (ms)
-- Returns  {open, due for that long, last member of this page, or '' if it is the last page, the oldest open id found so far, or '',
--          its age (ms)}
-- Clock    Redis TIME
-- Flags    no-writes
return function(keys, args)
  local now = now_ms()
  local oldest = args[3]
  if oldest ~= '' and not redis.call('ZSCORE', keys[3], oldest) then oldest = '' end
  local from = args[1] == '' and '-' or '(' .. args[1]
  local members = redis.call('ZRANGEBYLEX', keys[2], from, '+', 'LIMIT', 0, args[2])
  for _, member in ipairs(members) do
    local id = string.match(member, '[^/]+$')
    if oldest == '' or id < oldest then oldest = id end
  end
  local age = 0
  if oldest ~= '' then
    local created = string.match(redis.call('HGET', keys[1], oldest) or '', '^%a+,(%d+)')
    age = math.max(0, now - (tonumber(created) or now))
  end
  return {
    redis.call('ZCARD', keys[2]), redis.call('ZCOUNT', keys[3], '-inf', int(now - args[4])),
    #members == tonumber(args[2]) and members[#members] or '', oldest, int(age),
  }
end
