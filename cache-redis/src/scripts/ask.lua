-- KEYS: state, feed, value. ARGV: run, candidate, field of the value, field of the lease, table, token,
-- lease in ms, how old in ms a value may be.
local function number(bytes, from, count)
  local n = 0
  for i = from, from + count - 1 do n = n * 256 + string.byte(bytes, i) end
  return n
end

-- Whether nothing was dropped since the envelope's number that it depends on.
local function usable(envelope, epoch)
  if #envelope < 35 or string.byte(envelope, 1) ~= 1 or string.sub(envelope, 2, 17) ~= epoch then return false end
  local tags = number(envelope, 34, 2)
  if tags > 1024 or #envelope < 35 + 2 * tags then return false end
  local fields = {'all', 'g:' .. ARGV[5]}
  for i = 0, tags - 1 do fields[#fields + 1] = 't' .. number(envelope, 36 + 2 * i, 2) end
  local began = number(envelope, 18, 8)
  for _, dropped in ipairs(redis.call('HMGET', KEYS[1], unpack(fields))) do
    if dropped and (tonumber(dropped) or math.huge) > began then return false end
  end
  return true
end

local epoch, n = current(KEYS[1], KEYS[2], ARGV[1], ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local found = redis.pcall('HMGET', KEYS[3], ARGV[3], ARGV[4])
if found.err then
  redis.call('DEL', KEYS[3])
  found = {false, false}
end
if found[1] and usable(found[1], epoch) and now - number(found[1], 26, 8) <= tonumber(ARGV[8]) then
  return {'value', epoch, n, now, found[1]}
end
-- A lease that ends later than any can is one of a clock that has gone back.
local left = found[2] and (tonumber(string.sub(found[2], 17)) or 0) - now or 0
if left > 0 and left <= 600000 then return {'awaited', epoch, n, now, left} end
redis.call('HSET', KEYS[3], ARGV[4], ARGV[6] .. string.format('%.0f', now + ARGV[7]))
-- A minute longer than the lease: a load that was slower may still fill if no other has begun.
local keep = ARGV[7] + 60000
if redis.call('PTTL', KEYS[3]) < keep then redis.call('PEXPIRE', KEYS[3], keep) end
return {'leased', epoch, n, now}
