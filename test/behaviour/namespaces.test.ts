import { describe, expect, test } from 'vitest';
import { memory } from '../../src/index.js';
import { fakeClock } from '../../src/testing/index.js';
import { type World, database, deafened, world } from './setup.js';

/** Tides of these namespaces over the same store, marks and bus, each with a database of its own. */
function tenants<Names extends readonly (string | undefined)[]>(...namespaces: Names) {
  const clock = fakeClock();
  const shared = memory({ clock });
  const join = (namespace: string | undefined, i: number): World => {
    const db = database();
    db.put('settlement', { id: 's0', kingdomId: 'k0', name: `s0 of tenant ${String(i)}` });
    return world({ ...shared, namespace }, { db, clock, from: 5000 * i });
  };
  const worlds = namespaces.map(join) as { [Index in keyof Names]: World };
  return { clock, shared, worlds };
}
const nameOf = async ({ tide }: World): Promise<string | undefined> => (await tide.get('settlement', 's0'))?.name;

/** Pairs that would meet if a namespace were only put beside a key, or not escaped. */
const PAIRS: [one: string | undefined, other: string | undefined][] = [
  ['north', 'south'],
  ['north', undefined],
  ['a', 'a:a'],
  ['a:b', 'b'],
  ['a*', 'ab'],
  ['main', undefined],
  ['%3A', ':'],
  ['', undefined],
];

describe.each(PAIRS)('tides of %j and %j', (one, other) => {
  test('keep values apart, in both tiers', async () => {
    const { worlds, clock } = tenants(one, other);
    for (const [i, own] of worlds.entries()) {
      expect(await nameOf(own)).toBe(`s0 of tenant ${String(i)}`);
      await own.tide.cache.set('greeting', i);
      await own.tide.get('kingdom', 'none');
    }
    await clock.advance(0);
    for (const [i, { tide }] of worlds.entries()) {
      expect(tide.peek('settlement', 's0')?.name).toBe(`s0 of tenant ${String(i)}`);
      expect(await tide.cache.get('greeting')).toBe(i);
    }
  });

  test('do not make each other stale', async () => {
    const { worlds } = tenants(one, other);
    const [left, right] = worlds;
    for (const { tide } of worlds) {
      await tide.get('settlement', 's0');
      await tide.children('settlement', { kingdom: 'k0' });
      await tide.cache.set('greeting', 'hello');
    }
    await left.rename('s0');
    await left.tide.change({ subjects: [left.tide.subject.branch('main'), left.tide.subject.type('settlement')] });
    await left.tide.cache.set('greeting', 'good day');
    expect(left.tide.peek('settlement', 's0')).toBeUndefined();
    expect(right.tide.peek('settlement', 's0')).toBeDefined();
    expect(right.tide.peekChildren('settlement', { kingdom: 'k0' })).toBeDefined();
    expect(await right.tide.cache.get('greeting')).toBe('hello');
  });

  test("do not hear each other's events", async () => {
    const { worlds, clock } = tenants(one, other);
    const heard = worlds.map(({ tide }) => {
      const items: unknown[] = [];
      void (async () => {
        for await (const item of tide.subscribe({ type: 'settlement', id: 's0' })) items.push(item);
      })();
      return items;
    });
    await clock.advance(0);
    await worlds[1].rename('s0');
    await clock.advance(5000);
    expect(heard).toMatchObject([[], [{ kind: 'change', entityId: 's0' }]]);
    for (const { tide } of worlds) await tide.close();
  });

  test("do not delete each other's keys, in both tiers", async () => {
    const { worlds, clock, shared } = tenants(one, other);
    const [left, right] = worlds;
    const twin = world({ ...shared, namespace: other }, { clock, from: 20_000 });
    await twin.tide.ready();
    for (const { tide } of worlds) {
      await tide.get('settlement', 's0');
      await tide.cache.set('greeting', 'hello');
    }
    await clock.advance(0);
    expect(await left.tide.cache.del('greeting')).toBe(true);
    expect(await left.tide.cache.delPattern('*')).toEqual({ success: true, keysDeleted: 1 });
    expect(left.tide.peek('settlement', 's0')).toBeUndefined();
    expect(right.tide.peek('settlement', 's0')).toBeDefined();
    for (const { tide } of [right, twin]) expect(await tide.cache.get('greeting')).toBe('hello');
  });
});

test('a namespace that looks like the keys of another one keeps apart too', async () => {
  const { worlds, clock, shared } = tenants('x', 'x:tm1:k:');
  const [left, right] = worlds;
  const twin = world({ ...shared, namespace: 'x:tm1:k:' }, { clock, from: 20_000 });
  await twin.tide.ready();
  await right.tide.cache.set('greeting', 'hello');
  await clock.advance(0);
  expect(await left.tide.cache.delPattern('*')).toEqual({ success: true, keysDeleted: 0 });
  expect(await twin.tide.cache.get('greeting')).toBe('hello');
});

describe('two tides of one namespace', () => {
  const twins = () => {
    const [db, clock] = [database(), fakeClock()];
    const shared = memory({ clock });
    const heard = deafened(shared.marks);
    const a = world({ ...shared, namespace: 'north' }, { db, clock });
    const b = world({ ...shared, namespace: 'north', marks: heard.marks }, { db, clock, from: 5000 });
    return { a, b, db, clock, heard };
  };

  test('share values, changes and receipts', async () => {
    const { a, b, db, clock, heard } = twins();
    await a.tide.get('settlement', 's0');
    await clock.advance(0);
    expect((await b.tide.get('settlement', 's0'))?.name).toBe('old');
    expect(db.calls).toHaveLength(1);
    heard.deafen();
    const receipt = await a.rename('s0');
    expect(b.tide.peek('settlement', 's0')?.name).toBe('old');
    expect((await b.tide.get('settlement', 's0', { after: String(receipt) }))?.name).toBe('new');
    heard.listen();
    expect(b.tide.peek('settlement', 's0')).toBeUndefined();
  });

  test('hear the same events', async () => {
    const { a, b } = twins();
    const items = b.tide.subscribe({ type: 'settlement', id: 's0' });
    await a.rename('s0');
    expect((await items.next()).value).toMatchObject({ kind: 'change', entityId: 's0' });
  });

  test("hear each other's deletions, by key and by pattern, of values under way too", async () => {
    const { a, b, db, clock } = twins();
    const fill = async (): Promise<void> => {
      await b.tide.get('settlement', 's0');
      await b.tide.get('kingdom', 'k0');
      await b.tide.cache.set('greeting', 'hello');
    };
    await fill();
    await a.tide.cache.delPattern('settlement:*');
    expect(b.tide.peek('settlement', 's0')).toBeUndefined();
    expect(b.tide.peek('kingdom', 'k0')).toBeDefined();
    await a.tide.cache.del('greeting');
    expect(await b.tide.cache.get('greeting')).toBeUndefined();
    await fill();
    await a.tide.cache.delPattern('*');
    expect([b.tide.peek('kingdom', 'k0'), await b.tide.cache.get('greeting')]).toEqual([undefined, undefined]);
    const release = db.hold('settlement');
    const reading = b.tide.get('settlement', 's1');
    await clock.advance(0);
    await a.tide.cache.delPattern('settlement:s1:*');
    release();
    await reading;
    expect(b.tide.peek('settlement', 's1')).toBeUndefined();
    expect(b.seen.doomed).toHaveLength(1);
  });

  test('do not take from tier 2 what the other deleted by pattern', async () => {
    const { a, b, db, clock } = twins();
    await a.tide.get('settlement', 's0');
    await clock.advance(0);
    await b.tide.cache.delPattern('settlement:*');
    const calls = db.calls.length;
    await b.tide.get('settlement', 's0');
    expect(db.calls).toHaveLength(calls + 1);
  });
});
