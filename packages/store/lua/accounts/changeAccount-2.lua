-- Changes the account of a device. A revoked account stays, without its hash, so that its name is never given to another device.
--
-- KEYS  1 accounts HASH   2 names ZSET
-- ARGV  1 JSON {fleet, device, state, hash}; without `state` or `hash` they do not change
-- Returns  the changed record, JSON; '' if the fleet has no such account, or only a revoked one
-- Clock    Redis TIME
return function(keys, args)
  local request = cjson.decode(args[1])
  local stored = redis.call('HGET', keys[1], request.device)
  local record = stored and cjson.decode(stored)
  if not record or record.fleet ~= request.fleet or record.state == 'revoked' then return '' end
  local state, hash = request.state or record.state, request.hash or record.hash
  local changed = string.format('{"fleet":"%s","state":"%s",%s"createdAt":%s,"changedAt":%s}', record.fleet, state,
    state == 'revoked' and '' or '"hash":' .. cjson.encode(hash) .. ',', int(record.createdAt), int(now_ms()))
  redis.call('HSET', keys[1], request.device, changed)
  if state == 'revoked' then redis.call('ZREM', keys[2], request.fleet .. '/' .. request.device) end
  redis.call('HINCRBY', keys[1], '*', 1)
  return changed
end
