-- KEYS: state, feed, values (at least one name). ARGV: run, candidate, client, marks, length of the feed, numbers to
-- raise. DEL comes first: a full server lets it pass, and then all other writes of the script.
for i = 3, #KEYS do redis.call('DEL', KEYS[i]) end
local epoch, n = current(KEYS[1], KEYS[2], ARGV[1], ARGV[2])
n = n + 1
local function tell()
  return redis.pcall('XADD', KEYS[2], 'MAXLEN', '~', ARGV[5], '*', 'e', epoch, 'n', n, 'c', ARGV[3], 'd', ARGV[4])
end
local told = tell()
if type(told) == 'table' and string.find(told.err, 'WRONGTYPE') then
  redis.call('DEL', KEYS[2])
  told = tell()
end
-- Nothing is counted that was not told.
if type(told) == 'table' then return told end
redis.call('HSET', KEYS[1], 'n', n)
for i = 6, #ARGV do redis.call('HSET', KEYS[1], ARGV[i], n) end
return {epoch, n}
