-- Claims due commands of one shard: leases heads of lanes for dispatch, and finds overdue ones (see endOverdue-10.lua).
-- A command for an unreachable device is not dispatched. It waits until the device's birth, telemetry or acknowledgement wakes it (see
-- wakeDevice-7.lua), or expires; one of policy `now` ends. A command for a stale device is dispatched, but its last attempt waits in
-- the same way: the device may have disconnected without a will.
--
-- KEYS  1..6 commands, transitions, acknowledgements, queue, index, due; then, named by position in ARGV, device HASHes and presence ZSETs
-- ARGV  per command: id, position of the device's HASH, position of its presence ZSET; '' twice if the command no longer exists
-- Returns  {now (ms), {id, 'dispatched' (publish it now) or 'overdue', attempt, value, end of the lease (ms), session, lesson}…};
--          session and lesson are the fields of the device's HASH, '' if it has none
-- Clock    Redis TIME
return function(keys, args)
  local K = command_keys(keys, 1)
  local now = now_ms()
  local claimed = { int(now) }

  -- When an overdue command that cannot end before it is the head is checked again (ms).
  local RECHECK_MS = 60000
  local CAUSES = { pending = 'claim', dispatched = 'no_answer', acknowledged = 'timeout' }

  -- Whether the next attempt is the last of several.
  local function is_last(command)
    return command.attempt > 0 and command.attempt + 1 >= command.attempts
  end

  local function claim(id, command, device_key, presence)
    local fields = redis.call('HMGET', device_key, 'session', 'lesson')
    local session, lesson = fields[1] or '', fields[2] or ''
    local score = redis.call('ZSCORE', presence, string.match(command.lane, '^[^/]+/([^/]+)/'))
    local reach = reach_of(session, score, now)
    if overdue(K, command, now, reach ~= 'there') then
      if may_end(K, command) then
        claimed[#claimed + 1] = { id, 'overdue', command.attempt, command.value, int(now), session, lesson }
      else
        redis.call('ZADD', K.due, int(now + RECHECK_MS), id)
      end
    elseif heads(K, command.lane, 1)[1] ~= command.member then
      redis.call('ZADD', K.due, int(command.expires_at), id)
    elseif reach == 'away' or (reach == 'stale' and is_last(command)) then
      -- The last dispatch may have reached the device, so the attempt counts.
      if command.state ~= 'pending' then append(K, command, 'pending', now, command.attempt, 'away') end
      redis.call('ZADD', K.due, int(command.expires_at), id)
    else
      append(K, command, 'dispatched', now, command.attempt + 1, CAUSES[command.state])
      local ends_at = int(math.min(now + lease_of(command.attempt), command.expires_at))
      redis.call('ZADD', K.due, ends_at, id)
      claimed[#claimed + 1] = { id, 'dispatched', command.attempt, command.value, ends_at, session, lesson }
    end
  end

  for i = 1, #args, 3 do
    local id = args[i]
    local due = redis.call('ZSCORE', K.due, id)
    -- Another replica may have claimed it in the meantime.
    if due and tonumber(due) <= now then
      local command = read_command(K, id)
      if not command or FINAL[command.state] then
        redis.call('ZREM', K.due, id)
      elseif args[i + 1] ~= '' then
        claim(id, command, keys[tonumber(args[i + 1])], keys[tonumber(args[i + 2])])
      end
    end
  end
  return claimed
end
