-- Requests the release of what a version of a rule has started. Replicas read the request with the rules; it expires after an hour.

local RELEASES_KEPT_S = 3600

-- `record`: the replaced version. `kept_for`: the devices for which the rule continues, JSON.
local function release(releases, id, record, now, kept_for)
  if not record then return end
  redis.call('HSET', releases, id, '{"at":' .. now .. ',"goesOn":' .. kept_for .. ',"before":' .. record .. '}')
  redis.call('EXPIRE', releases, RELEASES_KEPT_S)
end
