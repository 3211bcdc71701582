import { createHash } from 'node:crypto';
import type { Clock } from '../../contract.js';
import { TidemarkError } from '../../errors.js';
import type { Argument, BufferNode, RedisNode } from './client.js';

interface Text {
  readonly source: string;
  /** By which a server knows it. */
  readonly digest: string;
}

/** A Lua script, atomic on its server. */
export interface Script extends Text {
  /** The same for a server before Redis 7, which knows no flags; null if there are none. */
  readonly withoutFlags: Text | null;
}

/** `allowOom`: runs, and writes, when the server's memory is full. */
export function script(body: string, { allowOom = false } = {}): Script {
  if (!allowOom) return { ...textOf(body), withoutFlags: null };
  // Before Redis 7 a script may go on writing when memory is full if it has written something that needs none.
  const withoutFlags = textOf(`redis.call('HDEL', KEYS[#KEYS], '')\n${body}`);
  return { ...textOf(`#!lua flags=allow-oom\n${body}`), withoutFlags };
}

const textOf = (source: string): Text => ({ source, digest: createHash('sha1').update(source).digest('hex') });

/** Lua: what a script answers to a replica that is configured differently from the store. */
export const REFUSE = `
local function refuse(what, held, got)
  return held ~= got and redis.error_reply('TIDEMARK ' .. what .. ' ' .. tostring(held) .. ' ' .. got)
end
`;

/** The INVALID_OPTION that such an answer means; any other error as it is. */
function refusalIn(error: unknown): unknown {
  const [, what, held, got] = /^TIDEMARK (\S+) (\S+) (\S+)/.exec(error instanceof Error ? error.message : '') ?? [];
  if (what === undefined) return error;
  const message = `${what}: expected ${String(held)}, as the store has it from other replicas, got ${String(got)}.`;
  return new TidemarkError('INVALID_OPTION', message, { cause: error });
}

export type RunScript = (
  script: Script,
  keys: readonly (string | Buffer)[],
  args: readonly Argument[],
) => Promise<unknown>;

/** What a server says while a failover, a load from disk or the move of a slot is under way. */
const TRANSIENT = /(?:^|-)(?:TRYAGAIN|ASK|READONLY|LOADING|CLUSTERDOWN|MASTERDOWN)\b/;
/** How long to wait before each further attempt. */
const WAITS_MS = [10, 30, 100, 300];

/**
 * Runs scripts by their digest; a server that does not know one, after a restart or SCRIPT FLUSH, is sent its text.
 * What passes by itself is tried again for about half a second.
 */
export function scriptRunner(client: RedisNode, clock: Pick<Clock, 'after'>): RunScript {
  let knowsFlags = true;

  const attempt: RunScript = async (script, keys, args) => {
    const { withoutFlags } = script;
    const { source, digest } = knowsFlags ? script : (withoutFlags ?? script);
    try {
      return await (client as RedisNode & BufferNode).evalshaBuffer(digest, keys.length, ...keys, ...args);
    } catch (error) {
      if (!says(error, /^NOSCRIPT\b/)) throw error;
    }
    try {
      return await (client as RedisNode & BufferNode).evalBuffer(source, keys.length, ...keys, ...args);
    } catch (error) {
      if (!knowsFlags || withoutFlags === null || !says(error, /compiling script/)) throw error;
    }
    knowsFlags = false;
    return attempt(script, keys, args);
  };

  return async (...call) => {
    for (const waitMs of WAITS_MS) {
      try {
        return await attempt(...call);
      } catch (error) {
        if (!says(error, TRANSIENT)) throw refusalIn(error);
      }
      await new Promise<void>((resume) => clock.after(waitMs, resume));
    }
    return attempt(...call);
  };
}

const says = (error: unknown, what: RegExp): boolean => error instanceof Error && what.test(error.message);
