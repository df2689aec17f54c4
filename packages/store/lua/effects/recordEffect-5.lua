-- Records the outcome of an effect check of a command, or when to check again.
--
-- KEYS  1 effects ZSET   2 commands HASH   3 acknowledgements HASH   4 outcomes HASH of the device   5 ineffective ZSET of the fleet
-- ARGV  1 "<fleet>/<device>/<command id>"   2 pending, effective, ineffective or unmeasured   3 evidence, JSON   4 rule
--       5 when to check again (ms), if pending   6 outcomes kept of a device
-- Returns  1, or 0 if nothing has changed: the outcome is known already, or the command was pruned
-- Clock    Redis TIME
return function(keys, args)
  local member, outcome, rule = args[1], args[2], args[4]
  local device, id = string.match(member, '^[^/]+/([^/]+)/([^/]+)$')
  if not redis.call('ZSCORE', keys[1], member) then return 0 end
  if redis.call('HEXISTS', keys[2], id) == 0 then
    redis.call('ZREM', keys[1], member)
    return 0
  end
  local now = int(now_ms())
  redis.call('HSET', keys[3], id .. ':effect', outcome .. ',' .. now .. ',' .. args[3])
  if outcome == 'pending' then
    redis.call('ZADD', keys[1], args[5], member)
    return 1
  end
  redis.call('ZREM', keys[1], member)
  if outcome == 'unmeasured' then return 1 end

  -- Ids grow with time: a late outcome does not replace that of a newer command.
  local known = redis.call('HGET', keys[4], rule)
  if known and string.match(known, '[^,]+$') > id then return 1 end
  redis.call('HSET', keys[4], rule, outcome .. ',' .. now .. ',' .. id)
  local kept = redis.call('HGETALL', keys[4])
  local oldest, oldest_at, ineffective = nil, math.huge, false
  for i = 1, #kept, 2 do
    local at = tonumber(string.match(kept[i + 1], ',(%d+),'))
    if kept[i] ~= rule and at < oldest_at then oldest, oldest_at = kept[i], at end
  end
  if #kept / 2 > tonumber(args[6]) then redis.call('HDEL', keys[4], oldest) else oldest = nil end
  for i = 1, #kept, 2 do
    if kept[i] ~= oldest and string.match(kept[i + 1], '^ineffective,') then ineffective = true end
  end
  if ineffective then redis.call('ZADD', keys[5], 0, device) else redis.call('ZREM', keys[5], device) end
  return 1
end
