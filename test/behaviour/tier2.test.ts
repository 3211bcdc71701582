import { describe, expect, test } from 'vitest';
import { type Store, defineView, memory } from '../../src/index.js';
import { type Settlement, type World, model, replicas, world } from './setup.js';

const names = defineView(model)({
  name: 'names',
  load: async (read, { kingdom }: { kingdom: string }) =>
    (await read.children('settlement', { kingdom })).map(({ name }) => name),
});
const ids = ['s0', 's1', 's2', 's3'];

/** A store that says how often it was asked, and for how many keys. */
function counted(store: Store): { store: Store; calls: [name: string, keys: number][] } {
  const calls: [string, number][] = [];
  return {
    calls,
    store: {
      ...store,
      getMany: (keys) => {
        calls.push(['getMany', keys.length]);
        return store.getMany(keys);
      },
      setMany: (entries) => {
        calls.push(['setMany', entries.length]);
        return store.setMany(entries);
      },
    },
  };
}
/** Everything that is stored. */
async function storedIn(store: Store): Promise<{ key: string; value: Uint8Array }[]> {
  const keys: string[] = [];
  for await (const page of store.scan('*')) keys.push(...page);
  const values = await store.getMany(keys);
  return keys.flatMap((key, i) => (values[i] === undefined ? [] : [{ key, value: values[i].value }]));
}
const readAll = async ({ tide }: World): Promise<unknown[]> => [
  await tide.get('settlement', 's0'),
  await tide.get('settlement', 'none'),
  await tide.children('settlement', { kingdom: 'k0' }),
  await tide.view(names, { kingdom: 'k0' }),
  await tide.cache.getOrLoad('n', async (read) => (await read.get('settlement', 's1'))?.name),
];

describe('another replica', () => {
  test('finds every kind of value there, "there is none" too, without the origin, and keeps it in tier 1', async () => {
    const { a, b, db, clock } = replicas();
    const first = await readAll(a);
    await clock.advance(0);
    const calls = db.calls.length;
    expect(await readAll(b)).toEqual(first);
    expect(db.calls).toHaveLength(calls);
    expect(b.tide.peek('settlement', 's0')).toEqual(first[0]);
    expect(b.tide.peek('settlement', 'none')).toBeNull();
    expect(b.tide.peekView(names, { kingdom: 'k0' })).toEqual(['old', 'old']);
    // The fifth is found before the load that would read s1.
    expect(b.tide.stats()).toMatchObject({ tier2Hits: 5, hits: 5 + 3, misses: 0, loads: 0 });
  });

  test('finds Dates, Maps, Sets and the like as they were, frozen', async () => {
    const { a, b, db, clock } = replicas();
    const extra = {
      at: new Date(5),
      map: new Map([['k', new Date(6)]]),
      set: new Set([1n]),
      none: undefined,
      list: [[]],
    };
    const row: Settlement = { id: 's0', kingdomId: 'k0', name: 'old', extra };
    db.put('settlement', row);
    await a.tide.get('settlement', 's0');
    await clock.advance(0);
    const found = await b.tide.get('settlement', 's0');
    expect(found).toEqual(row);
    expect(db.calls).toHaveLength(1);
    const copy = found?.extra as typeof extra;
    expect([copy.at, copy.map.get('k')]).toEqual([new Date(5), new Date(6)]);
    expect([Object.isFrozen(found), Object.isFrozen(copy.list[0]), 'none' in copy]).toEqual([true, true, true]);
  });

  test('finds nothing that has changed since, wherever it was changed', async () => {
    const { a, b, db, clock } = replicas();
    await readAll(a);
    await clock.advance(0);
    await b.rename('s0');
    await b.tide.change({
      type: 'settlement',
      id: 'none',
      op: 'create',
      after: { id: 'none', kingdomId: 'k1', name: 'x' },
    });
    db.put('settlement', { id: 'none', kingdomId: 'k1', name: 'x' });
    expect(await readAll(b)).toMatchObject([
      { name: 'new' },
      { name: 'x' },
      [{ name: 'new' }, {}],
      ['new', 'old'],
      'old',
    ]);
  });

  test('goes on with the rest of its life, grace included', async () => {
    const { a, b, db, clock, shared } = replicas({ ttlMs: 1000, graceMs: 500 });
    await a.tide.get('settlement', 's0');
    await clock.advance(600);
    await b.tide.get('settlement', 's0');
    await clock.advance(399);
    expect(b.tide.peek('settlement', 's0')).toBeDefined();
    await clock.advance(1);
    expect(b.tide.peek('settlement', 's0')).toBeUndefined();
    expect(db.calls).toHaveLength(1);
    // What is left of it is grace, which is no find for a third one.
    const c = world({ ...shared, ttlMs: 1000, graceMs: 500 }, { db, clock });
    await c.tide.get('settlement', 's0');
    expect(db.calls).toHaveLength(2);
  });

  test('finds what is set by key, the last of two; and what is deleted no more', async () => {
    const { a, b } = replicas();
    await b.tide.ready();
    await a.tide.cache.set('n', 'from a');
    expect(await b.tide.cache.get('n')).toBe('from a');
    await b.tide.cache.set('n', 'from b');
    expect(await a.tide.cache.get('n')).toBe('from b');
    await a.tide.cache.set('n', null);
    expect(await b.tide.cache.get('n')).toBeNull();
    expect(await b.tide.cache.del('n')).toBe(true);
    expect(await a.tide.cache.get('n')).toBeUndefined();
  });

  test('says of a key that is nowhere that there was nothing to delete', async () => {
    expect(await replicas().a.tide.cache.del('nowhere')).toBe(false);
  });

  test('that starts later finds what was stored before, whatever else has changed since', async () => {
    const { a, db, clock, shared } = replicas();
    await a.tide.get('settlement', 's0');
    await a.tide.cache.set('n', 1);
    await clock.advance(0);
    await a.rename('s1');
    const late = world({ ...shared }, { db, clock, from: 10_000 });
    expect(await late.tide.cache.get('n')).toBe(1);
    await late.tide.get('settlement', 's0');
    expect(db.calls).toHaveLength(1);
  });

  test('that starts later does not find what was deleted by pattern', async () => {
    const { a, db, clock, shared } = replicas();
    await a.tide.get('settlement', 's0');
    await clock.advance(0);
    const lost = await storedIn(shared.store);
    await a.tide.cache.delPattern('settlement:*');
    await shared.store.setMany(lost); // a fill that was on its way when the scan came by
    const late = world({ ...shared }, { db, clock, from: 10_000 });
    await late.tide.get('settlement', 's0');
    expect(db.calls).toHaveLength(2);
  });
});

describe('round trips', () => {
  test('per batch: one read, another beside the leases, one write', async () => {
    const shared = memory();
    const { store, calls } = counted(shared.store);
    const own = world({ ...shared, store });
    await own.tide.getMany('settlement', ids);
    await own.clock.advance(0);
    expect(calls).toEqual([
      ['getMany', 4],
      ['getMany', 4],
      ['setMany', 4],
    ]);
    await own.tide.getMany('settlement', [...ids, 'none']);
    await own.clock.advance(0);
    expect(calls.slice(3)).toEqual([
      ['getMany', 1],
      ['getMany', 1],
      ['setMany', 1],
    ]);
  });

  test('none for a hit in tier 1, none for a change', async () => {
    const shared = memory();
    const { store, calls } = counted(shared.store);
    const own = world({ ...shared, store });
    await own.tide.get('settlement', 's0');
    await own.clock.advance(0);
    calls.length = 0;
    await own.tide.get('settlement', 's0');
    own.tide.peek('settlement', 's0');
    await own.rename('s0');
    expect(calls).toEqual([]);
  });
});

test('a fill is announced to nobody: it bumps no mark and is no event', async () => {
  const { a, b, clock, shared } = replicas();
  const heads = await shared.marks.heads();
  let heard = 0;
  void (async () => {
    for await (const _ of b.tide.subscribe({ type: 'settlement' })) heard++;
  })();
  await readAll(a);
  await readAll(b);
  await clock.advance(5000);
  expect(await shared.marks.heads()).toEqual(heads);
  expect([heard, a.seen.change, b.seen.change]).toEqual([0, [], []]);
});
