-- Repairs due times after the Redis clock went backwards: no open command waits longer than its state requires, counted from now.
-- Handles one page of a shard. Without the repair, commands that were dispatched, acknowledged or requeued before the step would wait
-- until the clock has caught up. Due times only move earlier, and never earlier than that, so the call can be repeated by any replica.
-- Expiries are not changed: devices have received them.
--
-- KEYS  1..6 commands, transitions, acknowledgements, queue, index, due
-- ARGV  1 the last member of the previous page, or ''   2 maximum number of members to read
--       3 minimum wait of a requeued command (ms), jitter included
-- Returns  {last member of this page, or '' if it is the last page, how many waits were shortened}
-- Clock    Redis TIME
return function(keys, args)
  local K = command_keys(keys, 1)
  local least = tonumber(args[3])
  local now = now_ms()

  -- The latest time (ms) at which a command needs attention, or nil.
  local function latest(command, due)
    if command.state == 'dispatched' then return now + lease_of(command.attempt) end
    if command.state == 'acknowledged' then return now + command.timeout end
    -- It is not the head, or its lane is stopped: only its expiry counts.
    if due >= command.expires_at then return nil end
    local created, later = string.match(command.transitions, '^%a+,(%d+)[^;]*(;?)')
    -- Before its first dispatch only the pace of a drain delays it.
    if later == '' then return now end
    return now + back_off(least, tonumber(command.since) - tonumber(created))
  end

  local from = args[1] == '' and '-' or '(' .. args[1]
  local members = redis.call('ZRANGEBYLEX', K.queue, from, '+', 'LIMIT', 0, args[2])
  local shortened = 0
  for _, member in ipairs(members) do
    local id = id_of(member)
    local due = tonumber(redis.call('ZSCORE', K.due, id))
    local command = due and due > now and read_command(K, id)
    local at = command and latest(command, due)
    if at and at < due then
      redis.call('ZADD', K.due, int(at), id)
      shortened = shortened + 1
    end
  end
  return { #members == tonumber(args[2]) and members[#members] or '', shortened }
end
