-- Records the server's judgements of edge decisions; the first judgement of a decision is final.
--
-- KEYS  1 edge HASH of the device   2 edge-due ZSET of the shard
-- ARGV  1 "<fleet>/<device>"   2 when decisions that arrive in the meantime are due (ms from now)   3… id and judgement, JSON
-- Returns  for each judgement 1, or 0 if it changed nothing
-- Clock    Redis TIME
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local written = {}
for i = 3, #ARGV, 2 do
  local is_known = redis.call('HEXISTS', KEYS[1], ARGV[i]) == 1
  written[#written + 1] = is_known and redis.call('HSETNX', KEYS[1], ARGV[i] .. ':judgement', ARGV[i + 1]) or 0
end
local open = 0
for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
  if string.match(field, '^%d+$') then open = open + 1 end
  if string.match(field, ':judgement$') then open = open - 1 end
end
if open > 0 then
  redis.call('ZADD', KEYS[2], string.format('%.0f', now + tonumber(ARGV[2])), ARGV[1])
else
  redis.call('ZREM', KEYS[2], ARGV[1])
end
return written
