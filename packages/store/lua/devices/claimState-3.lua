-- Claims the publishing of a device's last state: of all replicas that ask, one gets it, and none within a given time after that. So a
-- device is published at a bounded rate, and its states in order.
--
-- KEYS  1 window LIST   2 presence ZSET   3 published states HASH
-- ARGV  1 device   2 least time between two (ms)   3 publishes also what was published already, if that was before this time (ms); 0 never
-- Returns  {'none'}                             there is no state, or it was published
--          {'wait', ms}                         it was published so recently that the next one has to wait
--          {'gone'}                             there is a published state, but the device has none any more
--          {'state', now, entry, score}         publish this now; the window's entry and the score of its presence ('' without one)
-- Clock    Redis TIME
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local device = ARGV[1]

local record = redis.call('HGET', KEYS[3], device)
local published_at, published = string.match(record or '', '^(%d+),(.*)$')
local entry = redis.call('LINDEX', KEYS[1], -1)
-- A late or retained reading stands last only where no live one has come.
if not entry or string.match(entry, '^%d+,[12],') then
  return { record and 'gone' or 'none' }
end
local score = redis.call('ZSCORE', KEYS[2], device) or ''
local online_until = tonumber(score) or -1
local presence = online_until >= now and 'online' or online_until >= 1 and 'stale' or 'offline'
local digest = redis.sha1hex(presence .. entry)
if published == digest and tonumber(published_at) >= tonumber(ARGV[3]) then return { 'none' } end
local age = published_at and now - tonumber(published_at)
-- Less than nothing: the clock was set back.
if age and age >= 0 and age < tonumber(ARGV[2]) then return { 'wait', tonumber(ARGV[2]) - age } end
local now_text = string.format('%.0f', now)
redis.call('HSET', KEYS[3], device, now_text .. ',' .. digest)
return { 'state', now_text, entry, score }
