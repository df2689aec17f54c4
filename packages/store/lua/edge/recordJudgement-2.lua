-- Records the server's judgements of edge decisions; the first judgement of a decision is final.
--
-- KEYS  1 edge HASH of the device   2 edge-due ZSET of the shard
-- ARGV  1 "<fleet>/<device>"   2 when decisions that arrive in the meantime are due (ms from now)   3… id and judgement, JSON
-- Returns  for each judgement 1, or 0 if it changed nothing
-- Clock    Redis TIME
return function(keys, args)
  local now = now_ms()
  local written = {}
  for i = 3, #args, 2 do
    local is_known = redis.call('HEXISTS', keys[1], args[i]) == 1
    written[#written + 1] = is_known and redis.call('HSETNX', keys[1], args[i] .. ':judgement', args[i + 1]) or 0
  end
  local open = 0
  for _, field in ipairs(redis.call('HKEYS', keys[1])) do
    if string.match(field, '^%d+$') then open = open + 1 end
    if string.match(field, ':judgement$') then open = open - 1 end
  end
  if open > 0 then
    redis.call('ZADD', keys[2], int(now + tonumber(args[2])), args[1])
  else
    redis.call('ZREM', keys[2], args[1])
  end
  return written
end
