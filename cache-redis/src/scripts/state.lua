-- Returns the epoch and the number of drops. Begins a new epoch if the state is lost, damaged or another server's.
-- A write that frees memory comes first, so that a full server lets the others pass.
local function current(state, feed, run, candidate)
  local found = redis.pcall('HMGET', state, 'epoch', 'run', 'n')
  if not found.err and found[1] and found[2] == run and #found[1] == 16 and tonumber(found[3] or '') then
    return found[1], tonumber(found[3])
  end
  redis.call('DEL', state, feed)
  redis.call('HSET', state, 'epoch', candidate, 'run', run, 'n', 0)
  return candidate, 0
end
