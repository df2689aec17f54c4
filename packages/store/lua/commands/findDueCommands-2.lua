-- Lists due commands of one shard with their devices, whose keys claimCommands-n.lua must declare.
--
-- KEYS  1 due ZSET   2 commands HASH
-- ARGV  1 most commands to list
-- Returns  {id, "<fleet>/<device>"…}, alternating; an empty device for an id whose command no longer exists
-- Clock    Redis TIME
-- Flags    no-writes
return function(keys, args)
  local now = int(now_ms())
  local due = redis.call('ZRANGEBYSCORE', keys[1], '-inf', now, 'LIMIT', 0, args[1])
  if #due == 0 then return due end
  local found = {}
  for i, value in ipairs(redis.call('HMGET', keys[2], unpack(due))) do
    found[2 * i - 1] = due[i]
    found[2 * i] = value and string.match(value, '^([^/]+/[^/]+)/') or ''
  end
  return found
end
