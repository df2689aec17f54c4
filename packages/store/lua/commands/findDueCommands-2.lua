-- Finds what is due in one shard, with the devices whose presence decides what becomes of it (see claimCommands-n.lua).
--
-- KEYS  1 due ZSET   2 commands HASH
-- ARGV  1 at most this many
-- Returns  {id, "<fleet>/<device>"…}, in turn; an empty device for an id that has no command any more
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
