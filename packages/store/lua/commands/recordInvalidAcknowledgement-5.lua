-- Records an invalid acknowledgement with the command that it probably refers to. No state changes, and the
-- command is dispatched again as if nothing had arrived.
--
-- KEYS  1 commands HASH   2 transitions HASH   3 acknowledgements HASH   4 queue ZSET   5 index ZSET
-- ARGV  1 "<fleet>/<device>" of the sender   2 id in the message, or ''   3 the record, JSON without the time   4 records kept per command
-- Returns  the id of the command; nil if none can be identified
-- Clock    Redis TIME
return function(keys, args)
  local K = { commands = keys[1], transitions = keys[2], acknowledgements = keys[3], queue = keys[4], index = keys[5] }
  local device = args[1]

  -- When the command was last dispatched; nil unless it is in flight, or was given up because the device never published a birth.
  local function sent_at(id)
    local transitions = redis.call('HGET', K.transitions, id)
    if not transitions then return nil end
    local state, at = last_transition(transitions)
    if state == 'dispatched' or state == 'acknowledged' then return tonumber(at) end
    if state == 'unknown' and string.match(transitions, ',unannounced$') then return tonumber(at) end
    return nil
  end

  -- The command that was dispatched to the device last, of those in flight; otherwise the newest command, if it was given up.
  local function latest()
    local found, found_at = nil, -1
    local open = redis.call('ZRANGEBYLEX', K.queue, '[' .. device .. '/', '(' .. device .. '0')
    for _, member in ipairs(open) do
      local id = id_of(member)
      local at = sent_at(id)
      if at and at > found_at then found, found_at = id, at end
    end
    if found then return found end
    local newest = redis.call('ZREVRANGEBYLEX', K.index, '(' .. device .. '0', '[' .. device .. '/', 'LIMIT', 0, 1)[1]
    return newest and sent_at(id_of(newest)) and id_of(newest) or nil
  end

  local command = args[2] ~= '' and read_command(K, args[2])
  local is_own = command and string.sub(command.lane, 1, #device + 1) == device .. '/'
  local id = is_own and args[2] or latest()
  if not id then return nil end
  local field = id .. ':unread'
  local records = { '{"at":' .. int(now_ms()) .. ',' .. string.sub(args[3], 2) }
  for record in string.gmatch(redis.call('HGET', K.acknowledgements, field) or '', '[^\n]+') do
    if #records < tonumber(args[4]) then records[#records + 1] = record end
  end
  redis.call('HSET', K.acknowledgements, field, table.concat(records, '\n'))
  return id
end
