import { REFUSE, script } from './script.js';

/*
 * A topic is a hash (`#epoch`, `#top`, `#run`, `#announce`), a list of messages, each behind its offset, and a sorted set of the ids of
 * publications by offset. The hash outlives the list, so that offsets do not begin again unnoticed. No stream: one takes 4.7 KB as
 * soon as it has a single message, and most topics have few.
 */

/** KEYS: hash, list, ids of each topic. ARGV[1..3]: PUBLISH or SPUBLISH, what a new epoch begins with, life of the hash. */
const OPEN = `${REFUSE}
local announce, seed, metaMs = ARGV[1], ARGV[2], ARGV[3]
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')

local function open(hash, list, ids)
  local meta = redis.call('HMGET', hash, '#epoch', '#top', '#run', '#announce')
  local epoch, top = meta[1], meta[2]
  local refused = epoch and refuse('announcements', meta[4], announce)
  if refused then return nil, nil, refused end
  if meta[3] ~= run then
    local time = redis.call('TIME')
    epoch, top = seed .. '.' .. time[1] .. string.format('%06d', time[2]), '0'
    redis.call('UNLINK', hash, list, ids)
    redis.call('HSET', hash, '#epoch', epoch, '#top', top, '#run', run, '#announce', announce)
  end
  redis.call('PEXPIRE', hash, metaMs)
  return epoch, top
end
`;

/**
 * ARGV[4]: messages kept; 5: their life; then for each topic: channel, the publication's id, bytes. Gives epoch
 * and offset of each.
 */
export const PUBLISH = script(`${OPEN}
local kept, listMs = tonumber(ARGV[4]), ARGV[5]

local function publish(at)
  local hash, list, ids = KEYS[at], KEYS[at + 1], KEYS[at + 2]
  local channel, id, bytes = ARGV[at + 5], ARGV[at + 6], ARGV[at + 7]
  local epoch, top, refused = open(hash, list, ids)
  if refused then return nil, refused end
  local known = redis.call('ZSCORE', ids, id)
  if known then return { epoch, known } end
  top = string.format('%.0f', top + 1)
  redis.call('HSET', hash, '#top', top)
  local message = top .. '\\n' .. bytes
  if redis.call('RPUSH', list, message) > kept then redis.call('LTRIM', list, -kept, -1) end
  redis.call('ZADD', ids, top, id)
  if top % 64 == 0 then redis.call('ZREMRANGEBYSCORE', ids, '-inf', string.format('%.0f', top - kept)) end
  redis.call('PEXPIRE', list, listMs)
  redis.call('PEXPIRE', ids, listMs)
  redis.call(announce, channel, epoch .. ' ' .. message)
  return { epoch, top }
end

local positions = {}
for at = 1, #KEYS, 3 do
  local position, refused = publish(at)
  if refused then return refused end
  positions[#positions + 1] = position
end
return positions
`);

/**
 * ARGV[4], [5]: epoch and offset of the last message seen, an empty epoch for none; 6: most messages.
 * Gives epoch, top, whether messages between are gone, then offset and bytes of each message.
 */
export const READ = script(`${OPEN}
local epoch, top, refused = open(KEYS[1], KEYS[2], KEYS[3])
if refused then return refused end
local answer = { epoch, top, 0 }
if ARGV[4] == '' then return answer end
local known = ARGV[4] == epoch and tonumber(ARGV[5]) <= tonumber(top)
local seen = known and tonumber(ARGV[5]) or 0
local limit = tonumber(ARGV[6])
local first = math.max(0, redis.call('LLEN', KEYS[2]) - (top - seen))
local messages = redis.call('LRANGE', KEYS[2], first, first + math.max(limit, 1) - 1)
local oldest = messages[1] and tonumber(string.match(messages[1], '^%d+')) or top + 1
if not known or oldest > seen + 1 then answer[3] = 1 end
for i = 1, math.min(limit, #messages) do
  local cut = string.find(messages[i], '\\n', 1, true)
  answer[#answer + 1] = string.sub(messages[i], 1, cut - 1)
  answer[#answer + 1] = string.sub(messages[i], cut + 1)
end
return answer
`);
