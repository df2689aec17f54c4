-- How long commands wait for what comes next; after commands.lua.

-- How long a dispatch may go without an answer (ms). It doubles with each attempt, so that a slow device is not flooded.
local function lease_of(lease, attempt)
  return lease * 2 ^ math.min(attempt - 1, 6)
end

-- How long a command of this age that was given back waits for the next try (ms).
local function back_off(least, age)
  return math.min(math.max(least, age / 4), 120 * least)
end
