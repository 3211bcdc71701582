import {
  type Marks,
  type Origin,
  type Receipt,
  type TideEventName,
  type TideEvents,
  type TideOptions,
  type Tidemark,
  createTidemark,
  defineModel,
  entity,
  memory,
} from '../../src/index.js';
import { type FakeClock, fakeClock, fakeOrigin } from '../../src/testing/index.js';

export interface Kingdom {
  id: string;
  name: string;
}
export interface Settlement {
  id: string;
  kingdomId: string;
  name: string;
  /** Whatever a test wants a row to hold. */
  extra?: unknown;
}
export interface Structure {
  id: string;
  settlementId: string;
  kind: string;
}

export const entities = {
  kingdom: entity<Kingdom>()({}),
  settlement: entity<Settlement>()({ parents: { kingdom: 'kingdomId' }, announce: ['name'] }),
  structure: entity<Structure>()({ parents: { settlement: 'settlementId' } }),
};
export const model = defineModel({ entities });
export type WorldModel = typeof model;
export type WorldTide = Tidemark<WorldModel>;
export type WorldOptions = Partial<TideOptions<WorldModel>>;

/** Kingdoms k0 and k1; settlement s<i> in k<i mod 2>; structure t<i> in s<i mod settlements>. */
function tables(settlements: number) {
  const ids = (prefix: string, count: number): string[] => Array.from({ length: count }, (_, i) => prefix + String(i));
  return {
    kingdom: { rows: ids('k', 2).map((id): Kingdom => ({ id, name: `kingdom ${id}` })) },
    settlement: {
      rows: ids('s', settlements).map((id, i): Settlement => ({ id, kingdomId: `k${String(i % 2)}`, name: 'old' })),
      parents: { kingdom: 'kingdomId' } as const,
    },
    structure: {
      rows: ids('t', 2 * settlements).map((id, i): Structure => ({
        id,
        settlementId: `s${String(i % settlements)}`,
        kind: 'mill',
      })),
      parents: { settlement: 'settlementId' } as const,
    },
  };
}

export function database(settlements = 4) {
  return fakeOrigin(tables(settlements));
}
export type Database = ReturnType<typeof database>;
export const originOf = (db: Database): Origin<WorldModel> => db.origin;

export type Recorded = { readonly [Name in TideEventName]: TideEvents[Name][] };

/** Everything that a tide says of itself from now on. */
export function recorded(tide: { on: Tidemark<WorldModel>['on'] }): Recorded {
  const seen: Recorded = {
    error: [],
    load: [],
    doomed: [],
    change: [],
    gap: [],
    trusted: [],
    outage: [],
    queued: [],
    sent: [],
    stale: [],
  };
  const listen = <Name extends TideEventName>(name: Name): void => {
    tide.on(name, (event) => seen[name].push(event));
  };
  for (const name of Object.keys(seen) as TideEventName[]) listen(name);
  return seen;
}

export interface World {
  readonly db: Database;
  readonly clock: FakeClock;
  readonly tide: WorldTide;
  readonly seen: Recorded;
  /** Renames a settlement in the database and announces it. */
  rename(id: string, name?: string): Promise<Receipt>;
  /** Calls that the origin received for settlements by id. */
  settlementCalls(): number;
}

export interface Shared {
  readonly db?: Database;
  readonly clock?: FakeClock;
  /** Where its random begins: replicas must not give two changes one id. */
  readonly from?: number;
}

/** A tide over four settlements, whose values live exactly as long as asked: its random stays close to 0. */
export function world(options: WorldOptions = {}, shared: Shared = {}): World {
  const { db = database(), clock = fakeClock(), from = 0 } = shared;
  const tide = createTidemark({ model, origin: originOf(db), clock, random: counting(from), ...options });
  return {
    db,
    clock,
    tide,
    seen: recorded(tide),
    rename: (id, name = 'new') => rename(tide, db, id, name),
    settlementCalls: () => db.countOf('settlement', 'byIds'),
  };
}

export interface Replicas extends Required<Pick<Shared, 'db' | 'clock'>> {
  readonly a: World;
  readonly b: World;
  readonly shared: ReturnType<typeof memory>;
}

/** Tides that are replicas of each other: the same database, clock, marks, bus and store. */
export function replicas(options: WorldOptions = {}): Replicas {
  const [db, clock] = [database(), fakeClock()];
  const shared = memory({ clock });
  const join = (from: number): World => world({ ...shared, ...options }, { db, clock, from });
  return { db, clock, shared, a: join(0), b: join(5000) };
}

/** Kingdom of a settlement of {@link database}. */
export const kingdomOf = (id: string): string => `k${String(Number(id.slice(1)) % 2)}`;

export async function rename(tide: WorldTide, db: Database, id: string, name: string): Promise<Receipt> {
  const before = { id, kingdomId: kingdomOf(id), name: 'old' };
  const after = { ...before, name };
  db.put('settlement', after);
  return tide.change({ type: 'settlement', id, op: 'update', before, after });
}

/** Differs at every call, yet stays so close to 0 that no lifetime is a millisecond shorter. */
function counting(from: number): () => number {
  let calls = from;
  return () => ++calls / 2 ** 32;
}

export interface Deafened {
  readonly marks: Marks;
  /** From now on messages wait, as on a connection that lags. Replies come at once. */
  deafen(): void;
  /** What waits arrives, and from now on all. */
  listen(): void;
}

/** The same marks as one replica hears them. */
export function deafened(marks: Marks): Deafened {
  const waiting: (() => void)[] = [];
  let deaf = false;
  const hear = (message: () => void): void => {
    if (deaf) waiting.push(message);
    else message();
  };
  return {
    marks: {
      ...marks,
      watch: (watcher) =>
        marks.watch({
          onBump: (bump) => hear(() => watcher.onBump(bump)),
          onGap: (partition) => hear(() => watcher.onGap(partition)),
        }),
    },
    deafen: () => {
      deaf = true;
    },
    listen: () => {
      deaf = false;
      for (const message of waiting.splice(0)) message();
    },
  };
}

export interface BranchedWorld {
  readonly db: Database;
  readonly clock: FakeClock;
  readonly tide: ReturnType<typeof branchedTide>;
  readonly seen: Recorded;
  /** Parents by branch; tests fork and re-parent in it. */
  readonly parents: Map<string, string>;
  /** Puts a settlement of this name into a branch and announces it, with both row images unless told otherwise. */
  put(branch: string, id: string, name: string, images?: 'both' | 'none'): Promise<Receipt>;
}

function branchedTide(db: Database, clock: FakeClock, parents: ReadonlyMap<string, string>, options: object = {}) {
  const branched = defineModel({ entities, branches: { parentOf: (branch) => parents.get(branch) } });
  const origin = db.origin as unknown as Origin<typeof branched>;
  return createTidemark({ model: branched, origin, clock, random: counting(0), ...options });
}

/** main ← dev ← feature, and main ← other. */
export function branchedWorld(options: Pick<WorldOptions, 'outbox'> = {}): BranchedWorld {
  const parents = new Map([
    ['dev', 'main'],
    ['feature', 'dev'],
    ['other', 'main'],
  ]);
  const [db, clock] = [fakeOrigin(tables(4), { parentOf: (branch) => parents.get(branch) }), fakeClock()];
  const tide = branchedTide(db, clock, parents, options);
  return {
    db,
    clock,
    tide,
    parents,
    seen: recorded(tide),
    put: (branch, id, name, images = 'both') => {
      const before = { id, kingdomId: kingdomOf(id), name: 'old' };
      const after = { ...before, name };
      db.put('settlement', after, branch);
      const change = { type: 'settlement', id, op: 'update', branch } as const;
      return tide.change(images === 'both' ? { ...change, before, after } : change);
    },
  };
}
