-- Enqueues one command for a device.
--
-- KEYS  1 device HASH   2 presence ZSET   3 devices ZSET   4 fleets SET   5 idempotency STRING
--       6..13 commands, transitions, acknowledgements, queue, index, due, rollouts of the shard, ledger of the fleet
-- ARGV  1 JSON: `CommandMessage` in enqueue-command.ts, which describes its fields
-- Returns  {'enqueued', lane sequence, enqueued at (ms), expires at (ms), presence score, superseded ids…}; '?' before the id of one that
--          ended as unknown
--          {'repeated', id}  the same request was sent before with this key
--          {'reused'}        a different request was sent before with this key
--          {'full'}          the device has reached its limit of open commands
--          {'unreachable'}   policy `now`, and the device is unreachable
--          {'unknown_device'}  the device is unknown, and the command is for known devices only
--          {'fleet_full'}    the device is new, and the fleet has reached its device limit
-- Clock    Redis TIME
return function(keys, args)
  local c = cjson.decode(args[1])
  local device, request = c.device, c.request
  local K = command_keys(keys, 6)
  local now = now_ms()

  if request then
    local before = redis.call('GET', keys[5])
    if before then
      local earlier, hash = string.match(before, '^(%S+) (%S+)$')
      if hash == request.hash then return { 'repeated', earlier } end
      return { 'reused' }
    end
  end

  local score = redis.call('ZSCORE', keys[2], device)
  if not score and c.mustBeKnown then return { 'unknown_device' } end
  local record = Device.read(keys[1], { 'session', lane_fields(c.lane) })
  local away = must_wait(reach_of(record:get('session'), score, now), c.delivery)
  if away and string.match(c.delivery, '^%a+') == 'now' then return { 'unreachable' } end
  if not score then
    if redis.call('ZCARD', keys[3]) >= MAX_DEVICES_PER_SHARD then return { 'fleet_full' } end
    redis.call('ZADD', keys[2], -1, device)
    redis.call('ZADD', keys[3], 0, device)
    redis.call('SADD', keys[4], c.fleet)
    redis.call('PERSIST', keys[1])
  end
  local state, seq, expires_at, superseded = enqueue(K, record, {
    id = c.id, device = c.fleet .. '/' .. device, lane = c.lane, delivery = c.delivery, ttl = c.ttl, json = c.json, cause = c.cause,
    away = away,
  }, now)
  record:save()
  if state == 'full' then return { 'full' } end
  if request then redis.call('SET', keys[5], c.id .. ' ' .. request.hash, 'PX', int(request.rememberMs)) end
  if not away then redis.call('PUBLISH', c.wake.channel, c.wake.message) end
  return { 'enqueued', int(seq), int(now), int(expires_at), score or '-1', unpack(superseded) }
end
