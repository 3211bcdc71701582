import { systemClock } from '../../clock.js';
import type { Store, StoreEntry, StoredValue } from '../../contract.js';
import { escapeGlob } from '../../glob.js';
import { type ClientOptions, type RedisNode, type Reply, checkClient, checkPrefix, listenForErrors } from './client.js';
import { bytesOf, slotOf } from './names.js';
import { infoOf, primariesOf, scanPage } from './scan.js';
import { type Script, scriptRunner } from './script.js';
import { DELETE_IF, DELETE_MANY, GET_MANY, RENEW_IF, SET_IF_ABSENT, SET_IF_NEWER } from './store-scripts.js';

/** Keys per script, so that no command holds the server for long. */
const PER_SCRIPT = 1000;
/** How long a deletion by version holds off older writes if it was given no life: they are on their way for seconds. */
const DELETION_MS = 3_600_000;

/**
 * A {@link Store} in Redis: a string per value, a small hash for one with a version. One round trip per call and node;
 * `scan` visits every primary. Throws INVALID_OPTION for a client with a keyPrefix.
 */
export function redisStore(options: ClientOptions): Store {
  checkClient(options.client);
  const { client, clock = systemClock } = options;
  const prefix = checkPrefix(options.prefix);
  const apart = client.isCluster === true;
  const run = scriptRunner(client, clock);
  const unlisten = listenForErrors(client);
  const keyOf = (key: string): string | Buffer => bytesOf(prefix + key);

  const runOne = async (
    script: Script,
    key: string,
    args: readonly (string | Uint8Array | number)[],
  ): Promise<boolean> => (await run(script, [keyOf(key)], args.map(argumentOf))) === 1;

  /** A script over many keys, by slot where they are apart; gives the reply of each part with where its keys stood. */
  const runMany = (
    script: Script,
    keys: readonly string[],
  ): Promise<readonly { reply: unknown; at: readonly number[] }[]> => {
    const stored = keys.map(keyOf);
    const parts = (apart ? bySlot(stored) : [[...stored.keys()]]).flatMap((part) => pagesOf(part, PER_SCRIPT));
    return Promise.all(
      parts.map(async (at) => ({
        reply: await run(
          script,
          at.map((i) => stored[i] as string | Buffer),
          [],
        ),
        at,
      })),
    );
  };
  const setAll = async (entries: readonly StoreEntry[]): Promise<void> => {
    const commands = entries.map(({ key, value, ttlMs }) => [keyOf(key), argumentOf(value), ...lifeOf(ttlMs)] as const);
    if (apart) {
      await Promise.all(commands.map((args) => client.callBuffer('set', ...args)));
      return;
    }
    const replies = await client.pipeline(commands.map((args) => ['set', ...args])).exec();
    for (const [error] of replies ?? []) if (error !== null) throw error;
  };
  const pagesFrom = async function* (node: RedisNode, glob: string): AsyncIterable<readonly string[]> {
    let cursor = '0';
    do {
      const page = await scanPage(run, node, cursor, glob);
      cursor = page.next;
      if (page.keys.length > 0) yield page.keys.map((key) => key.slice(prefix.length));
    } while (cursor !== '0');
  };

  return {
    getMany: async (keys) => {
      const answers: (StoredValue | undefined)[] = keys.map(() => undefined);
      for (const { reply, at } of await runMany(GET_MANY, keys))
        at.forEach((i, j) => (answers[i] = storedOf((reply as readonly Reply[])[j])));
      return answers;
    },
    // Of two entries for one key the later: commands to a cluster may overtake each other.
    setMany: (entries) => setAll([...new Map(entries.map((entry) => [entry.key, entry])).values()]),
    setIfAbsent: (key, value, ttlMs) => runOne(SET_IF_ABSENT, key, [value, Math.ceil(ttlMs)]),
    setIfNewer: (key, value, { epoch, position }, ttlMs = value === null ? DELETION_MS : 0) =>
      runOne(SET_IF_NEWER, key, [bytesOf(epoch), position, Math.ceil(ttlMs), ...(value === null ? [] : [value])]),
    renewIf: (key, value, ttlMs) => runOne(RENEW_IF, key, [value, Math.ceil(ttlMs)]),
    deleteIf: (key, value) => runOne(DELETE_IF, key, [value]),
    deleteMany: async (keys) => {
      const deleted = await runMany(DELETE_MANY, keys);
      return deleted.reduce((sum, { reply }) => sum + Number(reply), 0);
    },
    scan: async function* (glob) {
      for (const node of await primariesOf(client)) yield* pagesFrom(node, escapeGlob(prefix) + glob);
    },
    info: async (typeOf) => infoOf({ nodes: await primariesOf(client), run, clock, prefix }, typeOf),
    close: async () => {
      unlisten();
    },
  };
}

/** What the scripts give for a key: value and life left. */
export function storedOf(reply: Reply | undefined): StoredValue | undefined {
  if (reply == null) return undefined;
  const [value, ttlMs] = reply as readonly [Buffer, number];
  return { value, ttlMs: ttlMs < 0 ? undefined : ttlMs };
}

const argumentOf = (value: string | Uint8Array | number): string | Buffer | number =>
  value instanceof Uint8Array && !Buffer.isBuffer(value)
    ? Buffer.from(value.buffer, value.byteOffset, value.byteLength)
    : value;

const lifeOf = (ttlMs: number | undefined): (string | number)[] =>
  ttlMs === undefined ? [] : ['PX', Math.ceil(ttlMs)];

/** Where the keys of each slot stand in the list. */
function bySlot(keys: readonly (string | Buffer)[]): number[][] {
  const slots = new Map<number, number[]>();
  for (const [i, key] of keys.entries()) {
    const slot = slotOf(key);
    const held = slots.get(slot);
    if (held === undefined) slots.set(slot, [i]);
    else held.push(i);
  }
  return [...slots.values()];
}

function pagesOf<Item>(items: readonly Item[], size: number): Item[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, page) =>
    items.slice(page * size, (page + 1) * size),
  );
}
