-- Cancels a pending command. If an attempt was never acknowledged it ends as unknown: the device may have executed it.
-- The lane always continues: `onFailure` does not apply to a cancellation.
--
-- KEYS  1 device HASH   2..9 commands, transitions, acknowledgements, queue, index, due, rollouts, ledger
-- ARGV  1 id   2 cause
-- Returns  {state, 1 if this call ended it}: 'cancelled' or 'unknown', 'missing', or the state that forbids it (a dispatched
--          command cannot be cancelled)
-- Clock    Redis TIME
return function(keys, args)
  local K = command_keys(keys, 2)
  local command = read_command(K, args[1])
  if not command then return { 'missing', 0 } end
  if command.state ~= 'pending' then return { command.state, 0 } end
  local now = now_ms()
  local first = heads(K, command.lane, 2)
  local state = withdraw(K, command, 'cancelled', now, args[2], 'cancelled')
  if first[1] == command.member then advance_lane(K, keys[1], command.lane, first[2], now) end
  return { state, 1 }
end
