-- Switches all rules of a fleet off or on. When they are switched on again, every rule starts from scratch.
--
-- KEYS  1 rules HASH of the fleet   2 revisions HASH   3 switched-off HASH   4 releases HASH of the fleet
-- ARGV  1 fleet   2 '1' on, '0' off   3 '1' to release what the rules have started
-- Returns  1, or 0 if they already were, and nothing has changed
-- Clock    Redis TIME
return function(keys, args)
  local fleet, on = args[1], args[2] == '1'
  if (redis.call('HEXISTS', keys[3], fleet) == 0) == on then return 0 end
  -- A fleet without a revision has not been seeded; giving it one would prevent that.
  local revision = '0'
  if redis.call('HEXISTS', keys[2], fleet) == 1 then
    revision = int(redis.call('HINCRBY', keys[2], fleet, 1))
    redis.call('HINCRBY', keys[2], '*', 1)
  end
  local now = int(now_ms())
  if on then
    redis.call('HDEL', keys[3], fleet)
  else
    redis.call('HSET', keys[3], fleet, now)
  end
  local rules = redis.call('HGETALL', keys[1])
  for i = 1, #rules, 2 do
    if on then
      local record = string.gsub(rules[i + 1], '^({"version":%d+,"since":)%d+', '%1' .. revision)
      redis.call('HSET', keys[1], rules[i], record)
    elseif args[3] == '1' then
      release(keys[4], rules[i], rules[i + 1], now, 'null')
    end
  end
  return 1
end
