import { systemClock } from '../../clock.js';
import type { Store, StoreEntry, StoredValue } from '../../contract.js';
import { escapeGlob } from '../../glob.js';
import { bytesOf } from '../../names.js';
import { type ClientOptions, type RedisNode, type Reply, checkClient, checkPrefix, listenForErrors } from './client.js';
import { slotOf } from './names.js';
import { pagesOf } from './pages.js';
import { infoOf, primariesOf, scanPage } from './scan.js';
import { type Script, scriptRunner } from './script.js';
import { DELETE_IF, DELETE_MANY, GET_MANY, RENEW_IF, SET_IF_ABSENT, SET_IF_NEWER } from './store-scripts.js';

/** Keys per command, so that no command holds the server for long. */
const PER_COMMAND = 1000;
/** How long a deletion by version holds off older writes if it was given no life: they are on their way for seconds. */
const DELETION_MS = 3_600_000;

/** Keys, and where they stand in the list asked for. */
interface Part {
  readonly at: readonly number[];
  readonly keys: readonly (string | Buffer)[];
}

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

  /** The keys in parts that can go in one command: all together, or by slot. */
  const partsOf = (keys: readonly string[]): readonly Part[] => {
    const stored = keys.map(keyOf);
    const places = apart ? bySlot(stored) : [[...keys.keys()]];
    return places
      .flatMap((at) => pagesOf(at, PER_COMMAND))
      .map((at) => ({ at, keys: at.map((i) => stored[i] as string | Buffer) }));
  };
  const runMany = (script: Script, keys: readonly string[]): Promise<readonly (Part & { reply: unknown })[]> =>
    Promise.all(partsOf(keys).map(async (part) => ({ ...part, reply: await run(script, part.keys, []) })));

  const setPart = async ({ at, keys }: Part, entries: readonly StoreEntry[]): Promise<void> => {
    const commands = keys.map((key, i) => {
      const { value, ttlMs } = entries[at[i] as number] as StoreEntry;
      return ['set', key, argumentOf(value), ...lifeOf(ttlMs)];
    });
    for (const [error] of (await client.pipeline(commands).exec()) ?? []) if (error !== null) throw error;
  };
  const pagesFrom = async function* (node: RedisNode, glob: string): AsyncIterable<readonly string[]> {
    const runThere = scriptRunner(node, clock);
    let cursor = '0';
    do {
      const page = await scanPage(runThere, cursor, glob);
      cursor = page.next;
      if (page.keys.length > 0) yield page.keys.map((key) => key.slice(prefix.length));
    } while (cursor !== '0');
  };

  return {
    getMany: async (keys) => {
      const answers: (StoredValue | undefined)[] = keys.map(() => undefined);
      for (const { reply, at } of await runMany(GET_MANY, keys)) {
        const [values, lives] = reply as readonly Reply[];
        const found = storedOf(values, lives);
        at.forEach((i, j) => (answers[i] = found[j]));
      }
      return answers;
    },
    setMany: async (entries) => {
      await Promise.all(partsOf(entries.map(({ key }) => key)).map((part) => setPart(part, entries)));
    },
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
    info: async (typeOf) => infoOf({ nodes: await primariesOf(client), clock, prefix }, typeOf),
    close: async () => {
      unlisten();
    },
  };
}

/** What the scripts give: values, and the lives they have left. */
export function storedOf(values: Reply | undefined, lives: Reply | undefined): (StoredValue | undefined)[] {
  return (values as readonly (Buffer | null)[]).map((value, i) => {
    if (value === null) return undefined;
    const ttlMs = (lives as readonly number[])[i] as number;
    return { value, ttlMs: ttlMs < 0 ? undefined : ttlMs };
  });
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
