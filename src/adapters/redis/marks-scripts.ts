import { REFUSE, script } from './script.js';
import { ENTRIES_OF } from './store-scripts.js';

/*
 * A partition is a hash. Fields that begin with '#' are its own, every other one is a subject: `<position> <nonce>`.
 * A nonce ends with the server's time of its bump in microseconds, so that a mark tells its age.
 */

/** ARGV[1..4] of every script: number of partitions, PUBLISH or SPUBLISH, what a new epoch begins with, end of channels. */
const OPEN = `${REFUSE}
local count, announce, seed, channelEnd = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local time = redis.call('TIME')
local now = time[1] .. string.format('%06d', time[2])
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')

local function begin(key, from, fromHead)
  local epoch = seed .. '.' .. now
  redis.call('UNLINK', key)
  redis.call('HSET', key, '#epoch', epoch, '#head', '0', '#nonce', '', '#since', now, '#run', run,
    '#partitions', count, '#announce', announce)
  if from then redis.call('HSET', key, '#from', from, '#fromHead', fromHead) end
  redis.call(announce, key .. channelEnd, epoch)
  return { epoch, '0', '', from, fromHead, now }
end

local function open(keys)
  local opened = {}
  for i, key in ipairs(keys) do
    opened[i] = redis.call('HMGET', key, '#epoch', '#head', '#nonce', '#from', '#fromHead', '#since',
      '#run', '#partitions', '#announce')
    local refused = opened[i][1] and
      (refuse('partitions', opened[i][8], count) or refuse('announcements', opened[i][9], announce))
    if refused then return nil, refused end
  end
  for i, key in ipairs(keys) do
    local held = opened[i]
    if not held[1] then opened[i] = begin(key, false, false)
    elseif held[7] ~= run then opened[i] = begin(key, held[1], held[2])
    else opened[i] = { held[1], held[2], held[3], held[4], held[5], held[6] } end
  end
  return opened
end
`;

/** unpack() of Lua reaches about 8,000. */
const READ_MARKS = `
local function marksOf(key, subjects, from, to)
  local marks = {}
  for at = from, to, 4000 do
    local last = math.min(at + 3999, to)
    for _, mark in ipairs(redis.call('HMGET', key, unpack(subjects, at, last))) do marks[#marks + 1] = mark end
  end
  return marks
end
`;

/**
 * KEYS: partitions. ARGV[5...]: for each of them the number of its subjects, then the subjects.
 * Gives the time, then for each partition its head and its marks.
 */
export const READ = script(
  `${OPEN}${READ_MARKS}
local opened, refused = open(KEYS)
if refused then return refused end
local answer = { now }
local at = 5
for i, key in ipairs(KEYS) do
  local subjects = tonumber(ARGV[at])
  answer[#answer + 1] = opened[i]
  answer[#answer + 1] = marksOf(key, ARGV, at + 1, at + subjects)
  at = at + 1 + subjects
end
return answer
`,
  { allowOom: true },
);

/**
 * KEYS: the partition. ARGV[5]: most subjects it may hold; 6: the caller's nonce; 7: the message's body; 8...: subjects.
 * Gives epoch, head before, position and nonce, which is also what the message begins with.
 */
export const BUMP = script(
  `${OPEN}
local key = KEYS[1]
local opened, refused = open(KEYS)
if refused then return refused end
local head = opened[1]
local subjects = redis.call('HLEN', key) - (head[4] and 9 or 7) + #ARGV - 7
if subjects > tonumber(ARGV[5]) then head = begin(key, head[1], head[2]) end
local position = string.format('%.0f', head[2] + 1)
local nonce = ARGV[6] .. '.' .. now
local mark = position .. ' ' .. nonce
for at = 8, #ARGV, 2000 do
  local fields = {}
  for i = at, math.min(at + 1999, #ARGV) do
    fields[#fields + 1] = ARGV[i]
    fields[#fields + 1] = mark
  end
  redis.call('HSET', key, unpack(fields))
end
redis.call('HSET', key, '#head', position, '#nonce', nonce)
redis.call(announce, key .. channelEnd, head[1] .. ' ' .. head[2] .. ' ' .. mark .. '\\n' .. ARGV[7])
return { head[1], head[2], position, nonce }
`,
  { allowOom: true },
);

/** KEYS: the partition. ARGV[5]: the epoch that it is to have lost. Gives its head. */
export const NEW_EPOCH = script(
  `${OPEN}
local opened, refused = open(KEYS)
if refused then return refused end
local head = opened[1]
if head[1] == ARGV[5] then head = begin(KEYS[1], head[1], '0') end
return head
`,
  { allowOom: true },
);

/**
 * KEYS: keys of the store, then every partition. ARGV[5]: how many are keys of the store; 6: what is appended to the
 * subjects that entries name; 7...: subjects asked for. Of an entry's subjects it adds those that no reader could ask for.
 * Gives the time, the values, the lives they have left, the subjects added, then for each partition its head and
 * the marks of all subjects: where a partition does not hold one, the caller knows whether it should.
 */
export const FETCH = script(
  `${OPEN}${READ_MARKS}${ENTRIES_OF}
local keys = tonumber(ARGV[5])
local partitions = {}
for i = keys + 1, #KEYS do partitions[#partitions + 1] = KEYS[i] end
local opened, refused = open(partitions)
if refused then return refused end

local subjects, known, added = {}, {}, {}
for i = 7, #ARGV do subjects[#subjects + 1] = ARGV[i] end
local function name(subject)
  if known[subject] then return end
  known[subject] = true
  subjects[#subjects + 1] = subject
  added[#added + 1] = subject
end
local function nameLate(value)
  local late, at = struct.unpack('>I2', value, 2)
  for _ = 1, late do
    local subject
    subject, at = struct.unpack('>I4c0', value, at)
    name(subject .. ARGV[6])
  end
end

local values, lives = entriesOf(KEYS, keys)
for _, value in ipairs(values) do
  if value and string.byte(value) == 2 then pcall(nameLate, value) end
end

local answer = { now, values, lives, added }
for i, key in ipairs(partitions) do
  answer[#answer + 1] = opened[i]
  answer[#answer + 1] = marksOf(key, subjects, 1, #subjects)
end
return answer
`,
  { allowOom: true },
);
