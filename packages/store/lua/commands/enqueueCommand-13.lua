-- Enqueues one command for a device.
--
-- KEYS  1 device HASH   2 presence ZSET   3 devices ZSET   4 fleets SET   5 idempotency STRING
--       6..13 commands, transitions, acknowledgements, queue, index, due, rollouts of the shard, ledger of the fleet
-- ARGV  1 command id   2 fleet   3 device   4 lane   5 delivery (the header, starting at the policy)   6 ttl (ms)   7 JSON   8 cause
--       9 hash of the request, or '' without an idempotency key   10 how long the key is remembered (ms)
--       11 channel that wakes the dispatchers   12 message for it   13 '1' to reject an unknown device
-- Returns  {'enqueued', lane sequence, enqueued at (ms), expires at (ms), presence score, superseded ids…}; '?' before the id of one that
--          ended as unknown
--          {'repeated', id}  the same request was sent before with this key
--          {'reused'}        a different request was sent before with this key
--          {'full'}          the device has reached its limit of open commands
--          {'unreachable'}   policy `now`, and the device is unreachable
--          {'unknown_device'}  the device is unknown, and ARGV 13 is '1'
--          {'fleet_full'}    the device is new, and the fleet has reached its device limit
-- Clock    Redis TIME
return function(keys, args)
  local id, fleet, device, lane, delivery = args[1], args[2], args[3], args[4], args[5]
  local K = command_keys(keys, 6)
  local now = now_ms()

  if args[9] ~= '' then
    local before = redis.call('GET', keys[5])
    if before then
      local earlier, hash = string.match(before, '^(%S+) (%S+)$')
      if hash == args[9] then return { 'repeated', earlier } end
      return { 'reused' }
    end
  end

  local score = redis.call('ZSCORE', keys[2], device)
  if not score and args[13] == '1' then return { 'unknown_device' } end
  local record = Device.read(keys[1], { 'session', lane_fields(lane) })
  local away = must_wait(reach_of(record:get('session'), score, now), delivery)
  if away and string.match(delivery, '^%a+') == 'now' then return { 'unreachable' } end
  if not score then
    if redis.call('ZCARD', keys[3]) >= MAX_DEVICES_PER_SHARD then return { 'fleet_full' } end
    redis.call('ZADD', keys[2], -1, device)
    redis.call('ZADD', keys[3], 0, device)
    redis.call('SADD', keys[4], fleet)
    redis.call('PERSIST', keys[1])
  end
  local state, seq, expires_at, superseded = enqueue(K, record, {
    id = id, device = fleet .. '/' .. device, lane = lane, delivery = delivery, ttl = tonumber(args[6]), json = args[7], cause = args[8],
    away = away,
  }, now)
  record:save()
  if state == 'full' then return { 'full' } end
  if args[9] ~= '' then redis.call('SET', keys[5], id .. ' ' .. args[9], 'PX', args[10]) end
  if not away then redis.call('PUBLISH', args[11], args[12]) end
  return { 'enqueued', int(seq), int(now), int(expires_at), score or '-1', unpack(superseded) }
end
