import { expect, test } from 'vitest';
import { defineView } from '../../src/index.js';
import { type World, type WorldOptions, kingdomOf, model, world } from './setup.js';

const LIVES = { ttlMs: 1000, graceMs: 5000 };

/** A world whose s0 was read as 'old', has expired, and has been renamed without a word. */
async function expired(options: WorldOptions = {}): Promise<World & { name(): Promise<string | undefined> }> {
  const own = world({ ...LIVES, ...options });
  await own.tide.get('settlement', 's0');
  await own.clock.advance(1000);
  own.db.put('settlement', { id: 's0', kingdomId: 'k0', name: 'unannounced' });
  return { ...own, name: async () => (await own.tide.get('settlement', 's0'))?.name };
}

test('without grace, a read of an expired value waits for the origin', async () => {
  const { name, settlementCalls } = await expired({ graceMs: undefined });
  expect(await name()).toBe('unannounced');
  expect(settlementCalls()).toBe(2);
});

test('the expired value serves everybody while exactly one refresh runs', async () => {
  const { db, tide, clock, name, settlementCalls } = await expired();
  const release = db.hold('settlement');
  for (let turn = 0; turn < 3; turn++) {
    const scope = tide.scope();
    const reads = [name(), name(), scope.get('settlement', 's0').then((row) => row?.name)];
    expect(await Promise.all(reads)).toEqual(['old', 'old', 'old']);
    await clock.advance(100);
  }
  expect(settlementCalls()).toBe(2);
  release();
  await clock.advance(0);
  expect(await name()).toBe('unannounced');
  expect(settlementCalls()).toBe(2);
});

test('what the refresh brought lives a life of its own', async () => {
  const { tide, clock, name } = await expired();
  await name();
  await clock.advance(999);
  expect(tide.peek('settlement', 's0')?.name).toBe('unannounced');
  await clock.advance(1);
  expect(tide.peek('settlement', 's0')).toBeUndefined();
});

test('peek() gives nothing that has expired, and refreshes nothing', async () => {
  const { tide, clock, settlementCalls } = await expired();
  expect(tide.peek('settlement', 's0')).toBeUndefined();
  await clock.advance(0);
  expect(settlementCalls()).toBe(1);
});

test('grace ends: after it a read waits for the origin', async () => {
  const { clock, name } = await expired();
  await clock.advance(4999);
  const lastChance = name();
  await clock.advance(0);
  expect(await lastChance).toBe('old');
  const late = await expired();
  await late.clock.advance(5000);
  expect(await late.name()).toBe('unannounced');
});

test('a refresh that fails is an event, and the next one waits a second; the value goes on serving', async () => {
  const { db, clock, seen, name, settlementCalls } = await expired();
  db.failNext('settlement', new Error('down'));
  expect(await name()).toBe('old');
  await clock.advance(0);
  expect(seen.error).toMatchObject([{ where: 'refresh of settlement:s0:main', error: { code: 'ORIGIN_FAILED' } }]);
  for (const passed of [333, 333, 333]) {
    expect(await name()).toBe('old');
    await clock.advance(passed);
  }
  expect(await name()).toBe('old');
  expect(settlementCalls()).toBe(2);
  await clock.advance(1);
  expect(await name()).toBe('old');
  await clock.advance(0);
  expect(settlementCalls()).toBe(3);
  expect(await name()).toBe('unannounced');
});

test('the pause begins when the refresh failed, not when it began', async () => {
  const { db, clock, name, settlementCalls } = await expired({ graceMs: 60_000, originTimeoutMs: 3000 });
  db.hold('settlement');
  expect(await name()).toBe('old');
  await clock.advance(3000);
  expect(settlementCalls()).toBe(2);
  expect(await name()).toBe('old');
  await clock.advance(999);
  expect(settlementCalls()).toBe(2);
});

test('a changed value is never served in grace, not even while the origin is down', async () => {
  const { db, name, rename } = await expired();
  await rename('s0');
  db.failNext('settlement', new Error('down'));
  await expect(name()).rejects.toMatchObject({ code: 'ORIGIN_FAILED' });
  expect(await name()).toBe('new');
});

test('a change while the refresh runs dooms it, and ends grace', async () => {
  const { db, tide, clock, seen, name, rename, settlementCalls } = await expired();
  const release = db.hold('settlement');
  expect(await name()).toBe('old');
  await clock.advance(0);
  await rename('s0');
  const reading = name();
  release();
  expect(await reading).toBe('new');
  await clock.advance(0);
  expect(tide.peek('settlement', 's0')?.name).toBe('new');
  expect(seen.doomed).toMatchObject([{ kind: 'record', type: 'settlement', branch: 'main' }]);
  expect(settlementCalls()).toBe(3);
});

test('the refresh takes new marks: those of the kingdom under which it finds the row', async () => {
  const { db, tide, clock, name } = await expired();
  db.put('settlement', { id: 's0', kingdomId: 'k1', name: 'moved' });
  await name();
  await clock.advance(0);
  expect(tide.peek('settlement', 's0')?.kingdomId).toBe('k1');
  await tide.change({ type: 'kingdom', id: kingdomOf('s0'), op: 'delete' });
  expect(tide.peek('settlement', 's0')).toBeDefined();
  await tide.change({ type: 'kingdom', id: 'k1', op: 'delete' });
  expect(tide.peek('settlement', 's0')).toBeUndefined();
});

test('lists, views, keys and "there is none" have grace too', async () => {
  const own = world({ ...LIVES, absentTtlMs: 1000 });
  const { tide, clock, db } = own;
  let loads = 0;
  const count = defineView(model)({ name: 'count', load: () => ++loads });
  const read = async (): Promise<unknown[]> => [
    (await tide.children('settlement', { kingdom: 'k0' })).length,
    await tide.view(count, {}),
    await tide.cache.getOrLoad('n', () => ++loads),
    await tide.get('settlement', 's8'),
  ];
  const first = await read();
  await clock.advance(1000);
  const born = { id: 's8', kingdomId: 'k0', name: 'born' };
  db.put('settlement', born);
  expect(await read()).toEqual(first);
  await clock.advance(0);
  expect(await read()).toEqual([3, 3, 4, born]);
});

test('a nested read of a value in grace gives its own load the old marks: the load is stale with it', async () => {
  const { tide, clock, rename, seen } = await expired();
  const name = defineView(model)({
    name: 'name of s0',
    load: async (read) => (await read.get('settlement', 's0'))?.name,
  });
  expect(await tide.view(name, {})).toBe('old');
  await clock.advance(0);
  await rename('s0');
  expect(tide.peekView(name, {})).toBeUndefined();
  expect(await tide.view(name, {})).toBe('new');
  expect(seen.error).toEqual([]);
});
