-- Records a birth or a will. Sessions only grow: what belongs to an older one than the stored changes nothing.
--
-- KEYS  1 device HASH   2 presence ZSET   3 devices ZSET   4 fleets SET   5 forget-due ZSET
-- ARGV  1 fleet   2 device   3 '1' birth, '0' will   4 session   5 telemetry policy, latest or keep, of a birth
--       6 freshness (ms)   7 most devices of this fleet in this shard   8 time between reports of a sleeping device (ms) or ''
--       9 after how long away a device is removed (ms), of a birth, or ''   10 '1' if the device itself said goodbye, or ''
--       11 time between reports of a device that stays connected (ms) or ''
-- Session  "session,online,at,telemetry,sleeps,reports", empty fields at the end left out
-- Returns  'born', 'gone', 'slept', 'ignored' (older, or a will that is known already), 'known' (the birth of the session that stands
--          came before) or 'full'; of a birth also what became of the session before, if nobody has told: 'took_over' from one that
--          was fresh, 'returned' from one that had fallen silent
-- Removed  Of a removed device the HASH keeps the session. Until the retained presence is cleared (`removed`) a birth of that session is
--          the retained one; a will is of a connection that the device was removed with.
-- Clock    Redis TIME
--@include commands.lua
--@include reach.lua

local now = now_ms()
local device, online, session = ARGV[2], ARGV[3], tonumber(ARGV[4])

local policy, sleeps, reports = ARGV[5], ARGV[8], ARGV[11]
local born = 'born'
local stored = redis.call('HGET', KEYS[1], 'session')
local is_listed = redis.call('ZSCORE', KEYS[3], device)
if stored and not is_listed then
  if online == '0' then return 'ignored' end
  if redis.call('HEXISTS', KEYS[1], 'removed') == 1 and session <= tonumber(string.match(stored, '^%d+')) then return 'ignored' end
elseif stored then
  local known, was_online, known_policy, known_sleeps, known_reports =
    string.match(stored, '^(%d+),(%d),%d+,(%a+),?(%d*),?(%d*)')
  known = tonumber(known)
  -- A will says only that the connection ended: how the device reports stays as its birth said.
  if online == '0' then policy, sleeps, reports = known_policy, known_sleeps, known_reports end
  if session == known and online == '1' and was_online == '1' then return 'known' end
  if session < known or (session == known and (online == '1' or was_online == '0')) then return 'ignored' end
  -- A sleeping device opens a session for each report, and need not end it.
  if was_online == '1' and known_sleeps == '' then
    born = tonumber(redis.call('ZSCORE', KEYS[2], device) or 0) >= now and 'took_over' or 'returned'
  end
end
if not is_listed then
  if redis.call('ZCARD', KEYS[3]) >= tonumber(ARGV[7]) then return 'full' end
  redis.call('ZADD', KEYS[3], 0, device)
  redis.call('SADD', KEYS[4], ARGV[1])
  redis.call('PERSIST', KEYS[1])
  redis.call('HDEL', KEYS[1], 'removed')
end
local fields = { ARGV[4], online, int(now), policy, sleeps, reports }
local value = string.gsub(table.concat(fields, ','), ',+$', '')
redis.call('HSET', KEYS[1], 'session', value)
local name = ARGV[1] .. '/' .. device
local function look_when_away(since, forget_after)
  redis.call('ZADD', KEYS[5], int(since + forget_after), name)
end
if online == '1' then
  local period = period_of(value, tonumber(ARGV[6]))
  if ARGV[9] ~= '' then
    redis.call('HSET', KEYS[1], 'forget-after', ARGV[9])
    look_when_away(now + period, tonumber(ARGV[9]))
  elseif redis.call('HDEL', KEYS[1], 'forget-after') == 1 then
    redis.call('ZREM', KEYS[5], name)
  end
  redis.call('ZADD', KEYS[2], int(now + period), device)
  return born
end
-- A sleeping device is away most of the time: only its silence counts.
if sleeps ~= '' then return 'slept' end
local forget_after = redis.call('HGET', KEYS[1], 'forget-after')
-- One that may leave for good, and said so itself, is not missed: see keys.ts.
redis.call('ZADD', KEYS[2], forget_after and ARGV[10] == '1' and '0.5' or '0', device)
if forget_after then look_when_away(now, tonumber(forget_after)) end
return 'gone'
