-- Advances lanes, unless they are stopped.

local function stopped_field(lane)
  return 'stopped:' .. string.match(lane, '[^/]+$')
end

-- Makes the next command of a lane due now, unless the lane is stopped. Returns whether it did.
local function advance_lane(K, device_key, lane, member, now)
  if not member or redis.call('HEXISTS', device_key, stopped_field(lane)) == 1 then return false end
  redis.call('ZADD', K.due, int(now), id_of(member))
  return true
end
