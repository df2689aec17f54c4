-- Claims the publication of a device's last state for one replica, and for no other within a given time. This bounds the rate and keeps
-- the states in order.
--
-- KEYS  1 window LIST   2 presence ZSET   3 published states HASH
-- ARGV  1 device   2 minimum time between two (ms)   3 publishes an unchanged state again if published before this time (ms); 0 never
-- Returns  {'none'}                             there is no state, or it is published already
--          {'wait', ms}                         the last publication was too recent; try again after this time
--          {'gone'}                             a state is published, but the device no longer has one
--          {'state', now, entry, score}         publish this now; the window's entry and the score of its presence ('' without one)
-- Clock    Redis TIME
return function(keys, args)
  local now = now_ms()
  local device = args[1]

  local record = redis.call('HGET', keys[3], device)
  local published_at, published = string.match(record or '', '^(%d+),(.*)$')
  local entry = redis.call('LINDEX', keys[1], -1)
  -- A late or retained reading is last only if no live one has arrived.
  if not entry or string.match(entry, '^%d+,[12],') then
    return { record and 'gone' or 'none' }
  end
  local score = redis.call('ZSCORE', keys[2], device) or ''
  local online_until = tonumber(score) or -1
  local presence = online_until >= now and 'online' or online_until >= 1 and 'stale' or 'offline'
  local digest = redis.sha1hex(presence .. entry)
  if published == digest and tonumber(published_at) >= tonumber(args[3]) then return { 'none' } end
  local age = published_at and now - tonumber(published_at)
  -- Negative: the clock went backwards.
  if age and age >= 0 and age < tonumber(args[2]) then return { 'wait', tonumber(args[2]) - age } end
  local now_text = int(now)
  redis.call('HSET', keys[3], device, now_text .. ',' .. digest)
  return { 'state', now_text, entry, score }
end
