-- Leases due members of due indexes: no other call returns them until the lease ends.
--
-- KEYS  any number of ZSETs, one per shard: member → when it is due (ms)
-- ARGV  1 maximum number of members to claim   2 lease (ms)
-- Returns  {now (ms), member…}
-- Clock    Redis TIME
return function(keys, args)
  local now = now_ms()
  local now_text = int(now)
  local ends_at = int(now + tonumber(args[2]))
  local limit = tonumber(args[1])
  local claimed = { now_text }
  -- Most indexes are empty most of the time, and replicas ask several times a second: one call for all shards then.
  if redis.call('EXISTS', unpack(keys)) == 0 then return claimed end
  -- Each call starts at another shard, so a busy shard cannot starve the ones after it.
  local first = now % #keys
  for i = 0, #keys - 1 do
    local room = limit + 1 - #claimed
    if room <= 0 then break end
    local shard = (first + i) % #keys + 1
    for _, member in ipairs(redis.call('ZRANGEBYSCORE', keys[shard], '-inf', now_text, 'LIMIT', 0, room)) do
      redis.call('ZADD', keys[shard], ends_at, member)
      claimed[#claimed + 1] = member
    end
  end
  return claimed
end
