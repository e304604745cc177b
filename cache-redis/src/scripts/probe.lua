-- Tries each command that the scripts use, and returns what the server has said against it.
-- KEYS: a name for the trial, state, feed.
local refused = {}
local function try(...)
  local answer = redis.pcall(...)
  if type(answer) == 'table' and answer.err then
    refused[#refused + 1] = string.upper((...)) .. ': ' .. answer.err
  end
end
try('DEL', KEYS[1])
try('HSET', KEYS[1], 'a', '1', 'b', '2')
try('HGET', KEYS[1], 'a')
try('HMGET', KEYS[1], 'a', 'b')
try('HGETALL', KEYS[1])
try('HDEL', KEYS[1], 'a')
try('PEXPIRE', KEYS[1], 1000)
try('PTTL', KEYS[1])
redis.pcall('DEL', KEYS[1])
try('XADD', KEYS[1], 'MAXLEN', '~', '1', '*', 'a', '1')
try('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)
redis.pcall('DEL', KEYS[1])
try('TIME')
return refused
