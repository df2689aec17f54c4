-- Records a birth or a will.
--
-- A session number only matches a will to its birth. It need not grow, because clocks are set, and some devices always send the same
-- number. A live birth starts a new session, whatever its number. Every replica eventually records every message, so a message that
-- arrived before the latest recorded one changes nothing, nor does the repeated birth of the current session. A retained message can be
-- of any age: it changes nothing if its session is one of the latest few. A will ends the session of its number, or a later one whose
-- birth was lost.
--
-- KEYS  1 device HASH   2 presence ZSET   3 devices ZSET   4 fleets SET   5 forget-due ZSET
-- ARGV  1 JSON: `SessionMessage` in presence.ts, which describes its fields
-- Session  "number,online,at,telemetry,sleeps,reports,started", without empty fields at the end; `started` is when the first birth of the
--          current boot arrived (ms), if known. It is later than the `started` of the previous boot, and not later than now.
-- Sessions "<arrival of the latest message>,<number>…": the latest sessions, the current one last
-- Recorder "<replica>,<number>" of the latest message. The arrival time includes the way to Redis, so messages of one replica are
--          ordered by number, and only those of different replicas by time.
-- Returns  {outcome, of an effective birth its `started`}. Outcome: 'born', 'gone', 'slept', 'ignored' (older, or a known will), 'known'
--          (the birth of the current session again) or 'full'. A birth during an open session: 'took_over' if the device was fresh,
--          'returned' if it was silent
-- Removed  The HASH of a removed device keeps the session. While the retained presence is not cleared (`removed`), a birth of that session is
--          the retained one, and a will is that of a connection from before the removal.
-- Clock    Redis TIME
return function(keys, args)
  -- How many sessions are kept.
  local MAX_SESSIONS = 8
  -- Replicas receive the same message within this time (ms).
  local REPLICA_SKEW_MS = 1000

  local now = now_ms()
  local m = cjson.decode(args[1])
  local device, online, session = m.device, m.online and '1' or '0', m.session
  local arrived = now - m.age
  local may_be_old = m.mayBeOld

  local policy, sleeps, reports, boot = m.telemetry, m.sleeps or '', m.reports or '', m.boot or ''
  local started, previous_start = nil, 0
  local born = 'born'
  local known = redis.call('HMGET', keys[1], 'session', 'sessions', 'recorder')
  local stored, latest = known[1], {}
  local is_listed = redis.call('ZSCORE', keys[3], device)
  if stored then
    local present, was_online, since, known_policy, known_sleeps, known_reports, known_started =
      string.match(stored, '^(%d+),(%d),(%d+),(%a+),?(%d*),?(%d*),?(%d*)')
    if known_started == '' and was_online == '1' then known_started = since end
    previous_start = tonumber(known_started) or 0
    -- An earlier version stored only the current session.
    local sessions = known[2] or since .. ',' .. present
    local arrival = tonumber(string.match(sessions, '^%d+'))
    for number in string.gmatch(sessions, ',(%d+)') do latest[#latest + 1] = number end
    local is_recent = string.find(sessions .. ',', ',' .. session .. ',', 1, true)
    -- An arrival in the future was recorded before the clock went backwards: it does not define an order.
    if arrival > now + REPLICA_SKEW_MS then arrival = 0 end
    local recorder, number = string.match(known[3] or '', '^(.*),(%d+)$')
    if recorder ~= '' and recorder == m.replica then
      arrived = m.number > tonumber(number) and math.max(arrived, arrival + 1) or math.min(arrived, arrival - 1)
    end
    local is_repeat = may_be_old or arrived <= arrival + REPLICA_SKEW_MS
    local is_present = session == present
    if not is_listed then
      if online == '0' then return { 'ignored' } end
      if is_recent and is_repeat and redis.call('HEXISTS', keys[1], 'removed') == 1 then return { 'ignored' } end
    elseif online == '0' then
      -- A will only ends the connection: how the device reports stays as its birth announced.
      policy, sleeps, reports, started = known_policy, known_sleeps, known_reports, known_started
      if is_present and (was_online == '0' or arrived < arrival) then return { 'ignored' } end
      if not is_present and (is_recent or tonumber(session) < tonumber(present)) then return { 'ignored' } end
    else
      if is_present and was_online == '1' and is_repeat then return { 'known', known_started } end
      if is_present and was_online == '0' and (may_be_old or arrived <= arrival) then return { 'ignored' } end
      if not is_present and (arrived < arrival or (is_recent and is_repeat)) then return { 'ignored' } end
      if boot ~= '' and known_started ~= '' and redis.call('HGET', keys[1], 'boot') == boot then started = known_started end
      -- A sleeping device opens a session for each report, and need not end it.
      if was_online == '1' and known_sleeps == '' then
        born = tonumber(redis.call('ZSCORE', keys[2], device) or 0) >= now and 'took_over' or 'returned'
      end
    end
  end
  -- The arrival, not the time of recording, so that a command sent in between counts as sent after the start.
  started = started or int(math.min(now, math.max(arrived, previous_start + 1)))
  if not is_listed then
    if redis.call('ZCARD', keys[3]) >= MAX_DEVICES_PER_SHARD then return { 'full' } end
    redis.call('ZADD', keys[3], 0, device)
    redis.call('SADD', keys[4], m.fleet)
    redis.call('PERSIST', keys[1])
    redis.call('HDEL', keys[1], 'removed')
  end
  if online == '1' and boot == '' then redis.call('HDEL', keys[1], 'boot') end
  if online == '1' and boot ~= '' then redis.call('HSET', keys[1], 'boot', boot) end
  if latest[#latest] ~= session then latest[#latest + 1] = session end
  while #latest > MAX_SESSIONS do table.remove(latest, 1) end
  local fields = { session, online, int(now), policy, sleeps, reports, started }
  local value = string.gsub(table.concat(fields, ','), ',+$', '')
  redis.call('HSET', keys[1], 'session', value, 'sessions', int(arrived) .. ',' .. table.concat(latest, ','),
    'recorder', m.replica .. ',' .. int(m.number))
  local name = m.fleet .. '/' .. device
  local function schedule_removal(since, forget_after)
    redis.call('ZADD', keys[5], int(since + forget_after), name)
  end
  if online == '1' then
    -- A device that announces itself has its own command topic, even if it is named like its fleet, as the lesson's device is.
    if m.fleet == device then redis.call('HDEL', keys[1], 'lesson') end
    local period = period_of(value, redis.call('HGET', keys[1], 'interval:longest'))
    if m.forgetAfter then
      redis.call('HSET', keys[1], 'forget-after', m.forgetAfter)
      schedule_removal(now + period, tonumber(m.forgetAfter))
    elseif redis.call('HDEL', keys[1], 'forget-after') == 1 then
      redis.call('ZREM', keys[5], name)
    end
    redis.call('ZADD', keys[2], int(now + period), device)
    return { born, started }
  end
  -- A sleeping device is disconnected most of the time: only its silence counts.
  if sleeps ~= '' then return { 'slept' } end
  local forget_after = redis.call('HGET', keys[1], 'forget-after')
  -- A goodbye of a device with `forgetAfter` gets a score of its own, so that it does not count as missing (see keys.ts).
  redis.call('ZADD', keys[2], forget_after and m.goodbye and '0.5' or '0', device)
  if forget_after then schedule_removal(now, tonumber(forget_after)) end
  return { 'gone' }
end
