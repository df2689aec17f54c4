-- Revokes an API key.
--
-- KEYS  1 keys HASH   2 last-use HASH: when each key was last used
-- ARGV  1 id   2 '1' to revoke it even if it is the only one
-- Returns  'revoked', 'missing', or 'last' if it is the only key, and nothing has changed
-- Clock    none
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 'missing' end
if ARGV[2] ~= '1' and redis.call('HLEN', KEYS[1]) == 1 then return 'last' end
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[2], ARGV[1])
return 'revoked'
