-- Claims what is due in one shard: leases heads of lanes for dispatch, ends what has expired or is out of attempts.
--
-- KEYS  1..6 commands, transitions, answers, queue, index, due
-- ARGV  1 at most this many   2 lease (ms)   3 most attempts
-- Returns  a list of {id, outcome, attempt, value}; outcome is 'dispatched' (publish it now), 'expired' or 'unknown'
-- Clock    Redis TIME
--@include commands.lua

local K = command_keys(1)
local lease, max_attempts = tonumber(ARGV[2]), tonumber(ARGV[3])
local now = now_ms()
local claimed = {}

for _, id in ipairs(redis.call('ZRANGEBYSCORE', K.due, '-inf', int(now), 'LIMIT', 0, ARGV[1])) do
  local command = read_command(K, id)
  if not command or FINAL[command.state] then
    redis.call('ZREM', K.due, id)
  elseif (command.expires_at <= now and (command.state ~= 'pending' or command.attempt > 0))
    or (command.state ~= 'pending' and command.attempt >= max_attempts) then
    -- It was sent and nobody answered: whether the device executed it nobody can know. That holds also for one that waits
    -- again because nobody was there at a later attempt.
    finish(K, command, 'unknown', now, 'no_answer')
    claimed[#claimed + 1] = { id, 'unknown', command.attempt, command.value }
  elseif command.expires_at <= now then
    finish(K, command, 'expired', now, 'ttl')
    claimed[#claimed + 1] = { id, 'expired', command.attempt, command.value }
  elseif head_of(K, command.lane) ~= command.member then
    redis.call('ZADD', K.due, int(command.expires_at), id)
  else
    append(K, command, 'dispatched', now, command.attempt + 1, command.state == 'pending' and 'claim' or 'no_answer')
    -- The lease doubles with each attempt, so that a slow device is not flooded.
    local wait = lease * 2 ^ math.min(command.attempt - 1, 6)
    redis.call('ZADD', K.due, int(math.min(now + wait, command.expires_at)), id)
    claimed[#claimed + 1] = { id, 'dispatched', command.attempt, command.value }
  end
end
return claimed
