-- KEYS: value. ARGV: field of the lease, token.
local lease = redis.pcall('HGET', KEYS[1], ARGV[1])
if type(lease) ~= 'string' or string.sub(lease, 1, 16) ~= ARGV[2] then return 0 end
return redis.call('HDEL', KEYS[1], ARGV[1])
