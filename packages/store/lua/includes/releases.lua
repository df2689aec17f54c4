-- That what a version of a rule has started is to be taken back. Replicas look at it when they read the rules; an hour later nobody does.

local RELEASES_KEPT_S = 3600

-- `record` is the version that is replaced; `goes_on` the devices for which it goes on, JSON.
local function release(releases, id, record, now, goes_on)
  if not record then return end
  redis.call('HSET', releases, id, '{"at":' .. now .. ',"goesOn":' .. goes_on .. ',"before":' .. record .. '}')
  redis.call('EXPIRE', releases, RELEASES_KEPT_S)
end
