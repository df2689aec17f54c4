-- Claims what is due in one shard: leases heads of lanes for dispatch, and finds what is to end (see endOverdue-9.lua).
--
-- KEYS  1..6 commands, transitions, answers, queue, index, due
-- ARGV  1 at most this many   2 lease (ms)
-- Returns  {now (ms), {id, 'dispatched' (publish it now) or 'overdue', attempt, value, end of the lease (ms)}…}
-- Clock    Redis TIME
--@include commands.lua
--@include overdue.lua
--@include waits.lua

local K = command_keys(1)
local lease = tonumber(ARGV[2])
local now = now_ms()
local claimed = { int(now) }

-- How long a command that cannot end before its turn is left alone.
local LATER_MS = 60000

for _, id in ipairs(redis.call('ZRANGEBYSCORE', K.due, '-inf', int(now), 'LIMIT', 0, ARGV[1])) do
  local command = read_command(K, id)
  if not command or FINAL[command.state] then
    redis.call('ZREM', K.due, id)
  elseif overdue(K, command, now) then
    if may_end(K, command) then
      claimed[#claimed + 1] = { id, 'overdue', command.attempt, command.value, int(now) }
    else
      redis.call('ZADD', K.due, int(now + LATER_MS), id)
    end
  elseif heads(K, command.lane, 1)[1] ~= command.member then
    redis.call('ZADD', K.due, int(command.expires_at), id)
  else
    local causes = { pending = 'claim', dispatched = 'no_answer', acknowledged = 'timeout' }
    append(K, command, 'dispatched', now, command.attempt + 1, causes[command.state])
    local ends_at = int(math.min(now + lease_of(lease, command.attempt), command.expires_at))
    redis.call('ZADD', K.due, ends_at, id)
    claimed[#claimed + 1] = { id, 'dispatched', command.attempt, command.value, ends_at }
  end
end
return claimed
