-- Gives a claimed command back: the broker had nobody to hand it to, or did not take it.
--
-- KEYS  1 device HASH   2..7 commands, transitions, answers, queue, index, due
-- ARGV  1 id   2 the attempt that was claimed   3 wait before the next dispatch (ms)   4 cause
-- Returns  1, or 2 if it is due at once, since the device has announced itself after the dispatch, or 0 if the command has
--          moved on since (an answer came, or another replica holds the lease)
-- Clock    Redis TIME
--@include commands.lua

local K = command_keys(2)
local command = read_command(K, ARGV[1])
local attempt = tonumber(ARGV[2])
if not command or command.state ~= 'dispatched' or command.attempt ~= attempt then return 0 end
local dispatched_at = tonumber(string.match(command.history, ',(%d+),%d+,[^;]*$'))
local session = redis.call('HGET', KEYS[1], 'session')
local online, since = string.match(session or '', '^%d+,(%d),(%d+)')
local came_back = online == '1' and tonumber(since) >= dispatched_at
local now = now_ms()
append(K, command, 'pending', now, attempt - 1, ARGV[4])
local wait = came_back and 0 or tonumber(ARGV[3])
redis.call('ZADD', K.due, int(math.min(now + wait, command.expires_at)), command.id)
return came_back and 2 or 1
