-- Records a birth or a will.
--
-- The number of a session says only which will belongs to which birth: that it grows is not relied on, since clocks are set and some
-- devices always send the same. A live birth begins the present session, whatever its number. Every replica records every message,
-- sooner or later, so what arrived before the latest message that was recorded changes nothing; nor does a birth that has just been
-- recorded, when it comes again. A retained message may be of any age: it changes nothing if its session is one of the latest few.
-- A will ends the session of its number, or a later one whose birth never came.
--
-- KEYS  1 device HASH   2 presence ZSET   3 devices ZSET   4 fleets SET   5 forget-due ZSET
-- ARGV  1 fleet   2 device   3 '1' birth, '0' will   4 session   5 telemetry policy, latest or keep, of a birth
--       6 freshness (ms)   7 most devices of this fleet in this shard   8 time between reports of a sleeping device (ms) or ''
--       9 after how long away a device is removed (ms), of a birth, or ''   10 '1' if the device itself said goodbye, or ''
--       11 time between reports of a device that stays connected (ms) or ''
--       12 '1' if the message was retained, or delivered before   13 how long ago it arrived (ms)
--       14 name of the run of the device's program, or '': births with the same one are reconnections, not restarts
--       15 replica that records the message, or ''   16 the replica's own number of it, growing with each message that arrives
-- Session  "number,online,at,telemetry,sleeps,reports,started", empty fields at the end left out; `started` is when the present run of the
--          device began (ms), as far as its births tell
-- Sessions "<arrival of the latest message>,<number>…" of the latest sessions, the present one last
-- Recorder "<replica>,<number>" of the latest message. The time of arrival includes the way to Redis, so messages of one replica are
--          ordered by their numbers; only those of different replicas are ordered by time.
-- Returns  {outcome, for a birth when the present run of the device began (ms)}: 'born', 'gone', 'slept', 'ignored' (older, or a will
--          that is known already), 'known' (the birth of the session that stands came before) or 'full'; of a birth also what became of
--          the session before, if that was not told: 'took_over' from one that
--          was fresh, 'returned' from one that had fallen silent
-- Removed  Of a removed device the HASH keeps the session. Until the retained presence is cleared (`removed`) a birth of that session is
--          the retained one; a will is of a connection that the device was removed with.
-- Clock    Redis TIME
--@include commands.lua
--@include reach.lua

local REMEMBERED = 8
-- Two replicas receive a message within this time (ms).
local TOGETHER = 1000

local now = now_ms()
local device, online, session = ARGV[2], ARGV[3], ARGV[4]
local arrived = now - tonumber(ARGV[13])
local may_be_old = ARGV[12] == '1'

local policy, sleeps, reports, boot = ARGV[5], ARGV[8], ARGV[11], ARGV[14]
local started = int(now)
local born = 'born'
local known = redis.call('HMGET', KEYS[1], 'session', 'sessions', 'recorder')
local stored, latest = known[1], {}
local is_listed = redis.call('ZSCORE', KEYS[3], device)
if stored then
  local present, was_online, since, known_policy, known_sleeps, known_reports, known_started =
    string.match(stored, '^(%d+),(%d),(%d+),(%a+),?(%d*),?(%d*),?(%d*)')
  if known_started == '' and was_online == '1' then known_started = since end
  -- An earlier version remembered the present session only.
  local sessions = known[2] or since .. ',' .. present
  local arrival = tonumber(string.match(sessions, '^%d+'))
  for number in string.gmatch(sessions, ',(%d+)') do latest[#latest + 1] = number end
  local remembered = string.find(sessions .. ',', ',' .. session .. ',', 1, true)
  -- A message that seems to have arrived later than now did so before the clock was set back: it says nothing about the order.
  if arrival > now + TOGETHER then arrival = 0 end
  local recorder, number = string.match(known[3] or '', '^(.*),(%d+)$')
  if recorder ~= '' and recorder == ARGV[15] then
    arrived = tonumber(ARGV[16]) > tonumber(number) and math.max(arrived, arrival + 1) or math.min(arrived, arrival - 1)
  end
  local is_repeat = may_be_old or arrived <= arrival + TOGETHER
  local is_present = session == present
  if not is_listed then
    if online == '0' then return { 'ignored' } end
    if remembered and is_repeat and redis.call('HEXISTS', KEYS[1], 'removed') == 1 then return { 'ignored' } end
  elseif online == '0' then
    -- A will says only that the connection ended: how the device reports stays as its birth said.
    policy, sleeps, reports, started = known_policy, known_sleeps, known_reports, known_started
    if is_present and (was_online == '0' or arrived < arrival) then return { 'ignored' } end
    if not is_present and (remembered or tonumber(session) < tonumber(present)) then return { 'ignored' } end
  else
    if is_present and was_online == '1' and is_repeat then return { 'known', known_started } end
    if is_present and was_online == '0' and (may_be_old or arrived <= arrival) then return { 'ignored' } end
    if not is_present and (arrived < arrival or (remembered and is_repeat)) then return { 'ignored' } end
    if boot ~= '' and known_started ~= '' and redis.call('HGET', KEYS[1], 'boot') == boot then started = known_started end
    -- A sleeping device opens a session for each report, and need not end it.
    if was_online == '1' and known_sleeps == '' then
      born = tonumber(redis.call('ZSCORE', KEYS[2], device) or 0) >= now and 'took_over' or 'returned'
    end
  end
end
if not is_listed then
  if redis.call('ZCARD', KEYS[3]) >= tonumber(ARGV[7]) then return { 'full' } end
  redis.call('ZADD', KEYS[3], 0, device)
  redis.call('SADD', KEYS[4], ARGV[1])
  redis.call('PERSIST', KEYS[1])
  redis.call('HDEL', KEYS[1], 'removed')
end
if online == '1' and boot == '' then redis.call('HDEL', KEYS[1], 'boot') end
if online == '1' and boot ~= '' then redis.call('HSET', KEYS[1], 'boot', boot) end
if latest[#latest] ~= session then latest[#latest + 1] = session end
while #latest > REMEMBERED do table.remove(latest, 1) end
local fields = { ARGV[4], online, int(now), policy, sleeps, reports, started }
local value = string.gsub(table.concat(fields, ','), ',+$', '')
redis.call('HSET', KEYS[1], 'session', value, 'sessions', int(arrived) .. ',' .. table.concat(latest, ','),
  'recorder', ARGV[15] .. ',' .. ARGV[16])
local name = ARGV[1] .. '/' .. device
local function schedule_removal(since, forget_after)
  redis.call('ZADD', KEYS[5], int(since + forget_after), name)
end
if online == '1' then
  -- A device that announces itself listens on a topic of its own, also if it is named like its fleet, as the lesson's device is.
  if ARGV[1] == device then redis.call('HDEL', KEYS[1], 'lesson') end
  local period = period_of(value, tonumber(ARGV[6]), redis.call('HGET', KEYS[1], 'interval:longest'))
  if ARGV[9] ~= '' then
    redis.call('HSET', KEYS[1], 'forget-after', ARGV[9])
    schedule_removal(now + period, tonumber(ARGV[9]))
  elseif redis.call('HDEL', KEYS[1], 'forget-after') == 1 then
    redis.call('ZREM', KEYS[5], name)
  end
  redis.call('ZADD', KEYS[2], int(now + period), device)
  return { born, started }
end
-- A sleeping device is away most of the time: only its silence counts.
if sleeps ~= '' then return { 'slept' } end
local forget_after = redis.call('HGET', KEYS[1], 'forget-after')
-- One that may leave for good, and said so itself, is not missed: see keys.ts.
redis.call('ZADD', KEYS[2], forget_after and ARGV[10] == '1' and '0.5' or '0', device)
if forget_after then schedule_removal(now, tonumber(forget_after)) end
return { 'gone' }
