-- Writes the decision of a quorum and enqueues its commands; nothing if another replica has decided in the meantime.
--
-- KEYS  any number. 1 group HASH   2 timers ZSET of its shard; then, named by position in ARGV: device HASHes of the targets, and
--       for each of their shards presence ZSET, devices ZSET, fleets SET and the eight command keys
-- ARGV  1 version on which it was decided, '' if there is none   2 new state as JSON, '' if unchanged   3 member of the timers ZSET
--       4 when to decide again (ms), '' not by time   5 fleet   6 number of votes to remove   7 number of targets
--       with targets: 8 lane   9 delivery (the header, starting at the policy)   10 ttl (ms)   11 JSON   12 cause
--       then two per vote to remove: field, value; a vote that was cast again in the meantime stays
--       then one per target: "<device> <command id> <position of its HASH> <position of the first key of its shard>"
-- Version  counts the states, so of two replicas that decide concurrently the second one gets a conflict and evaluates again
-- Returns  {'conflict'}  nothing changed
--          {'decided', per target {state, superseded ids…}}: state is 'pending', 'full' (limit of open commands reached),
--            'unreachable' (policy `now`, and the device is unreachable) or 'fleet_full' (new, and the fleet's device limit is reached);
--            '?' before the id of one that ended as unknown
-- Clock    Redis TIME
return function(keys, args)
  local call = redis.call
  local group, timers, fleet = keys[1], keys[2], args[5]
  local votes, targets = tonumber(args[6]), tonumber(args[7])
  if (call('HGET', group, 'version') or '') ~= args[1] then return { 'conflict' } end

  local argument = targets > 0 and 12 or 7
  local function take()
    argument = argument + 1
    return args[argument]
  end

  if args[2] ~= '' then call('HSET', group, 'version', int((tonumber(args[1]) or 0) + 1), 'state', args[2]) end
  if args[4] == '' then call('ZREM', timers, args[3]) else call('ZADD', timers, args[4], args[3]) end
  for _ = 1, votes do
    local field, value = take(), take()
    if call('HGET', group, field) == value then call('HDEL', group, field) end
  end

  local now = now_ms()
  local reply = { 'decided' }
  local function command(device, id, device_key, first)
    local presence, devices, fleets = keys[first], keys[first + 1], keys[first + 2]
    local score = call('ZSCORE', presence, device)
    local record = Device.read(device_key, { 'session', lane_fields(args[8]) })
    local away = must_wait(reach_of(record:get('session'), score, now), args[9])
    if away and string.match(args[9], '^%a+') == 'now' then return { 'unreachable' } end
    if not score then
      if call('ZCARD', devices) >= MAX_DEVICES_PER_SHARD then return { 'fleet_full' } end
      call('ZADD', presence, -1, device)
      call('ZADD', devices, 0, device)
      call('SADD', fleets, fleet)
      call('PERSIST', device_key)
    end
    local state, _, _, superseded = enqueue(command_keys(keys, first + 3), record, {
      id = id, device = fleet .. '/' .. device, lane = args[8], delivery = args[9], ttl = tonumber(args[10]), json = args[11],
      cause = args[12], away = away,
    }, now)
    record:save()
    return { state, unpack(superseded) }
  end
  for i = 1, targets do
    local device, id, device_key, first = string.match(take(), '^(%S+) (%S+) (%d+) (%d+)$')
    reply[i + 1] = command(device, id, keys[tonumber(device_key)], tonumber(first))
  end
  return reply
end
