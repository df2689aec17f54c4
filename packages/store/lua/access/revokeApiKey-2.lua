-- Revokes an API key.
--
-- KEYS  1 keys HASH   2 last-use HASH: when each key was last used
-- ARGV  1 id   2 '1' to revoke it even if no other valid key with scope `admin` is left
-- Returns  'revoked', 'missing', or 'last' if it is the last such key, and nothing has changed
-- Clock    Redis TIME

-- Keys of earlier versions are not JSON, and allow everything.
local function may_administrate(record, now)
  if string.sub(record, 1, 1) ~= '{' then return true end
  local ok, key = pcall(cjson.decode, record)
  if not ok or type(key.scopes) ~= 'table' then return false end
  if key.expiresAt and key.expiresAt <= now then return false end
  for _, scope in ipairs(key.scopes) do
    if scope == 'admin' then return true end
  end
  return false
end

return function(keys, args)
  local record = redis.call('HGET', keys[1], args[1])
  if not record then return 'missing' end
  local now = now_ms()
  if args[2] ~= '1' and may_administrate(record, now) then
    local others = 0
    local records = redis.call('HGETALL', keys[1])
    for i = 1, #records, 2 do
      if records[i] ~= args[1] and may_administrate(records[i + 1], now) then others = others + 1 end
    end
    if others == 0 then return 'last' end
  end
  redis.call('HDEL', keys[1], args[1])
  redis.call('HDEL', keys[2], args[1])
  return 'revoked'
end
