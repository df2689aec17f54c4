-- Shortens the waits of open commands to what their state gives, counted from now; a page of a shard at a time. Only a clock that
-- was set back makes one longer: what was dispatched, acknowledged or given back before would wait until it has caught up.
-- Times only come nearer, and never nearer than that, so it does not matter who asks, how late and how often.
-- Expiries stay as they are: the devices were told.
--
-- KEYS  1..6 commands, transitions, answers, queue, index, due
-- ARGV  1 the last member of the page before, or ''   2 most members to look at   3 lease (ms)
--       4 least wait of a command that is given back (ms), chance included
-- Returns  {last member of this page, or '' if it is the last page, how many waits were shortened}
-- Clock    Redis TIME
--@include commands.lua
--@include waits.lua

local K = command_keys(1)
local lease, least = tonumber(ARGV[3]), tonumber(ARGV[4])
local now = now_ms()

-- When a command needs attention at the latest (ms), or nil.
local function latest(command, due)
  if command.state == 'dispatched' then return now + lease_of(lease, command.attempt) end
  if command.state == 'acknowledged' then return now + command.timeout end
  -- It is not its turn, or its lane is stopped: only its expiry counts.
  if due >= command.expires_at then return nil end
  local created, later = string.match(command.history, '^%a+,(%d+)[^;]*(;?)')
  -- Before its first dispatch nothing but the rate makes it wait.
  if later == '' then return now end
  return now + back_off(least, tonumber(command.since) - tonumber(created))
end

local from = ARGV[1] == '' and '-' or '(' .. ARGV[1]
local members = redis.call('ZRANGEBYLEX', K.queue, from, '+', 'LIMIT', 0, ARGV[2])
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
return { #members == tonumber(ARGV[2]) and members[#members] or '', shortened }
