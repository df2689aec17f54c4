-- Enqueues a rollout's command for one device, or returns why the device is skipped. Each device gets one turn: devices come in the order
-- of their names (bytes), so one that is not after the last one has had its turn.
--
-- KEYS  1 device HASH   2 presence ZSET   3 devices ZSET
--       4..11 commands, transitions, acknowledgements, queue, index, due, rollouts of the shard, ledger of the fleet
-- ARGV  1 JSON: `TurnMessage` in rollout-commands.ts, which describes its fields
-- Returns  {'enqueued', superseded ids…}; '?' before the id of one that ended as unknown
--          {'queue_full'}, {'unreachable'}, {'unknown_device'}   skipped, and counted as such
--          {'repeated'}   the device has had its turn
--          {'fenced'}     another replica holds the rollout, or it has ended
-- Clock    Redis TIME
return function(keys, args)
  local c = cjson.decode(args[1])
  local rollout, device = c.rollout, c.device
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
  if state[1] ~= c.token then return { 'fenced' } end
  if state[2] and not is_after(device, state[2]) then return { 'repeated' } end
  redis.call('HSET', K.rollouts, rollout .. ':after', device)

  local function skip(reason)
    redis.call('HINCRBY', K.rollouts, rollout .. ':skipped:' .. reason, 1)
    return { reason }
  end

  if not redis.call('ZSCORE', keys[3], device) then return skip('unknown_device') end
  local record = Device.read(keys[1], { 'session', lane_fields(c.lane) })
  local reach = reach_of(record:get('session'), redis.call('ZSCORE', keys[2], device), now)
  local away = must_wait(reach, c.delivery)
  if away and string.match(c.delivery, '^%a+') == 'now' then return skip('unreachable') end
  local outcome, _, _, superseded = enqueue(K, record, {
    id = c.id, device = c.fleet .. '/' .. device, lane = c.lane, delivery = c.delivery, ttl = c.ttl, json = c.json, cause = c.cause,
    away = away,
  }, now)
  record:save()
  if outcome == 'full' then return skip('queue_full') end
  return { 'enqueued', unpack(superseded) }
end
