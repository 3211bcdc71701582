import type { Bus, EntityOrigin, OriginContext, Store } from '../../src/index.js';
import type { Library } from '../plant.js';
import type { FieldRule } from '../../src/rules/index.js';
import type { Row, Type } from './world.js';

/**
 * Two other caches as small models with the same verbs, to show that the checker is not made to measure: it must find
 * their stale reads. Both are treated kindly: on every change they delete everything they have, so that no key is ever
 * forgotten, and no fault is let loose on them. What is left is what their order of steps allows.
 */

interface Parts {
  readonly store: Store;
  readonly bus: Bus;
  readonly random: () => number;
  readonly origin: Readonly<Record<Type, EntityOrigin<string, Row>>>;
  readonly rules: { readonly source: (where: object) => Promise<readonly FieldRule[]> };
}

/** What tells one peer from the other. */
interface Policy {
  read<T>(key: string, load: () => Promise<T>): Promise<T>;
  deleteAll(): Promise<void>;
  peek(key: string): unknown;
  set(key: string, value: unknown): Promise<void>;
}

const encode = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
const decode = (bytes: Uint8Array): unknown => JSON.parse(new TextDecoder().decode(bytes));

/** Read: the shared cache, else the database, then set. Write: the database, then delete. */
function cacheAside({ store }: Parts): Policy {
  return {
    read: async <T>(key: string, load: () => Promise<T>): Promise<T> => {
      const [found] = await store.getMany([key]).catch(() => []);
      if (found !== undefined) return decode(found.value) as T;
      const value = await load();
      await store.setMany([{ key, value: encode(value), ttlMs: 60_000 }]).catch(() => {});
      return value;
    },
    deleteAll: () => deleteFrom(store),
    peek: () => undefined,
    set: (key, value) => store.setMany([{ key, value: encode(value) }]),
  };
}

/**
 * bentocache 1.6: a map in the process before the shared cache, one load at a time per key and process, and a bus on
 * which each set and delete is told to the other processes, which then drop what they hold.
 */
function tiersAndBus({ store, bus, random }: Parts): Policy {
  const local = new Map<string, unknown>();
  const loading = new Map<string, Promise<unknown>>();
  const me = String(random());
  let told = 0;
  const tell = (what: string): void => {
    void bus.publish('peers', encode({ me, what }), { id: `${me}.${String(++told)}` }).catch(() => {});
  };
  void bus.subscribe('peers', {
    onMessage: ({ bytes }) => {
      const message = decode(bytes) as { me: string; what: string };
      if (message.me === me) return;
      if (message.what === '*') local.clear();
      else local.delete(message.what);
    },
    onGap: () => {},
  });
  const fetch = async (key: string, load: () => Promise<unknown>): Promise<unknown> => {
    const [found] = await store.getMany([key]).catch(() => []);
    const value = found === undefined ? await load() : decode(found.value);
    local.set(key, value);
    if (found === undefined) {
      await store.setMany([{ key, value: encode(value), ttlMs: 60_000 }]).catch(() => {});
      tell(key);
    }
    return value;
  };
  return {
    read: async <T>(key: string, load: () => Promise<T>): Promise<T> => {
      if (local.has(key)) return local.get(key) as T;
      const running = loading.get(key) ?? fetch(key, load).finally(() => loading.delete(key));
      loading.set(key, running);
      return (await running) as T;
    },
    deleteAll: async () => {
      local.clear();
      await deleteFrom(store);
      tell('*');
    },
    peek: (key) => local.get(key),
    set: async (key, value) => {
      local.set(key, value);
      await store.setMany([{ key, value: encode(value) }]);
      tell(key);
    },
  };
}

async function deleteFrom(store: Store): Promise<void> {
  for await (const keys of store.scan('*')) await store.deleteMany(keys);
}

/** The verbs that the simulation uses, over a policy. */
function verbs(parts: Parts, policy: Policy): object {
  const context = (branch: string): OriginContext => ({
    branch,
    branches: [branch],
    signal: new AbortController().signal,
    recentlyChanged: true,
  });
  const loadRecord = async (type: Type, id: string, branch: string): Promise<Row | null> =>
    [...((await parts.origin[type].byIds([id], context(branch))) as Iterable<Row>)][0] ?? null;
  const loadChildren = async (type: Type, parent: object, branch: string): Promise<Row[]> => {
    const [[link, id]] = Object.entries(parent) as [[string, string]];
    const load = parts.origin[type].childrenOf?.[link] as unknown as (ids: string[], of: object) => Promise<Row[]>;
    return [...(await load([id], context(branch)))];
  };
  const computed = (id: string, branch: string): Promise<object | null> =>
    policy.read(`fields:${id}@${branch}`, async () => {
      const own = await loadRecord('settlement', id, branch);
      if (own === null) return null;
      const [rules, above, below] = await Promise.all([
        parts.rules.source({ scope: 'all', branch }),
        loadRecord('kingdom', own.parentId, branch),
        loadChildren('structure', { settlement: id }, branch),
      ]);
      const { expression } = rules.find(({ field }) => field === 'edition') as FieldRule;
      return { own, above, below, edition: (expression as { '+': readonly [number] })['+'][0] };
    });
  const reader = (branch: string) => ({
    branch,
    get: (type: Type, id: string) => policy.read(`${type}:${id}@${branch}`, () => loadRecord(type, id, branch)),
    children: (type: Type, parent: object) => {
      const [[link, id]] = Object.entries(parent) as [[string, string]];
      return policy.read(`${type}<${link}:${id}@${branch}`, () => loadChildren(type, parent, branch));
    },
  });
  const settlements = async (branch: string): Promise<Row[]> => {
    const rows: Row[] = [];
    for await (const row of (parts.origin.settlement.all as (of: object) => AsyncIterable<Row>)(context(branch)))
      rows.push(row);
    return rows;
  };
  type Call = { readonly branch: string };
  const distance = (row: Row, { x, y }: { x: number; y: number }): number => Math.hypot(row.x - x, row.y - y);
  const change = async (): Promise<null> => {
    await policy.deleteAll();
    return null;
  };
  return {
    get: (type: Type, id: string, { branch }: Call) => reader(branch).get(type, id),
    children: (type: Type, parent: object, { branch }: Call) => reader(branch).children(type, parent),
    peek: (type: Type, id: string, { branch }: Call) => policy.peek(`${type}:${id}@${branch}`),
    view: (view: { load: (read: object, params: unknown) => Promise<unknown> }, params: object, { branch }: Call) =>
      policy.read(`view:${JSON.stringify(params)}@${branch}`, () => view.load(reader(branch), params)),
    computed: (_: Type, id: string, { branch }: Call) => computed(id, branch),
    spatial: {
      inBox: async (_: Type, { min, max }: { min: Row; max: Row }, { branch }: Call) =>
        (await settlements(branch)).filter(({ x, y }) => x >= min.x && x <= max.x && y >= min.y && y <= max.y),
      near: async (_: Type, { point, radius }: { point: Row; radius: number }, { branch }: Call) =>
        (await settlements(branch))
          .filter((row) => distance(row, point) <= radius)
          .sort((a, b) => distance(a, point) - distance(b, point) || (a.id < b.id ? -1 : 1)),
    },
    scope: ({ branch }: Call) => {
      const bound = reader(branch);
      const load = (type: Type) => ({
        load: (id: string) => bound.get(type, id),
        computed: (id: string) => computed(id, branch),
      });
      const loaders = {
        kingdom: load('kingdom'),
        guild: load('guild'),
        settlement: load('settlement'),
        structure: load('structure'),
      };
      return { ...bound, loaders };
    },
    change,
    transaction: async (run: (changes: object) => Promise<unknown>) => {
      await run({ add: () => {}, read: { get: (type: Type, id: string) => loadRecord(type, id, 'main') } });
      return { receipt: await change() };
    },
    cache: {
      get: async (key: string) => policy.peek(key),
      set: (key: string, value: unknown) => policy.set(key, value),
      del: async (key: string) => policy.set(key, undefined).then(() => true),
      delPattern: async () => {
        await policy.deleteAll();
        return { success: true, keysDeleted: 0 };
      },
      getOrLoad: (key: string, { branch }: Call, load: (read: object) => Promise<unknown>) =>
        policy.read(`${key}@${branch}`, () => load(reader(branch))),
    },
    subject: { type: nothing, rules: nothing, branch: nothing },
    on: () => () => {},
    subscribe: () => ({ [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }) }),
  };
}

const nothing = (): object => ({ key: 'none' });

const libraryOf = (policyOf: (parts: Parts) => Policy): Library =>
  ({
    createTidemark: (options: Parts) => verbs(options, policyOf(options)),
    defineView: () => (view: object) => view,
  }) as unknown as Library;

export const PEERS: Readonly<Record<string, Library>> = {
  'cache-aside, delete after write': libraryOf(cacheAside),
  'bentocache: two tiers, delete over a bus': libraryOf(tiersAndBus),
};
