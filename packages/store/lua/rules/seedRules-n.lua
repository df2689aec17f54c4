-- Writes the seed rules of a fleet, unless its rules were ever written before.
--
-- KEYS  1 rules HASH of the fleet   2 revisions HASH   3.. versions LISTs of the rules
-- ARGV  1 fleet   then for each rule: id, rule (JSON)
-- Returns  1, or 0 if its rules were written before, and nothing has changed
-- Clock    Redis TIME
if redis.call('HEXISTS', KEYS[2], ARGV[1]) == 1 then return 0 end
local revision = redis.call('HINCRBY', KEYS[2], ARGV[1], 1)
redis.call('HINCRBY', KEYS[2], '*', 1)
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
for i = 3, #KEYS do
  local id, rule = ARGV[2 * i - 4], ARGV[2 * i - 3]
  local record = '{"version":1,"since":' .. revision .. ',"at":' .. now .. ',"rule":' .. rule .. '}'
  redis.call('HSET', KEYS[1], id, record)
  redis.call('LPUSH', KEYS[i], record)
end
return 1
