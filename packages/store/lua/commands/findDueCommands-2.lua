-- Lists due commands of one shard with their devices, whose keys claimCommands-n.lua must declare.
--
-- KEYS  1 due ZSET   2 commands HASH
-- ARGV  1 most commands to list
-- Returns  {id, "<fleet>/<device>"…}, alternating; an empty device for an id whose command no longer exists
-- Clock    Redis TIME
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, ARGV[1])
if #due == 0 then return due end
local found = {}
for i, value in ipairs(redis.call('HMGET', KEYS[2], unpack(due))) do
  found[2 * i - 1] = due[i]
  found[2 * i] = value and string.match(value, '^([^/]+/[^/]+)/') or ''
end
return found
