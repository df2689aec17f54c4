-- Revokes an API key.
--
-- KEYS  1 keys HASH   2 last-use HASH: when each key was last used
-- ARGV  1 id   2 '1' to revoke it even if it is the only one
-- Returns  'revoked', 'missing', or 'last' if it is the only key, and nothing has changed
-- Clock    none
return function(keys, args)
  if redis.call('HEXISTS', keys[1], args[1]) == 0 then return 'missing' end
  if args[2] ~= '1' and redis.call('HLEN', keys[1]) == 1 then return 'last' end
  redis.call('HDEL', keys[1], args[1])
  redis.call('HDEL', keys[2], args[1])
  return 'revoked'
end
