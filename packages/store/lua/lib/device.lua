-- A device HASH during one call: its fields are read together and written together.

local Device = {}
Device.__index = Device

-- Reads these fields. Others are read when they are needed.
function Device.read(key, names)
  local fields = {}
  for i, value in ipairs(redis.call('HMGET', key, unpack(names))) do fields[names[i]] = value end
  return setmetatable({ key = key, fields = fields, writes = {} }, Device)
end

-- A field's value; false if it is not set.
function Device:get(name)
  local value = self.fields[name]
  if value == nil then
    value = redis.call('HGET', self.key, name)
    self.fields[name] = value
  end
  return value
end

-- Sets a field. It is written by `save`.
function Device:set(name, value)
  self.fields[name] = value
  local writes = self.writes
  writes[#writes + 1], writes[#writes + 2] = name, value
end

function Device:save()
  if self.writes[1] then redis.call('HSET', self.key, unpack(self.writes)) end
end

-- The fields that enqueuing or ending a command of this lane needs.
local function lane_fields(lane)
  return 'lane:' .. lane, 'open:' .. lane, 'stopped:' .. lane, 'kept', 'open'
end

-- How many commands of a lane are open, so that an empty lane is recognised without reading the queue; nil if unknown. The number is at
-- least the real one: not every function that ends a command lowers it. `open:<lane>` is "<sequence>,<number>", valid at this sequence of
-- the lane, because a replica of an earlier version enqueues without counting.
function Device:open_in(lane)
  local seq, number = string.match(self:get('open:' .. lane) or '', '^(%d+),(%d+)$')
  return seq and seq == self:get('lane:' .. lane) and tonumber(number) or nil
end

function Device:set_open_in(lane, number)
  self:set('open:' .. lane, self:get('lane:' .. lane) .. ',' .. number)
end
