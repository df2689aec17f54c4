-- Whether a device can take a command now, decided by its presence alone; after commands.lua. What the broker says of a topic's
-- subscribers does not tell: a logger or a bridge subscribes too, and a persistent session is there without its device.
--
-- A session is "session,online,at,telemetry,sleeps,reports" (see recordPresence-4.lua), the score in the presence ZSET is the time
-- until which the device counts as online (ms), 0 after its will, -1 if it was never heard.

-- How long a device counts as online after it was heard (ms). One that was told to report less often, at most every `longest` ms (its
-- HASH's interval:longest), is well although it is silent for longer than its birth says.
local function period_of(session, fresh, longest)
  local sleeps, reports = string.match(session or '', '^%d+,%d,%d+,%a+,?(%d*),?(%d*)')
  if tonumber(sleeps) then return 1.5 * tonumber(sleeps) end
  local usual = tonumber(reports) and 1.5 * tonumber(reports) or fresh
  return math.max(usual, 1.5 * (tonumber(longest) or 0))
end

-- Whether it is offline, stale or was never heard. A device that sleeps counts as online while it sleeps, but takes commands only
-- while it is awake: for the usual freshness after it was heard, and until its will or goodbye.
local function is_away(session, score, now, fresh)
  score = tonumber(score or -1)
  if score < now then return true end
  local online, since, sleeps = string.match(session or '', '^%d+,(%d),(%d+),%a+,(%d+)')
  if not sleeps then return false end
  local heard = score - 1.5 * sleeps
  return heard + fresh < now or (online == '0' and heard <= tonumber(since))
end
