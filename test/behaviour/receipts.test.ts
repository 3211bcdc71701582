import { describe, expect, test } from 'vitest';
import { createReceipt, marksOf } from '../../src/cache/receipt.js';
import type { Bump } from '../../src/contract.js';
import { type Receipt, defineView, memory } from '../../src/index.js';
import { type World, type WorldOptions, database, deafened, model, world } from './setup.js';
import { fakeClock } from '../../src/testing/index.js';

const nameOf = defineView(model)({
  name: 'nameOf',
  load: async (read, { id }: { id: string }) => (await read.get('settlement', id))?.name,
});

/** Replica `a` has renamed s0; `b` holds the old row, list and view, and has not heard of it. */
async function lagging(options: WorldOptions = {}) {
  const [db, clock] = [database(), fakeClock()];
  const shared = memory({ clock });
  const heard = deafened(shared.marks);
  const a = world({ ...shared, store: undefined, ...options }, { db, clock });
  const b = world({ ...shared, store: undefined, ...options, marks: heard.marks }, { db, clock, from: 5000 });
  await readAll(b.tide);
  heard.deafen();
  const receipt = await a.rename('s0');
  return { a, b, db, clock, heard, receipt };
}
async function readAll(reader: Pick<World['tide'], 'get' | 'children' | 'view'>): Promise<unknown[]> {
  return [
    (await reader.get('settlement', 's0'))?.name,
    (await reader.children('settlement', { kingdom: 'k0' }))[0]?.name,
    await reader.view(nameOf, { id: 's0' }),
  ];
}

describe('a read after a receipt', () => {
  test('is at least as new as the change, where another is not', async () => {
    const { b, receipt } = await lagging();
    expect(await readAll(b.tide)).toEqual(['old', 'old', 'old']);
    expect(await readAll(b.tide.scope({ after: receipt }))).toEqual(['new', 'new', 'new']);
  });

  test('may say so per call, to getOrLoad() too', async () => {
    const { b, receipt } = await lagging();
    const { tide } = b;
    const after = { after: String(receipt) };
    expect((await tide.get('settlement', 's0', after))?.name).toBe('new');
    expect((await tide.getMany('settlement', ['s0'], after))[0]?.name).toBe('new');
    expect((await tide.children('settlement', { kingdom: 'k0' }, after))[0]?.name).toBe('new');
    expect(await tide.view(nameOf, { id: 's0' }, after)).toBe('new');
    expect(await tide.cache.getOrLoad('n', after, async (read) => (await read.get('settlement', 's0'))?.name)).toBe(
      'new',
    );
  });

  test('asks the origin as long as the marks have not been heard, then tier 1', async () => {
    const { b, db, heard, receipt } = await lagging();
    const scope = b.tide.scope({ after: receipt });
    const calls = async (): Promise<number> => {
      const before = db.calls.length;
      expect((await scope.get('settlement', 's0'))?.name).toBe('new');
      return db.calls.length - before;
    };
    expect([await calls(), await calls()]).toEqual([1, 1]);
    expect(scope.peek('settlement', 's0')).toBeUndefined();
    heard.listen();
    await calls();
    expect([await calls(), await calls()]).toEqual([0, 0]);
    expect(scope.peek('settlement', 's0')?.name).toBe('new');
  });

  test('takes from tier 1 at once what has been heard', async () => {
    const { a, db } = await lagging();
    const receipt = await a.rename('s1');
    await a.tide.get('settlement', 's1');
    const calls = db.calls.length;
    expect((await a.tide.scope({ after: receipt }).get('settlement', 's1'))?.name).toBe('new');
    expect(db.calls).toHaveLength(calls);
  });

  test('does not join a load that began before', async () => {
    const [db, clock] = [database(), fakeClock()];
    const shared = memory({ clock });
    const heard = deafened(shared.marks);
    const a = world({ ...shared }, { db, clock });
    const b = world({ ...shared, marks: heard.marks }, { db, clock, from: 5000 });
    const release = db.hold('settlement');
    const early = b.tide.get('settlement', 's0');
    await clock.advance(0);
    heard.deafen();
    const receipt = await a.rename('s0');
    const [joined, late] = [b.tide.get('settlement', 's0'), b.tide.get('settlement', 's0', { after: receipt })];
    await clock.advance(0);
    release();
    expect([(await early)?.name, (await joined)?.name, (await late)?.name]).toEqual(['old', 'old', 'new']);
  });

  test('does not take from tier 2 what may be older', async () => {
    const [db, clock] = [database(), fakeClock()];
    const shared = memory({ clock });
    const heard = deafened(shared.marks);
    const a = world({ ...shared }, { db, clock });
    // Fetched together with its marks, an entry would show the change by itself.
    const marks = { ...heard.marks, fetchFrom: () => null };
    const b = world({ ...shared, marks, maxEntries: 1 }, { db, clock, from: 5000 });
    await b.tide.get('settlement', 's0');
    await b.tide.get('kingdom', 'k0');
    await clock.advance(0);
    heard.deafen();
    const receipt = await a.rename('s0');
    expect((await b.tide.get('settlement', 's0'))?.name).toBe('old');
    expect((await b.tide.get('settlement', 's0', { after: receipt }))?.name).toBe('new');
  });

  test('of another epoch goes to the origin every time, and harms nobody else', async () => {
    const { a, db } = await lagging();
    const foreign = await world().rename('s0');
    await a.tide.get('settlement', 's0');
    const scope = a.tide.scope({ after: foreign });
    for (let calls = db.calls.length, i = 1; i <= 3; i++) {
      expect((await scope.get('settlement', 's0'))?.name).toBe('new');
      expect(db.calls).toHaveLength(calls + i);
    }
    expect(a.tide.peek('settlement', 's0')?.name).toBe('new');
  });

  test('of a partition that there is not goes to the origin too', async () => {
    const { a, db, receipt } = await lagging();
    const [epoch] = Object.values(receipt.marks).map((mark) => mark.epoch);
    await a.tide.get('settlement', 's0');
    const calls = db.calls.length;
    const after = `1.someone.70000.${String(epoch)}.1`;
    expect((await a.tide.get('settlement', 's0', { after }))?.name).toBe('new');
    expect(db.calls).toHaveLength(calls + 1);
  });
});

describe("a receipt's text", () => {
  test('fits a header, a cookie, JSON and a URL as it is', async () => {
    const { tide } = world({ marks: memory({ partitions: 8 }).marks });
    const receipt = await tide.change({
      subjects: [tide.subject.entity('settlement', 's;, "\n% ü'), tide.subject.type('kingdom')],
    });
    expect(Object.keys(receipt.marks).length).toBeGreaterThan(2);
    const text = String(receipt);
    expect(text).toMatch(/^[\w.-]+$/);
    expect(encodeURIComponent(text)).toBe(text);
    expect(JSON.stringify(text)).toBe(`"${text}"`);
    expect(new Headers({ 'x-after': text }).get('x-after')).toBe(text);
  });

  test('says of every partition what the receipt says: one position less is not enough', async () => {
    const { db, clock } = world();
    const shared = memory({ partitions: 8 });
    const heard = deafened(shared.marks);
    const b = world({ ...shared, marks: heard.marks }, { db, clock });
    const a = world({ ...shared }, { db, clock, from: 5000 });
    await b.tide.get('settlement', 's0');
    const first = await a.rename('s0', 'heard');
    await b.tide.get('settlement', 's0');
    heard.deafen();
    const second = await a.rename('s0', 'unheard');
    const calls = async (after: Receipt | string): Promise<number> => {
      const before = db.calls.length;
      await b.tide.get('settlement', 's0', { after });
      return db.calls.length - before;
    };
    for (const text of [(receipt: Receipt) => receipt, String]) {
      expect([await calls(text(first)), await calls(text(second))]).toEqual([0, 1]);
    }
    // One partition of the second is enough for it not to be reached.
    for (const [partition, { epoch, position }] of Object.entries(second.marks)) {
      expect(await calls(`1.${second.changeId}.${partition}.${epoch}.${String(position)}`)).toBe(1);
      expect(await calls(`1.${second.changeId}.${partition}.${epoch}.${String(position - 1)}`)).toBe(0);
    }
  });

  test('may come back as JSON of the whole receipt', async () => {
    const { b, receipt } = await lagging();
    const after = JSON.parse(JSON.stringify(receipt)) as Receipt;
    expect((await b.tide.get('settlement', 's0', { after }))?.name).toBe('new');
  });

  test('carries an epoch of any characters, as an adapter may have them', () => {
    for (const epoch of ['0123abcdef', '0123.456', 'a_b', '_2e_', '__', 'ü \n\ud800', '-']) {
      const bumps = [0, 1].map((partition) => ({ partition, epoch, position: 7 }) as Bump);
      const text = String(createReceipt('change', bumps));
      expect(text).toMatch(/^[\w.-]+$/);
      expect(marksOf(text)).toEqual({ 0: { epoch, position: 7 }, 1: { epoch, position: 7 } });
    }
  });

  const MALFORMED = [
    '',
    ' ',
    '1',
    '1.',
    'nonsense',
    '2.change.0.epoch.1',
    '1.change.0',
    '1.change.0.epoch',
    '1.change.0.epoch.',
    '1.change.0.epoch.x',
    '1.change.0.epoch.-1',
    '1.change.0.epoch.1e3',
    '1.change.0.epoch.1.1',
    '1.change.-1.epoch.1',
    '1.change.__proto__.epoch.1',
    '1.change.0.ep och.1',
    '1.change.0..1',
    `1.change.0.epoch.${'9'.repeat(16)}`,
    '[object Object]',
  ];
  test.each(MALFORMED)('is refused if it is %j', async (after) => {
    const { tide, db } = world();
    const refused = expect.objectContaining({ code: 'INVALID_RECEIPT' }) as Error;
    expect(() => tide.scope({ after })).toThrow(refused);
    await expect(tide.get('settlement', 's0', { after })).rejects.toThrow(refused);
    await expect(tide.cache.getOrLoad('n', { after }, () => 1)).rejects.toThrow(refused);
    expect(db.calls).toEqual([]);
  });

  test.each([null, 7, {}, { marks: null }, { marks: { 0: null } }])('%o instead of it is refused', (after) => {
    const { tide } = world();
    expect(() => tide.scope({ after: after as never })).toThrow(
      expect.objectContaining({ code: 'INVALID_RECEIPT' }) as Error,
    );
  });
});

test('no change at all has a receipt that every read has reached', async () => {
  const { tide, db, seen } = world();
  await tide.get('settlement', 's0');
  const receipt = await tide.change([]);
  expect(receipt).toMatchObject({ state: 'done', marks: {} });
  expect(seen.change).toEqual([]);
  await tide.get('settlement', 's0', { after: String(receipt) });
  expect(db.calls).toHaveLength(1);
});

test('a receipt is frozen, done, and names its change', async () => {
  const { rename, seen } = world();
  const receipt = await rename('s0');
  expect([Object.isFrozen(receipt), Object.isFrozen(receipt.marks), receipt.state]).toEqual([true, true, 'done']);
  expect(seen.change).toMatchObject([{ changeId: receipt.changeId }]);
});
