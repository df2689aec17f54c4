-- Gives a claimed command back: the broker had nobody to hand it to, or did not take it.
--
-- KEYS  1..6 commands, transitions, answers, queue, index, due
-- ARGV  1 id   2 the attempt that was claimed   3 wait before the next dispatch (ms)   4 cause
-- Returns  1, or 0 if the command has moved on since (an answer came, or another replica holds the lease)
-- Clock    Redis TIME
--@include commands.lua

local K = command_keys(1)
local command = read_command(K, ARGV[1])
local attempt = tonumber(ARGV[2])
if not command or command.state ~= 'dispatched' or command.attempt ~= attempt then return 0 end
local now = now_ms()
append(K, command, 'pending', now, attempt - 1, ARGV[4])
redis.call('ZADD', K.due, int(math.min(now + tonumber(ARGV[3]), command.expires_at)), command.id)
return 1
