-- KEYS: state, value. ARGV: field of the value, field of the lease, token, epoch, number, time to keep in ms, envelope,
-- then the numbers of the state that must not be higher.
local lease = redis.pcall('HGET', KEYS[2], ARGV[2])
if type(lease) ~= 'string' or string.sub(lease, 1, 16) ~= ARGV[3] then return 'no lease' end
local state = redis.pcall('HMGET', KEYS[1], 'epoch', unpack(ARGV, 8))
if state.err or state[1] ~= ARGV[4] then
  redis.call('HDEL', KEYS[2], ARGV[2])
  return 'other epoch'
end
for i = 2, #ARGV - 6 do
  if state[i] and (tonumber(state[i]) or math.huge) > tonumber(ARGV[5]) then
    redis.call('HDEL', KEYS[2], ARGV[2])
    return 'overtaken'
  end
end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[7])
redis.call('HDEL', KEYS[2], ARGV[2])
if redis.call('PTTL', KEYS[2]) < tonumber(ARGV[6]) then redis.call('PEXPIRE', KEYS[2], ARGV[6]) end
return 'kept'
