-- Saves the progress of a rollout, and renews its lease.
--
-- KEYS  1 schedule ZSET   2 record HASH
-- ARGV  1 id   2 token of the lease   3 lease from now on (ms); 0 gives it back   4.. fields and values of the record
-- Returns  1, or 0 if another replica holds the lease, and nothing has changed
-- Clock    Redis TIME
return function(keys, args)
  if redis.call('HGET', keys[2], 'token') ~= args[2] then return 0 end
  local now = now_ms()
  if #args > 3 then redis.call('HSET', keys[2], unpack(args, 4)) end
  redis.call('ZADD', keys[1], 'XX', int(now + tonumber(args[3])), args[1])
  return 1
end
