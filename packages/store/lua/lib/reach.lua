-- Decides by presence alone whether a command can be dispatched to a device now. The broker's list of
-- subscribers is not a substitute: a logger or a bridge subscribes too, and a persistent session exists without its device.
--
-- A session is "session,online,at,telemetry,sleeps,reports" (see recordPresence-5.lua), the score in the presence ZSET is the time
-- until which the device counts as online (ms), 0 after its will, -1 if it has never reported.

-- How long a device counts as online after a message (ms). A setting of the server can lengthen its interval to at most `longest` ms (its
-- HASH's interval:longest), beyond what its birth announced.
local function period_of(session, longest)
  local sleeps, reports = string.match(session or '', '^%d+,%d,%d+,%a+,?(%d*),?(%d*)')
  if tonumber(sleeps) then return 1.5 * tonumber(sleeps) end
  local usual = tonumber(reports) and 1.5 * tonumber(reports) or FRESH_MS
  return math.max(usual, 1.5 * (tonumber(longest) or 0))
end

-- The reach of a device: 'there'; 'stale': its session is open but it is silent; 'away': offline, asleep, never seen, or silent without
-- a session. A sleeping device counts as online, but takes commands only while it is awake: for the usual freshness after a message, and
-- until its will or goodbye.
local function reach_of(session, score, now)
  score = tonumber(score or -1)
  local online, since, sleeps = string.match(session or '', '^%d+,(%d),(%d+),%a+,?(%d*)')
  sleeps = tonumber(sleeps)
  if score < now then
    -- The session of a removed device is kept, but not its score.
    return online == '1' and not sleeps and score >= 1 and 'stale' or 'away'
  end
  if not sleeps then return 'there' end
  local last_seen = score - 1.5 * sleeps
  return (last_seen + FRESH_MS < now or (online == '0' and last_seen <= tonumber(since))) and 'away' or 'there'
end

-- Whether a command with this delivery (the header, starting at the policy) waits for a message of its device before its first dispatch. A
-- stale device may simply have nothing to report, so its commands are dispatched, except those of policy `now`.
local function must_wait(reach, delivery)
  return reach == 'away' or (reach == 'stale' and string.sub(delivery, 1, 4) == 'now ')
end

-- Messages of a session take a different path than its will, so some arrive after it, within this time (ms).
local IN_TRANSIT_MS = 1000

-- The time until which a message may have been sent before the session ended (ms); 0 if the session is open, or if there is none.
local function in_transit_until(session)
  local ended = string.match(session or '', '^%d+,0,(%d+)')
  return ended and ended + IN_TRANSIT_MS or 0
end

-- Whether a message that arrives now can have been sent before the session ended: it does not make the device online. An end in the
-- future was recorded before the clock went backwards.
local function may_precede_session_end(session, now)
  local till = in_transit_until(session)
  return now < till and till - IN_TRANSIT_MS <= now
end
