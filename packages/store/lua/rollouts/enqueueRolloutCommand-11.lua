-- Enqueues a rollout's command for one device, or returns why the device is skipped. Each device gets one turn: devices come in the order
-- of their names (bytes), so one that is not after the last one has had its turn.
--
-- KEYS  1 device HASH   2 presence ZSET   3 devices ZSET
--       4..11 commands, transitions, acknowledgements, queue, index, due, rollouts of the shard, ledger of the fleet
-- ARGV  1 rollout id   2 token of the lease   3 command id   4 fleet   5 device   6 lane
--       7 delivery (the header, starting at the policy)   8 ttl (ms)   9 JSON   10 cause
-- Returns  {'enqueued', superseded ids…}; '?' before the id of one that ended as unknown
--          {'queue_full'}, {'unreachable'}, {'unknown_device'}   skipped, and counted as such
--          {'repeated'}   the device has had its turn
--          {'fenced'}     another replica holds the rollout, or it has ended
-- Clock    Redis TIME
return function(keys, args)
  local rollout, fleet, device, delivery = args[1], args[4], args[5], args[7]
  local K = command_keys(keys, 4)
  local now = now_ms()

  -- Lua compares strings by locale; Redis compares bytes.
  local function is_after(a, b)
    for i = 1, math.min(#a, #b) do
      local x, y = string.byte(a, i), string.byte(b, i)
      if x ~= y then return x > y end
    end
    return #a > #b
  end

  local state = redis.call('HMGET', K.rollouts, rollout .. ':token', rollout .. ':after')
  if state[1] ~= args[2] then return { 'fenced' } end
  if state[2] and not is_after(device, state[2]) then return { 'repeated' } end
  redis.call('HSET', K.rollouts, rollout .. ':after', device)

  local function skip(reason)
    redis.call('HINCRBY', K.rollouts, rollout .. ':skipped:' .. reason, 1)
    return { reason }
  end

  if not redis.call('ZSCORE', keys[3], device) then return skip('unknown_device') end
  local record = Device.read(keys[1], { 'session', lane_fields(args[6]) })
  local reach = reach_of(record:get('session'), redis.call('ZSCORE', keys[2], device), now)
  local away = must_wait(reach, delivery)
  if away and string.match(delivery, '^%a+') == 'now' then return skip('unreachable') end
  local outcome, _, _, superseded = enqueue(K, record, {
    id = args[3], device = fleet .. '/' .. device, lane = args[6], delivery = delivery, ttl = tonumber(args[8]), json = args[9],
    cause = args[10], away = away,
  }, now)
  record:save()
  if outcome == 'full' then return skip('queue_full') end
  return { 'enqueued', unpack(superseded) }
end
