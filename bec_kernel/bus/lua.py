"""Lua scripts for what must happen in the broker as one step: commits and leases."""

import functools
import hashlib

COMMIT = """
-- KEYS: [fence] and one key a change; ARGV: token, then kind, id, dense, keep, bytes.
local first = 0
if ARGV[1] ~= '' then
  if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {'fenced'} end
  first = 1
end
local function less(a, b)
  local a1, a2 = a:match('(%d+)-(%d+)')
  local b1, b2 = b:match('(%d+)-(%d+)')
  a1, a2, b1, b2 = tonumber(a1), tonumber(a2), tonumber(b1), tonumber(b2)
  return a1 < b1 or (a1 == b1 and a2 < b2)
end
local same = {}
local lasts = {}  -- of each log, with what this very commit adds
local n = (#ARGV - 1) / 5
for i = 1, n do
  local at = 2 + (i - 1) * 5
  local id = ARGV[at + 1]
  if ARGV[at] == 'a' and id ~= '*' then
    local key = KEYS[first + i]
    local last = lasts[key]
    if last == nil then
      local entry = redis.call('XREVRANGE', key, '+', '-', 'COUNT', 1)[1]
      last = entry and entry[1] or '0-0'
    end
    if not less(last, id) then
      local there = redis.call('XRANGE', key, id, id)[1]
      if there and there[2][2] == ARGV[at + 4] then
        same[i] = true
      else
        return {'conflict', tostring(i), id}
      end
    else
      local before = tonumber(last:match('%d+'))
      if ARGV[at + 2] == '1' and before ~= tonumber(id:match('%d+')) - 1 then
        return {'gap', tostring(i), id}
      end
      last = id
    end
    lasts[key] = last
  end
end
local out = {'ok'}
for i = 1, n do
  local at = 2 + (i - 1) * 5
  local key, kind, id = KEYS[first + i], ARGV[at], ARGV[at + 1]
  if kind == 'a' then
    if same[i] then
      out[#out + 1] = id
    elseif ARGV[at + 3] == '0' then
      out[#out + 1] = redis.call('XADD', key, id, 'm', ARGV[at + 4])
    else
      out[#out + 1] = redis.call(
        'XADD', key, 'MAXLEN', '~', ARGV[at + 3], id, 'm', ARGV[at + 4])
    end
  elseif kind == 'e' then
    redis.call('PEXPIREAT', key, id)
  elseif kind == 't' then  -- the last one stays: it is its writer's bookmark
    local last = redis.call('XREVRANGE', key, '+', '-', 'COUNT', 1)[1]
    local before = last and (less(last[1], id) and last[1] or id)
    local since = ARGV[at + 4]
    if not last then
      -- there is nothing
    elseif since == '0-0' then
      redis.call('XTRIM', key, 'MINID', before)
    else
      for _, one in ipairs(redis.call('XRANGE', key, since, '(' .. before)) do
        redis.call('XDEL', key, one[1])
      end
    end
  else
    if kind == 'd' then
      redis.call('HDEL', key, id)
    elseif id == '' then
      redis.call('SET', key, ARGV[at + 4])
    else
      redis.call('HSET', key, id, ARGV[at + 4])
    end
    redis.call('PUBLISH', key, '')
  end
end
return out
"""

# A counter can roll back with the log after a power cut; the server's clock does not.
ACQUIRE = """
local holder = redis.call('GET', KEYS[1])
if holder == ARGV[1] then return redis.call('GET', KEYS[2]) end
if holder then return false end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
local now = redis.call('TIME')
local token = tonumber(now[1]) * 1000000 + tonumber(now[2])
local old = tonumber(redis.call('GET', KEYS[2]) or '0')
if token <= old then token = old + 1 end
local text = string.format('%.0f', token)
redis.call('SET', KEYS[2], text)
return text
"""

RENEW = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
"""

RELEASE = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('PUBLISH', KEYS[1], '')
return redis.call('DEL', KEYS[1])
"""


@functools.cache
def digest(script: str) -> str:
    """Return the name a script has in the broker: its SHA1, as EVALSHA takes it."""
    return hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest()
