-- Stores which edge rule a device reports to follow. A confirmation of an earlier command than the stored one changes nothing, because
-- the broker and the device can repeat an old acknowledgement at any time.
--
-- KEYS  1 device HASH
-- ARGV  1 lane sequence number of the command that was acknowledged   2 "<rule>@<version>", or '' for no rule
-- Returns  1, or 0 if a newer confirmation is stored
-- Clock    none
return function(keys, args)
  if tonumber(args[1]) < tonumber(redis.call('HGET', keys[1], 'edge:confirmed-seq') or '0') then return 0 end
  redis.call('HSET', keys[1], 'edge:confirmed', args[2], 'edge:confirmed-seq', args[1])
  return 1
end
