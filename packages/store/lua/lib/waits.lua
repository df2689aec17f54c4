-- How long commands wait.

-- How long a dispatch may remain unacknowledged (ms). It doubles with each attempt, so a slow device is not flooded.
local function lease_of(attempt)
  return LEASE_MS * 2 ^ math.min(attempt - 1, 6)
end

-- How long a requeued command of this age waits for its next attempt (ms).
local function back_off(least, age)
  return math.min(math.max(least, age / 4), 120 * least)
end
