import { describe, expect, test } from 'vitest';
import { defineView } from '../../src/index.js';
import { type WorldOptions, deafened, model, replicas, world } from './setup.js';

const names = defineView(model)({
  name: 'names',
  load: async (read, { kingdom }: { kingdom: string }) =>
    (await read.children('settlement', { kingdom })).map(({ name }) => name),
});

/** Tier 1 holds one value only: what is not asked again, the scope remembers. */
const TINY: WorldOptions = { maxEntries: 1 };

test('one origin call per id and request, even if tier 1 forgets at once', async () => {
  const { db, tide } = world(TINY);
  const readAll = async (reader: Pick<typeof tide, 'get' | 'children'>): Promise<void> => {
    for (let round = 0; round < 3; round++) {
      for (const id of ['s0', 's1', 's2']) {
        expect((await reader.get('settlement', id))?.id).toBe(id);
        expect(await reader.children('structure', { settlement: id })).toHaveLength(2);
      }
    }
  };
  await readAll(tide.scope());
  expect([db.countOf('settlement'), db.countOf('structure')]).toEqual([3, 3]);
  await readAll(tide);
  expect([db.countOf('settlement'), db.countOf('structure')]).toEqual([12, 12]);
});

test('all ways of a scope share what it remembers', async () => {
  const { db, tide } = world(TINY);
  const scope = tide.scope();
  const row = await scope.get('settlement', 's0');
  await scope.get('kingdom', 'k0');
  expect(await scope.loaders.settlement.load('s0')).toBe(row);
  expect(await scope.getMany('settlement', ['s0'])).toEqual([row]);
  const list = await scope.loaders.structure.of({ settlement: 's0' });
  await scope.get('kingdom', 'k0');
  expect(await scope.children('structure', { settlement: 's0' })).toBe(list);
  const view = await scope.view(names, { kingdom: 'k0' });
  await scope.get('kingdom', 'k0');
  expect(await scope.view(names, { kingdom: 'k0' })).toBe(view);
  expect(db.calls.map(({ type, kind }) => `${type}.${kind}`)).toEqual([
    'settlement.byIds',
    'kingdom.byIds',
    'structure.childrenOf',
    'settlement.childrenOf',
  ]);
});

test('two scopes remember apart', async () => {
  const { tide, settlementCalls } = world(TINY);
  const [one, two] = [tide.scope(), tide.scope()];
  await one.get('settlement', 's0');
  await one.get('settlement', 's1');
  await two.get('settlement', 's0');
  expect(settlementCalls()).toBe(3);
});

describe('what a scope remembers', () => {
  test('obeys its own changes, and leaves the rest', async () => {
    const { db, tide, settlementCalls } = world(TINY);
    const scope = tide.scope();
    await scope.getMany('settlement', ['s0', 's1']);
    await scope.view(names, { kingdom: 'k0' });
    const before = { id: 's0', kingdomId: 'k0', name: 'old' };
    const after = { ...before, name: 'new' };
    db.put('settlement', after);
    await scope.change({ type: 'settlement', id: 's0', op: 'update', before, after });
    expect((await scope.get('settlement', 's0'))?.name).toBe('new');
    expect(await scope.view(names, { kingdom: 'k0' })).toEqual(['new', 'old']);
    await scope.get('settlement', 's1');
    expect(settlementCalls()).toBe(2);
  });

  test.each([{}, TINY])("obeys another replica's changes, with %o", async (options) => {
    const { a, b } = replicas({ ...options, store: undefined });
    const scope = b.tide.scope();
    expect(await scope.view(names, { kingdom: 'k0' })).toEqual(['old', 'old']);
    expect((await scope.get('settlement', 's0'))?.name).toBe('old');
    await scope.get('settlement', 's1');
    await a.rename('s0');
    expect((await scope.get('settlement', 's0'))?.name).toBe('new');
    expect(await scope.view(names, { kingdom: 'k0' })).toEqual(['new', 'old']);
  });

  test('obeys bulk changes and deleted patterns', async () => {
    const { db, tide } = world(TINY);
    const scope = tide.scope();
    const read = (): Promise<unknown> => scope.get('settlement', 's0');
    const calls = async (): Promise<number> => {
      await scope.get('kingdom', 'k0');
      await read();
      return db.countOf('settlement');
    };
    expect([await calls(), await calls()]).toEqual([1, 1]);
    await tide.change({ subjects: [tide.subject.type('settlement')] });
    expect([await calls(), await calls()]).toEqual([2, 2]);
    await tide.cache.delPattern('settlement:s0:*');
    expect([await calls(), await calls()]).toEqual([3, 3]);
  });

  test('expires as it would in tier 1', async () => {
    const { tide, clock, settlementCalls } = world({ ...TINY, ttlMs: 1000 });
    const scope = tide.scope();
    const read = async (): Promise<void> => {
      await scope.get('settlement', 's0');
      await tide.get('kingdom', 'k0');
    };
    await read();
    await clock.advance(999);
    await read();
    expect(settlementCalls()).toBe(1);
    await clock.advance(1);
    await read();
    expect(settlementCalls()).toBe(2);
  });

  test('is no failure', async () => {
    const { db, tide } = world();
    const scope = tide.scope();
    db.failNext('settlement', new Error('down'));
    await expect(scope.get('settlement', 's0')).rejects.toMatchObject({ code: 'ORIGIN_FAILED' });
    expect(await scope.get('settlement', 's0')).toMatchObject({ id: 's0' });
  });

  test('is not older than an event that this replica was told of, though the marks say nothing yet', async () => {
    const { shared, db, clock, a } = replicas();
    const heard = deafened(shared.marks);
    const b = world({ ...shared, marks: heard.marks }, { db, clock, from: 9000 });
    const items = b.tide.subscribe({ type: 'settlement', id: 's0' });
    const scope = b.tide.scope();
    await scope.get('settlement', 's0');
    await clock.advance(0);
    heard.deafen();
    await a.rename('s0');
    expect((await items.next()).value).toMatchObject({ kind: 'change', entityId: 's0' });
    expect(await scope.get('settlement', 's0')).toMatchObject({ name: 'new' });
    await items.return?.();
  });

  test('is nothing of a load that a change overtook', async () => {
    const { db, tide, clock, rename } = world(TINY);
    const scope = tide.scope();
    const release = db.hold('settlement');
    const first = scope.get('settlement', 's0');
    await clock.advance(0);
    await rename('s0');
    const second = scope.get('settlement', 's0');
    release();
    expect([(await first)?.name, (await second)?.name]).toEqual(['old', 'new']);
    expect((await scope.get('settlement', 's0'))?.name).toBe('new');
  });
});

test('peek() in a scope is tier 1, as the scope asks', async () => {
  const { tide, rename, settlementCalls } = world();
  const scope = tide.scope();
  expect(scope.peek('settlement', 's0')).toBeUndefined();
  const row = await scope.get('settlement', 's0');
  const list = await scope.children('settlement', { kingdom: 'k0' });
  const view = await scope.view(names, { kingdom: 'k0' });
  expect(scope.peek('settlement', 's0')).toBe(row);
  expect(scope.peekChildren('settlement', { kingdom: 'k0' })).toBe(list);
  expect(scope.peekView(names, { kingdom: 'k0' })).toBe(view);
  await rename('s0');
  expect(scope.peek('settlement', 's0')).toBeUndefined();
  expect(scope.peekChildren('settlement', { kingdom: 'k0' })).toBeUndefined();
  expect(scope.peekView(names, { kingdom: 'k0' })).toBeUndefined();
  expect(settlementCalls()).toBe(1);
});

test('a scope says what it was made with', () => {
  const { tide } = world();
  const { signal } = new AbortController();
  const principal = { name: 'ann' };
  const scope = tide.scope({ principal, signal });
  expect([scope.principal, scope.signal, scope.branch]).toEqual([principal, signal, 'main']);
});
