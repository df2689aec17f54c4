-- Stores which edge rule a device reports to follow. A confirmation of an earlier command than the stored one changes nothing, because
-- the broker and the device can repeat an old acknowledgement at any time.
--
-- KEYS  1 device HASH
-- ARGV  1 lane sequence number of the command that was acknowledged   2 "<rule>@<version>", or '' for no rule
-- Returns  1, or 0 if a newer confirmation is stored
-- Clock    none
if tonumber(ARGV[1]) < tonumber(redis.call('HGET', KEYS[1], 'edge:confirmed-seq') or '0') then return 0 end
redis.call('HSET', KEYS[1], 'edge:confirmed', ARGV[2], 'edge:confirmed-seq', ARGV[1])
return 1
