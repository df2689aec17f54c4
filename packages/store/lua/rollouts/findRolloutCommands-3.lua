-- Finds pending commands of a rollout in one page of the open commands of its fleet in one shard.
--
-- KEYS  1 commands HASH   2 transitions HASH   3 queue ZSET
-- ARGV  1 rollout id   2 fleet   3 the last member of the previous page, or ''   4 maximum number of members to read
-- Returns  {last member of this page, or '' if it is the last page, then "<fleet>/<device> <id>" of the commands found…}
-- Clock    none
-- Flags    no-writes
return function(keys, args)
  local fleet = args[2]
  local from = args[3] == '' and '[' .. fleet .. '/' or '(' .. args[3]
  local members = redis.call('ZRANGEBYLEX', keys[3], from, '(' .. fleet .. '0', 'LIMIT', 0, args[4])
  local found = { #members == tonumber(args[4]) and members[#members] or '' }
  for _, member in ipairs(members) do
    local device, id = string.match(member, '^([^/]+/[^/]+)/.*/([^/]+)$')
    local value = redis.call('HGET', keys[1], id)
    if value and string.match(value, '^[^\n]* (%S+)\n') == args[1] then
      local state = string.match(redis.call('HGET', keys[2], id) or '', '(%a+),%d+,%d+,[^;]*$')
      if state == 'pending' then found[#found + 1] = device .. ' ' .. id end
    end
  end
  return found
end
