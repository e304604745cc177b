-- KEYS: state, feed. ARGV: run, candidate.
local epoch, n = current(KEYS[1], KEYS[2], ARGV[1], ARGV[2])
local last = redis.pcall('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)
local id = '0-0'
if last.err then
  redis.call('DEL', KEYS[2])
elseif last[1] then
  id = last[1][1]
end
local wide = {}
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  if all[i] == 'all' or string.find(all[i], '^g:') or string.find(all[i], '^t%d+$') then
    wide[#wide + 1] = all[i]
    wide[#wide + 1] = all[i + 1]
  end
end
return {epoch, n, id, wide}
