-- Writes the decision of a quorum and enqueues its commands; nothing if another replica has decided in the meantime.
--
-- KEYS  any number. 1 group HASH   2 timers ZSET of its shard; then, named by their positions: device HASHes of the targets, and
--       for each of their shards presence ZSET, devices ZSET, fleets SET and the eight command keys
-- ARGV  1 JSON: `DecisionMessage` in groups.ts, which describes its fields
-- Version  counts the states, so of two replicas that decide concurrently the second one gets a conflict and evaluates again
-- Returns  {'conflict'}  nothing changed
--          {'decided', per target {state, superseded ids…}}: state is 'pending', 'full' (limit of open commands reached),
--            'unreachable' (policy `now`, and the device is unreachable) or 'fleet_full' (new, and the fleet's device limit is reached);
--            '?' before the id of one that ended as unknown
-- Clock    Redis TIME
return function(keys, args)
  local call = redis.call
  local group, timers = keys[1], keys[2]
  local m = cjson.decode(args[1])
  local fleet, c = m.fleet, m.command
  if (call('HGET', group, 'version') or '') ~= m.version then return { 'conflict' } end

  if m.state then call('HSET', group, 'version', int((tonumber(m.version) or 0) + 1), 'state', m.state) end
  if m.at then call('ZADD', timers, int(m.at), m.timer) else call('ZREM', timers, m.timer) end
  -- A vote that was cast again in the meantime stays.
  for _, vote in ipairs(m.forget) do
    if call('HGET', group, vote.field) == vote.value then call('HDEL', group, vote.field) end
  end

  local now = now_ms()
  local reply = { 'decided' }
  local function command(target)
    local device, device_key, first = target.device, keys[target.deviceKey], target.shardKeys
    local presence, devices, fleets = keys[first], keys[first + 1], keys[first + 2]
    local score = call('ZSCORE', presence, device)
    local record = Device.read(device_key, { 'session', lane_fields(c.lane) })
    local away = must_wait(reach_of(record:get('session'), score, now), c.delivery)
    if away and string.match(c.delivery, '^%a+') == 'now' then return { 'unreachable' } end
    if not score then
      if call('ZCARD', devices) >= MAX_DEVICES_PER_SHARD then return { 'fleet_full' } end
      call('ZADD', presence, -1, device)
      call('ZADD', devices, 0, device)
      call('SADD', fleets, fleet)
      call('PERSIST', device_key)
    end
    local state, _, _, superseded = enqueue(command_keys(keys, first + 3), record, {
      id = target.id, device = fleet .. '/' .. device, lane = c.lane, delivery = c.delivery, ttl = c.ttl, json = c.json, cause = c.cause,
      away = away,
    }, now)
    record:save()
    return { state, unpack(superseded) }
  end
  for i, target in ipairs(m.targets) do reply[i + 1] = command(target) end
  return reply
end
