import { REFUSE, script } from './script.js';

/*
 * A topic is a hash (`#epoch`, `#top`, `#run`, `#announce`), a stream whose ids are `<offset>-0`, and a sorted set of
 * the ids of publications by offset. The hash outlives the stream, so that offsets do not begin again unnoticed.
 */

/** KEYS: hash, stream, ids. ARGV[1..3]: PUBLISH or SPUBLISH, what a new epoch begins with, life of the hash. */
const OPEN = `${REFUSE}
local announce, seed, metaMs = ARGV[1], ARGV[2], ARGV[3]
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
local meta = redis.call('HMGET', KEYS[1], '#epoch', '#top', '#run', '#announce')
local epoch, top = meta[1], meta[2]
local refused = epoch and refuse('announcements', meta[4], announce)
if refused then return refused end
if meta[3] ~= run then
  local time = redis.call('TIME')
  epoch, top = seed .. '.' .. time[1] .. string.format('%06d', time[2]), '0'
  redis.call('UNLINK', KEYS[1], KEYS[2], KEYS[3])
  redis.call('HSET', KEYS[1], '#epoch', epoch, '#top', top, '#run', run, '#announce', announce)
end
redis.call('PEXPIRE', KEYS[1], metaMs)
`;

/** ARGV[4]: channel; 5: messages kept; 6: life of the stream; 7: the publication's id; 8: bytes. Gives epoch and offset. */
export const PUBLISH = script(`${OPEN}
local known = redis.call('ZSCORE', KEYS[3], ARGV[7])
if known then return { epoch, known } end
top = string.format('%.0f', top + 1)
redis.call('HSET', KEYS[1], '#top', top)
redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[5], top .. '-0', 'd', ARGV[8])
redis.call('ZADD', KEYS[3], top, ARGV[7])
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', string.format('%.0f', top - ARGV[5]))
redis.call('PEXPIRE', KEYS[2], ARGV[6])
redis.call('PEXPIRE', KEYS[3], ARGV[6])
redis.call(announce, ARGV[4], epoch .. ' ' .. top .. '\\n' .. ARGV[8])
return { epoch, top }
`);

/**
 * ARGV[4], [5]: epoch and offset of the last message seen, an empty epoch for none; 6: most messages.
 * Gives epoch, top, whether messages between are gone, then offset and bytes of each message.
 */
export const READ = script(`${OPEN}
local answer = { epoch, top, 0 }
if ARGV[4] == '' then return answer end
local known = ARGV[4] == epoch and tonumber(ARGV[5]) <= tonumber(top)
local seen = known and tonumber(ARGV[5]) or 0
local limit = tonumber(ARGV[6])
local from = string.format('%.0f-0', seen + 1)
local entries = redis.call('XRANGE', KEYS[2], from, '+', 'COUNT', math.max(limit, 1))
local oldest = entries[1] and tonumber(string.match(entries[1][1], '^%d+')) or top + 1
if not known or oldest > seen + 1 then answer[3] = 1 end
for i = 1, math.min(limit, #entries) do
  answer[#answer + 1] = string.match(entries[i][1], '^%d+')
  answer[#answer + 1] = entries[i][2][2]
end
return answer
`);
