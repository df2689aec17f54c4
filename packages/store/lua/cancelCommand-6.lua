-- Cancels a command that no device has been sent yet.
--
-- KEYS  1..6 commands, transitions, answers, queue, index, due
-- ARGV  1 id   2 cause
-- Returns  'cancelled', 'missing', or the state that forbids it (a dispatched command cannot be called back)
-- Clock    Redis TIME
--@include commands.lua

local K = command_keys(1)
local command = read_command(K, ARGV[1])
if not command then return 'missing' end
if command.state ~= 'pending' then return command.state end
finish(K, command, 'cancelled', now_ms(), ARGV[2])
return 'cancelled'
