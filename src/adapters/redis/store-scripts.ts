import { script } from './script.js';

/*
 * A value is a string. One written with its version is a hash of `v` (value), `e` (epoch) and `p` (position); a hash
 * without `v` is a deletion, kept for its version.
 */

/** The bytes that a key holds; false if none, or if it is a deletion or no key of ours. */
export const VALUE_OF = `
local function valueOf(key)
  local value = redis.call('MGET', key)[1]
  if value then return value end
  value = redis.pcall('HGET', key, 'v')
  return type(value) == 'string' and value
end
`;

/**
 * The values of the first keys, and the lives they have left; false for one that has none. Two flat lists: one of pairs
 * would cost half as much again. unpack() of Lua reaches about 8,000.
 */
export const ENTRIES_OF = `
local function entriesOf(keys, count)
  local values, lives = {}, {}
  for from = 1, count, 4000 do
    local to = math.min(from + 3999, count)
    local held = redis.call('MGET', unpack(keys, from, to))
    for i = from, to do
      local value = held[i - from + 1]
      if not value then
        value = redis.pcall('HGET', keys[i], 'v')
        if type(value) ~= 'string' then value = false end
      end
      values[i] = value
      lives[i] = value and redis.call('PTTL', keys[i])
    end
  end
  return values, lives
end
`;

export const GET_MANY = script(`${ENTRIES_OF}
return { entriesOf(KEYS, #KEYS) }
`);

/** ARGV: value, life. */
export const SET_IF_ABSENT = script(`${VALUE_OF}
if valueOf(KEYS[1]) then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
`);

/** ARGV: epoch, position, life, and the value if it is no deletion. A life of 0 has no end. */
export const SET_IF_NEWER = script(`
local key = KEYS[1]
if redis.call('TYPE', key).ok == 'hash' then
  local held = redis.call('HMGET', key, 'e', 'p')
  if held[1] == ARGV[1] and tonumber(held[2]) > tonumber(ARGV[2]) then return 0 end
end
redis.call('UNLINK', key)
redis.call('HSET', key, 'e', ARGV[1], 'p', ARGV[2])
if ARGV[4] then redis.call('HSET', key, 'v', ARGV[4]) end
if ARGV[3] ~= '0' then redis.call('PEXPIRE', key, ARGV[3]) end
return 1
`);

/** ARGV: value, life. */
export const RENEW_IF = script(`${VALUE_OF}
if valueOf(KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
`);

/** ARGV: value. */
export const DELETE_IF = script(`${VALUE_OF}
if valueOf(KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('UNLINK', KEYS[1])
`);

const HOLDS_VALUE = `
local function holdsValue(key)
  local type = redis.call('TYPE', key).ok
  return type == 'string' or type == 'hash' and redis.call('HEXISTS', key, 'v') == 1
end
`;

/** Gives how many of the keys held a value. */
export const DELETE_MANY = script(`${HOLDS_VALUE}
local deleted = 0
for _, key in ipairs(KEYS) do
  if holdsValue(key) then deleted = deleted + redis.call('UNLINK', key) end
end
return deleted
`);

/** ARGV: cursor, glob, how many keys to look at. Gives the next cursor, the keys of the page that hold a value, and how many it had. */
export const SCAN = script(`${HOLDS_VALUE}
local page = redis.call('SCAN', ARGV[1], 'MATCH', ARGV[2], 'COUNT', ARGV[3])
local keys = {}
for _, key in ipairs(page[2]) do
  if holdsValue(key) then keys[#keys + 1] = key end
end
return { page[1], keys, #page[2] }
`);
