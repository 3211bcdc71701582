import { systemClock } from '../../clock.js';
import type { Clock, Store, StoreEntry, StoreInfo, StoredValue } from '../../contract.js';
import { globToMatcher } from '../../glob.js';
import { bufferOf, nameOf } from '../../names.js';
import { type PgPool, listenForErrors } from './client.js';
import { lateSubjects, lifeOf, setManyValues, storedKey } from './entry.js';
import { indexed } from './indexed.js';
import { type Row, runOn } from './run.js';
import { scanPages } from './scan.js';
import { DEFAULT_SCHEMA, quotedSchema } from './schema/name.js';
import { storeStatements } from './store-sql.js';

export interface PgStoreOptions {
  /** A Pool of `pg`; whoever made it ends it. */
  readonly pool: PgPool;
  /** Where the migrations made the tables. Default 'tidemark'. */
  readonly schema?: string | undefined;
  /** Measures pings, waits between attempts and between sweeps. */
  readonly clock?: Pick<Clock, 'after' | 'now'> | undefined;
}

/** Entries, and bytes of their values, per statement. */
const PER_STATEMENT = 1000;
const BYTES_PER_STATEMENT = 32 * 2 ** 20;
/** How long a deletion by version holds off older writes if it was given no life: they are on their way for seconds. */
const DELETION_MS = 3_600_000;
/** How long nothing expired is looked for once there was less than a page of it. */
const SWEEP_MS = 10_000;
const SWEPT = 500;
/** Pages of the table in which keys are counted. */
const SAMPLED_PAGES = 64;

/**
 * A {@link Store} in Postgres: a row per key in an unlogged table, one statement per call, in the order of the keys, so that no two
 * wait for each other. What has expired is deleted in pages of 500 behind a write, every 10 s or as long as pages are full. Nothing
 * else bounds the table: a value without a life stays. Throws INVALID_OPTION for options that cannot serve; rejects with
 * NOT_MIGRATED where the table is missing.
 */
export function pgStore(options: PgStoreOptions): Store {
  const { pool, schema = DEFAULT_SCHEMA, clock = systemClock } = options;
  const statements = storeStatements(quotedSchema(schema));
  const run = runOn({ pool, schema, failure: 'STORE_FAILED', clock });
  const runOne = async (text: string, values: readonly unknown[]): Promise<boolean> =>
    (await run(text, values)).length === 1;

  const unlisten = listenForErrors(pool);

  let sweepAt = clock.now() + SWEEP_MS;
  let sweeping: Promise<void> | undefined;
  const sweep = async (): Promise<void> => {
    const swept = await run(statements.sweep, [SWEPT]);
    if (swept.length === SWEPT) sweepAt = clock.now();
  };
  /** Nobody waits for it. */
  const sweepIfDue = (): void => {
    if (sweeping !== undefined || clock.now() < sweepAt) return;
    sweepAt = clock.now() + SWEEP_MS;
    sweeping = sweep()
      .catch(() => undefined)
      .then(() => {
        sweeping = undefined;
      });
  };

  const info = async (typeOf: (key: string) => string | null = firstPart): Promise<StoreInfo> => {
    const sent = clock.now();
    const [size] = await run(statements.size, []);
    const pingMs = clock.now() - sent;
    const share = Math.min(1, SAMPLED_PAGES / Math.max(1, Number(size?.['pages'])));
    const counts = new Map<string, number>();
    for (const row of await run(statements.sample, [100 * share])) {
      const type = typeOf(keyOf(row));
      if (type !== null) counts.set(type, (counts.get(type) ?? 0) + 1);
    }
    const estimates = [...counts].map(([type, count]) => [type, Math.round(count / share)] as const);
    return {
      ...{ pingMs, memoryUsedBytes: Number(size?.['bytes']), memoryLimitBytes: null, policy: null },
      keyCountByType: Object.fromEntries(estimates),
    };
  };

  return {
    getMany: async (keys) => {
      if (keys.length === 0) return [];
      const rows = await run(statements.getMany, [keys.map((key) => indexed(bufferOf(key)))]);
      return storedOf(keys.length, rows);
    },
    setMany: async (entries) => {
      // Of two for one key the later wins; a statement may write a row once.
      const byKey = new Map(entries.map((entry) => [entry.key, entry]));
      for (const batch of batchesOf([...byKey.values()])) await run(statements.setMany, setManyValues(batch));
      sweepIfDue();
    },
    setIfAbsent: (key, value, ttlMs) => {
      const stored = storedKey(key);
      return runOne(statements.setIfAbsent, [stored.key, stored.name, value, lateSubjects(value), lifeOf(ttlMs)]);
    },
    setIfNewer: (key, value, { epoch, position }, ttlMs = value === null ? DELETION_MS : undefined) => {
      const stored = storedKey(key);
      const late = value === null ? [] : lateSubjects(value);
      const values = [stored.key, stored.name, value, late, lifeOf(ttlMs), bufferOf(epoch), position];
      return runOne(statements.setIfNewer, values);
    },
    renewIf: (key, value, ttlMs) => runOne(statements.renewIf, [storedKey(key).key, value, lifeOf(ttlMs)]),
    deleteIf: (key, value) => runOne(statements.deleteIf, [storedKey(key).key, value]),
    deleteMany: async (keys) => {
      if (keys.length === 0) return 0;
      const [row] = await run(statements.deleteMany, [keys.map((key) => storedKey(key).key)]);
      return Number(row?.['deleted']);
    },
    scan: async function* (glob) {
      const matches = globToMatcher(glob);
      for await (const page of scanPages(run, statements.page, glob)) {
        const keys = page.map(keyOf).filter(matches);
        if (keys.length > 0) yield keys;
      }
    },
    info,
    close: async () => {
      unlisten();
      await sweeping;
    },
  };
}

/** What the rows of values hold, by their places in the list asked for, which count from 1. */
export function storedOf(count: number, rows: readonly Row[]): readonly (StoredValue | undefined)[] {
  const answers = Array.from<StoredValue | undefined>({ length: count });
  for (const { at, value, life } of rows) {
    const ttlMs = life === null ? undefined : Number(life) / 1000;
    answers[Number(at) - 1] = { value: value as Buffer, ttlMs };
  }
  return answers;
}

const keyOf = ({ key, name }: Row): string => nameOf((name ?? key) as Buffer);

const firstPart = (key: string): string => key.split(':', 1)[0] as string;

/** The entries in parts that one statement can take. */
function* batchesOf(entries: readonly StoreEntry[]): Iterable<readonly StoreEntry[]> {
  let batch: StoreEntry[] = [];
  let bytes = 0;
  for (const entry of entries) {
    bytes += entry.value.length;
    if (batch.length === PER_STATEMENT || (batch.length > 0 && bytes > BYTES_PER_STATEMENT)) {
      yield batch;
      batch = [];
      bytes = entry.value.length;
    }
    batch.push(entry);
  }
  if (batch.length > 0) yield batch;
}
