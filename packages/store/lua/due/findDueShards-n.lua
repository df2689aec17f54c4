-- Finds the due indexes that have something due. It claims nothing: commands are claimed with their keys declared (see claimCommands-n.lua).
--
-- KEYS  any number of ZSETs, one per shard: member → when it is due (ms)
-- ARGV  none
-- Returns  {now (ms), positions of the ZSETs with a due member…}
-- Clock    Redis TIME
-- Flags    no-writes
return function(keys, args)
  local now = int(now_ms())
  local reply = { now }
  -- Without open commands, one call answers for all shards.
  if redis.call('EXISTS', unpack(keys)) == 0 then return reply end
  for i = 1, #keys do
    if redis.call('ZCOUNT', keys[i], '-inf', now) > 0 then reply[#reply + 1] = i end
  end
  return reply
end
