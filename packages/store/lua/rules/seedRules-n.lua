-- Writes the seed rules of a fleet, unless its rules were ever written before.
--
-- KEYS  1 rules HASH of the fleet   2 revisions HASH   3.. versions LISTs of the rules
-- ARGV  1 fleet   then for each rule: id, rule (JSON)
-- Returns  1, or 0 if its rules were written before, and nothing has changed
-- Clock    Redis TIME
return function(keys, args)
  if redis.call('HEXISTS', keys[2], args[1]) == 1 then return 0 end
  local revision = redis.call('HINCRBY', keys[2], args[1], 1)
  redis.call('HINCRBY', keys[2], '*', 1)
  local now = int(now_ms())
  for i = 3, #keys do
    local id, rule = args[2 * i - 4], args[2 * i - 3]
    local record = '{"version":1,"since":' .. revision .. ',"at":' .. now .. ',"rule":' .. rule .. '}'
    redis.call('HSET', keys[1], id, record)
    redis.call('LPUSH', keys[i], record)
  end
  return 1
end
