import { describe, expect, test } from 'vitest';
import { defineView } from '../../src/index.js';
import { branchedWorld, kingdomOf, model, world } from './setup.js';

const names = defineView(model)({
  name: 'names',
  load: async (read, { kingdom }: { kingdom: string }) =>
    (await read.children('settlement', { kingdom })).map(({ name }) => name),
});
const row = (id: string, name: string) => ({ id, kingdomId: kingdomOf(id), name });
const update = (id: string) => ({ type: 'settlement', id, op: 'update', after: row(id, 'new') }) as const;

describe('what is added', () => {
  test('is applied and announced once the callback has resolved, and not before', async () => {
    const { tide, db, clock, seen } = world();
    await tide.get('settlement', 's0');
    const items = tide.subscribe({ type: 'settlement', id: 's0' });
    const first = items.next();
    let heard = false;
    void first.then(() => (heard = true));
    const { value, receipt } = await tide.transaction(async (changes) => {
      db.put('settlement', row('s0', 'new'));
      await changes.add({ ...update('s0'), before: row('s0', 'old') });
      await clock.advance(100);
      expect([tide.peek('settlement', 's0')?.name, heard, seen.change]).toEqual(['old', false, []]);
      return 42;
    });
    expect([value, tide.peek('settlement', 's0')]).toEqual([42, undefined]);
    expect((await first).value).toMatchObject({ kind: 'change', entityId: 's0', changeId: receipt.changeId });
    expect((await tide.get('settlement', 's0'))?.name).toBe('new');
  });

  test('is dropped if the callback throws, later or at once: nothing goes stale, nobody is told', async () => {
    const { tide, clock, seen } = world();
    await tide.get('settlement', 's0');
    const items = tide.subscribe({ type: 'settlement', id: 's0' });
    let heard = false;
    void items.next().then(() => (heard = true));
    const reason = new Error('rolled back');
    const later = tide.transaction(async (changes) => {
      await changes.add(update('s0'));
      await clock.advance(100);
      throw reason;
    });
    await expect(later).rejects.toBe(reason);
    const atOnce = tide.transaction((changes) => {
      void changes.add(update('s0'));
      throw reason;
    });
    await expect(atOnce).rejects.toBe(reason);
    await clock.advance(100);
    expect([seen.change, heard, tide.peek('settlement', 's0')?.name]).toEqual([[], false, 'old']);
    expect(tide.stats().changes).toBe(0);
  });

  test('several changes are one receipt and one change id, told in their order', async () => {
    const { tide, seen } = world();
    await tide.getMany('settlement', ['s0', 's1', 's2']);
    const items = tide.subscribe({ type: 'settlement' });
    const { receipt } = await tide.transaction(async (changes) => {
      await changes.add(update('s0'));
      await changes.add({ subjects: [tide.subject.entity('settlement', 's1')] });
      await changes.add({ type: 'kingdom', id: 'k0', op: 'update' });
    });
    expect(seen.change.map(({ changeId }) => changeId)).toEqual([receipt.changeId]);
    expect(['s0', 's1', 's2'].map((id) => tide.peek('settlement', id) === undefined)).toEqual([true, true, false]);
    const told = [await items.next(), await items.next()].map(({ value }) => value as unknown);
    expect(told).toMatchObject([
      { op: 'update', entityId: 's0', changeId: receipt.changeId },
      { op: 'bulk', entityId: null, changeId: receipt.changeId },
    ]);
    expect(tide.stats().changes).toBe(3);
  });

  test('nothing is a receipt of nothing', async () => {
    const { tide, seen } = world();
    const { value, receipt } = await tide.transaction(async () => 'done');
    expect([value, receipt.state, receipt.marks, seen.change]).toEqual(['done', 'done', {}, []]);
  });

  test('is refused where it is added if it is malformed, and the others are dropped with it', async () => {
    const { tide, seen } = world();
    const adding = tide.transaction(async (changes) => {
      await changes.add(update('s0'));
      expect(() => changes.add({ type: 'settlement', id: ' ', op: 'update' })).toThrow(/changes\.add/);
      await changes.add({ type: 'village' as 'settlement', id: 's0', op: 'update' });
    });
    await expect(adding).rejects.toMatchObject({ code: 'UNKNOWN_TYPE' });
    expect(seen.change).toEqual([]);
  });

  test('is refused if it comes after the callback has resolved', async () => {
    const { tide } = world();
    let late = (): unknown => undefined;
    await tide.transaction(async (changes) => {
      late = () => changes.add(update('s0'));
    });
    expect(late).toThrow(expect.objectContaining({ code: 'INVALID_CHANGE' }) as Error);
  });
});

describe('changes.read', () => {
  test('goes past the tiers to the origin with `via`, and fills nothing', async () => {
    const { tide, db } = world();
    const via = { query: 'BEGIN' };
    await tide.get('settlement', 's0');
    db.put('settlement', row('s0', 'uncommitted'));
    await tide.transaction(
      async ({ read }) => {
        expect((await read.get('settlement', 's0'))?.name).toBe('uncommitted');
        expect((await read.getMany('settlement', ['s2', 'none', 's0'])).map((one) => one?.name ?? null)).toEqual([
          'old',
          null,
          'uncommitted',
        ]);
        expect(await read.children('settlement', { kingdom: 'k0' })).toHaveLength(2);
        expect(await read.view(names, { kingdom: 'k0' })).toEqual(['uncommitted', 'old']);
      },
      { via },
    );
    const [first, ...inside] = db.calls;
    expect(first?.via).toBeUndefined();
    expect(inside).toHaveLength(4);
    for (const call of inside) expect(call.via).toBe(via);
    expect(tide.peek('settlement', 's0')?.name).toBe('old');
    expect(tide.peek('settlement', 's2')).toBeUndefined();
    expect(tide.peekChildren('settlement', { kingdom: 'k0' })).toBeUndefined();
    expect(tide.peekView(names, { kingdom: 'k0' })).toBeUndefined();
  });

  test('joins no load under way, and nobody joins its own', async () => {
    const { tide, db, clock, settlementCalls } = world();
    const release = db.hold('settlement');
    const outside = tide.get('settlement', 's0');
    await clock.advance(0);
    const inside = tide.transaction(async ({ read }) => {
      const own = read.get('settlement', 's0');
      await clock.advance(0);
      expect(settlementCalls()).toBe(2);
      release();
      return (await own)?.name;
    });
    expect([(await outside)?.name, (await inside).value]).toEqual(['old', 'old']);
  });

  test("fails with the origin's error, and shows no deleted row", async () => {
    const { tide, db } = world();
    db.failNext('settlement', new Error('locked'), ['s0']);
    await tide.transaction(async ({ read }) => {
      await expect(read.get('settlement', 's0')).rejects.toMatchObject({ code: 'ORIGIN_FAILED' });
      await expect(read.get('settlement', ' ')).rejects.toMatchObject({ code: 'BLANK_ID' });
      await expect(read.children('settlement', { structure: 't0' } as never)).rejects.toMatchObject({
        code: 'UNKNOWN_PARENT',
      });
      expect(await read.getMany('settlement', [])).toEqual([]);
    });
  });
});

test('reads through other handles are outside: from the cache, and without `via`', async () => {
  const { tide, db } = world();
  const scope = tide.scope();
  await tide.get('settlement', 's0');
  db.put('settlement', row('s0', 'uncommitted'));
  await tide.transaction(
    async () => {
      expect((await tide.get('settlement', 's0'))?.name).toBe('old');
      expect((await scope.get('settlement', 's0'))?.name).toBe('old');
      await tide.get('settlement', 's1');
    },
    { via: 'connection' },
  );
  expect(db.calls.map(({ via }) => via)).toEqual([undefined, undefined]);
});

describe('with branches', () => {
  test("a change without a branch is the transaction's, one with its own keeps it", async () => {
    const { tide, db } = branchedWorld();
    const held = (): unknown[] =>
      ['main', 'dev', 'other'].map((branch) => tide.peek('settlement', 's0', { branch })?.name);
    for (const branch of ['main', 'dev', 'other']) await tide.get('settlement', 's0', { branch });
    const change = { ...update('s0'), before: row('s0', 'old') };
    const { value } = await tide.transaction(
      async (changes) => {
        await changes.add(change);
        await changes.add({ ...change, branch: 'other' });
        await changes.read.get('settlement', 's0');
        return changes.read.branch;
      },
      { branch: 'dev' },
    );
    expect([value, db.calls.at(-1)?.branch]).toEqual(['dev', 'dev']);
    expect(held()).toEqual(['old', undefined, undefined]);
  });

  test('without one anywhere, a change is refused', async () => {
    const { tide } = branchedWorld();
    const adding = tide.transaction(async (changes) => {
      await changes.add(update('s0'));
    });
    await expect(adding).rejects.toMatchObject({ code: 'BRANCH_REQUIRED' });
  });

  test('without one, a read is refused', async () => {
    const { tide } = branchedWorld();
    const reading = tide.transaction(({ read }) => read.get('settlement', 's0'));
    await expect(reading).rejects.toMatchObject({ code: 'BRANCH_REQUIRED' });
  });

  test('a blank one is refused', async () => {
    const { tide } = branchedWorld();
    const reading = tide.transaction(({ read }) => read.get('settlement', 's0'), { branch: ' ' });
    await expect(reading).rejects.toMatchObject({ code: 'BLANK_ID' });
  });
});
