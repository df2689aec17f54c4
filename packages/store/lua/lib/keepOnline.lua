-- Keeps a device online because it has sent a message.

-- If the pending commands of a returned device are not woken within this time (ms), the replica has crashed: report the return again.
local REPEAT_RETURN_MS = 5000

-- Extends a device's presence for a reading that was received now; the one before was received at `last_seen` (ms; 0 never).
-- Returns how the device returned: 'stale' if it had been silent during an open session, 'away' if it was unreachable otherwise; nil if it
-- was reachable, or if this reading does not count, because it can be one from before the end of its session. `back` stays in the device
-- HASH until the pending commands are woken (see wakeDevice-7.lua): if the replica crashes before, a later reading reports the return again.
local function keep_online(device, presence, name, last_seen, is_unlisted, now)
  local session, back_since = device:get('session') or '', tonumber(device:get('back') or nil)
  if not is_unlisted and may_precede_session_end(session, now) then return nil end
  local online, since = string.match(session, '^%d+,(%d),(%d+),')
  local period = period_of(session, device:get('interval:longest'))
  local was_there = reach_of(session, redis.call('ZSCORE', presence, name), now) == 'there'
  redis.call('ZADD', presence, int(now + period), name)
  local said_goodbye = online == '0' and in_transit_until(session) > last_seen
  local silent = now - last_seen
  -- Negative: the clock went backwards, so the length of the silence is unknown.
  local is_back = not was_there or said_goodbye or silent > period or silent < 0
    or (back_since and math.abs(now - back_since) >= REPEAT_RETURN_MS)
  if not is_back then return nil end
  device:set('back', int(now))
  -- If a session has started since, its birth has already reported the end of the previous one.
  local is_stale = last_seen > 0 and silent > period and (tonumber(since) or 0) <= last_seen and not said_goodbye
  return is_stale and 'stale' or 'away'
end
