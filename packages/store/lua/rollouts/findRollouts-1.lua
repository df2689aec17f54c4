-- Lists rollouts without a holder: new ones, and those whose lease has ended.
--
-- KEYS  1 schedule ZSET
-- ARGV  1 most rollouts to list
-- Returns  their ids, longest waiting first
-- Clock    Redis TIME
-- Flags    no-writes
return function(keys, args)
  return redis.call('ZRANGEBYSCORE', keys[1], '-inf', int(now_ms()), 'LIMIT', 0, args[1])
end
