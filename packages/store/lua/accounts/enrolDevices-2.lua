-- Creates the accounts of new devices, all or none.
--
-- KEYS  1 accounts HASH   2 names ZSET
-- ARGV  1 JSON {fleet, limit, kept, devices: [{device, hash}…]}; the most accounts of the installation, without and with revoked ones
-- Returns  '' if all were created, or why none was: {'full'}, or 'taken' and the names of devices whose name has an account, in this fleet or
--          another one, or had one that was revoked
-- Clock    Redis TIME
return function(keys, args)
  local request = cjson.decode(args[1])
  local created = int(now_ms())
  local names, taken = {}, {}
  for i, each in ipairs(request.devices) do names[i] = each.device end
  for i, record in ipairs(redis.call('HMGET', keys[1], unpack(names))) do
    if record then taken[#taken + 1] = names[i] end
  end
  if #taken > 0 then return { 'taken', unpack(taken) } end
  -- One field is the revision.
  if redis.call('ZCARD', keys[2]) + #names > request.limit or redis.call('HLEN', keys[1]) + #names > request.kept + 1 then return { 'full' } end
  for _, each in ipairs(request.devices) do
    local record = string.format('{"fleet":"%s","state":"enabled","hash":%s,"createdAt":%s,"changedAt":%s}',
      request.fleet, cjson.encode(each.hash), created, created)
    redis.call('HSET', keys[1], each.device, record)
    redis.call('ZADD', keys[2], 0, request.fleet .. '/' .. each.device)
  end
  redis.call('HINCRBY', keys[1], '*', 1)
  return { '' }
end
