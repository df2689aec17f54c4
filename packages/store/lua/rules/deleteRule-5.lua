-- Deletes a rule if its current version is the expected one. Its versions are kept for a while, and a new rule of its name continues
-- its version numbers.
--
-- KEYS  1 rules HASH of the fleet   2 versions LIST of the rule   3 revisions HASH   4 errors HASH of the fleet
--       5 releases HASH of the fleet
-- ARGV  1 fleet   2 rule id   3 version; 0 if it cannot be read   4 versions kept   5 how long they are kept (s)
--       6 'null' to release what the rule has started, or ''
-- Returns  {'deleted', version of the deletion}, {'missing'}, or {'changed', version} if its version is another one
-- Clock    Redis TIME
--@include releases.lua

local record = redis.call('HGET', KEYS[1], ARGV[2])
if not record then return { 'missing' } end
local version = tonumber(string.match(record, '^{"version":(%d+),') or 0)
if version ~= tonumber(ARGV[3]) then return { 'changed', version } end
local last = string.match(redis.call('LINDEX', KEYS[2], 0) or '', '^{"version":(%d+)')
version = math.max(version, tonumber(last or 0)) + 1
redis.call('HINCRBY', KEYS[3], ARGV[1], 1)
redis.call('HINCRBY', KEYS[3], '*', 1)
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
if ARGV[6] ~= '' then release(KEYS[5], ARGV[2], record, now, ARGV[6]) end
redis.call('HDEL', KEYS[1], ARGV[2])
redis.call('HDEL', KEYS[4], ARGV[2])
redis.call('LPUSH', KEYS[2], '{"version":' .. string.format('%.0f', version) .. ',"at":' .. now .. ',"deleted":true}')
redis.call('LTRIM', KEYS[2], 0, ARGV[4] - 1)
redis.call('EXPIRE', KEYS[2], ARGV[5])
return { 'deleted', version }
