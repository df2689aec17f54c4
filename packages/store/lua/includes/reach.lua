-- Whether a command is dispatched to a device now, decided by its presence alone; after commands.lua. What the broker says of a topic's
-- subscribers does not tell: a logger or a bridge subscribes too, and a persistent session exists without its device.
--
-- A session is "session,online,at,telemetry,sleeps,reports" (see recordPresence-5.lua), the score in the presence ZSET is the time
-- until which the device counts as online (ms), 0 after its will, -1 if it was never heard.

-- How long a device counts as online after it was heard (ms). One that was told to report less often, at most every `longest` ms (its
-- HASH's interval:longest), is well although it is silent for longer than its birth says.
local function period_of(session, fresh, longest)
  local sleeps, reports = string.match(session or '', '^%d+,%d,%d+,%a+,?(%d*),?(%d*)')
  if tonumber(sleeps) then return 1.5 * tonumber(sleeps) end
  local usual = tonumber(reports) and 1.5 * tonumber(reports) or fresh
  return math.max(usual, 1.5 * (tonumber(longest) or 0))
end

-- Where a device is: 'there'; 'stale', its session is open but it is silent; or 'away': offline, asleep, never heard, or silent without
-- a session. A device that sleeps counts as online while it sleeps, but takes commands only while it is awake: for the usual freshness
-- after it was heard, and until its will or goodbye.
local function reach_of(session, score, now, fresh)
  score = tonumber(score or -1)
  local online, since, sleeps = string.match(session or '', '^%d+,(%d),(%d+),%a+,?(%d*)')
  sleeps = tonumber(sleeps)
  if score < now then
    -- The session of a removed device is kept, but not its score.
    return online == '1' and not sleeps and score >= 1 and 'stale' or 'away'
  end
  if not sleeps then return 'there' end
  local heard = score - 1.5 * sleeps
  return (heard + fresh < now or (online == '0' and heard <= tonumber(since))) and 'away' or 'there'
end

-- Whether a command with this delivery (the header from the policy on) waits for a sign of life before its first dispatch. A stale
-- device may only have nothing to say, so its commands are dispatched; those of policy `now` need one that is there.
local function must_wait(reach, delivery)
  return reach == 'away' or (reach == 'stale' and string.sub(delivery, 1, 4) == 'now ')
end

-- Messages of a session arrive on another way than its end does, so some come after it, within this time (ms).
local STRAGGLERS_MS = 1000

-- Until when a message may be one that was sent before the end of the session (ms); 0 while the session stands, or if there is none.
local function stragglers_until(session)
  local ended = string.match(session or '', '^%d+,0,(%d+)')
  return ended and ended + STRAGGLERS_MS or 0
end

-- Whether what comes now may have been sent before the session ended: it does not bring its device back. A session that seems to
-- have ended later than now ended before the clock was set back.
local function is_straggler(session, now)
  local till = stragglers_until(session)
  return now < till and till - STRAGGLERS_MS <= now
end
