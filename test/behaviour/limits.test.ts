import { describe, expect, test } from 'vitest';
import { defineView, typedJson } from '../../src/index.js';
import { seededRandom } from '../../src/testing/index.js';
import { type World, type WorldOptions, database, kingdomOf, model, world } from './setup.js';

const big = (settlements: number, options: WorldOptions): World => world(options, { db: database(settlements) });
const ids = (count: number): string[] => Array.from({ length: count }, (_, i) => `s${String(i)}`);

/** SIEVE as its paper has it, over a list that is walked from its old end. True: the key was held. */
function sieve(capacity: number): (key: string) => boolean {
  interface Held {
    readonly key: string;
    visited: boolean;
  }
  const oldestFirst: Held[] = [];
  let hand = 0;
  return (key) => {
    const held = oldestFirst.find((one) => one.key === key);
    if (held !== undefined) {
      held.visited = true;
      return true;
    }
    while (oldestFirst.length === capacity) {
      hand %= capacity;
      const candidate = oldestFirst[hand] as Held;
      if (!candidate.visited) oldestFirst.splice(hand, 1);
      else {
        candidate.visited = false;
        hand++;
      }
    }
    // Past the newest the hand begins again at the oldest, even if there is a newer one by then.
    hand %= capacity - 1;
    oldestFirst.push({ key, visited: false });
    return false;
  };
}

describe('maxEntries', () => {
  test('is never exceeded, whatever is read', async () => {
    const { tide } = big(100, { maxEntries: 10 });
    for (const id of ids(100)) {
      await tide.get('settlement', id);
      await tide.children('structure', { settlement: id });
      await tide.cache.set(id, id);
      expect(tide.stats().tier1.entries).toBeLessThanOrEqual(10);
    }
    expect(tide.stats().tier1.entries).toBe(10);
  });

  test('spans all kinds and branches of the tide together: what is evicted loads again and is right', async () => {
    const { tide, rename, db } = big(30, { maxEntries: 3 });
    for (const id of ids(30)) await tide.get('settlement', id);
    expect(tide.peek('settlement', 's0')).toBeUndefined();
    await rename('s0');
    expect((await tide.get('settlement', 's0'))?.name).toBe('new');
    expect(db.countOf('settlement')).toBe(31);
  });

  test.each([2, 40])(
    'SIEVE: over a random trace, %d hold what the algorithm of the paper holds',
    async (maxEntries) => {
      const { tide, db } = big(200, { maxEntries });
      const [random, holds] = [seededRandom(5), sieve(maxEntries)];
      let hits = 0;
      for (let step = 0; step < 4000; step++) {
        // A few are read often, most now and then.
        const id = `s${String(Math.floor(5 * maxEntries * random() ** 3))}`;
        const before = db.calls.length;
        await tide.get('settlement', id);
        const expected = holds(id);
        expect(db.calls.length === before, `step ${String(step)}: ${id} is held`).toBe(expected);
        if (expected) hits++;
      }
      expect(hits).toBeGreaterThan(1000);
      expect(hits).toBeLessThan(3900);
    },
  );

  test('a value is held after it was read, even if all others were read again', async () => {
    const { tide } = world({ maxEntries: 2 });
    for (const id of ['s0', 's1', 's0', 's1', 's2']) await tide.get('settlement', id);
    expect(tide.peek('settlement', 's2')).toBeDefined();
  });

  test('what is read again outlives any number of values that are read once', async () => {
    const { tide, db } = big(1000, { maxEntries: 10 });
    for (const id of ids(1000)) {
      await tide.get('kingdom', 'k0');
      await tide.get('settlement', id);
    }
    expect(db.countOf('kingdom')).toBe(1);
  });
});

describe('maxBytes', () => {
  test('is never exceeded, by the sizes that bytesOf tells', async () => {
    const { tide } = big(50, { maxBytes: 1000, bytesOf: () => 300 });
    for (const id of ids(50)) {
      await tide.get('settlement', id);
      expect(tide.stats().tier1.bytes).toBeLessThanOrEqual(1000);
    }
    expect(tide.stats().tier1).toMatchObject({ entries: 3, bytes: 900 });
  });

  test('by default counts what the codec writes, and nothing if there is no bound', async () => {
    const { tide } = world({ maxBytes: 1_000_000 });
    const row = await tide.get('settlement', 's0');
    expect(tide.stats().tier1.bytes).toBe(typedJson.encode(row).length);
    await tide.cache.set('n', 'a text');
    expect(tide.stats().tier1.bytes).toBe(typedJson.encode(row).length + 8);
    await tide.cache.set('n', 'text');
    expect(tide.stats().tier1.bytes).toBe(typedJson.encode(row).length + 6);
    const unbounded = world();
    await unbounded.tide.get('settlement', 's0');
    expect(unbounded.tide.stats().tier1.bytes).toBe(0);
  });

  test('a value larger than all of it is handed out and not kept, and pushes nothing out', async () => {
    const { tide } = world({ maxBytes: 100, bytesOf: (value) => (value === 'huge' ? 101 : 10) });
    await tide.get('settlement', 's0');
    expect(await tide.cache.getOrLoad('n', () => 'huge')).toBe('huge');
    expect(await tide.cache.get('n')).toBeUndefined();
    expect(tide.peek('settlement', 's0')).toBeDefined();
  });

  test('a value that cannot be measured is handed out all the same', async () => {
    const db = database();
    const { tide } = world(
      {
        maxBytes: 1_000_000,
        origin: { settlement: { byIds: () => [{ id: 's0', kingdomId: 'k0', name: 'x', extra: new URL('a:b') }] } },
      },
      { db },
    );
    expect(await tide.get('settlement', 's0')).toMatchObject({ id: 's0' });
  });
});

describe('maxMarks', () => {
  test('bounds the marks of all entries together', async () => {
    // A settlement carries four: its own, its kingdom's, its type's and its branch's.
    const { tide } = big(50, { maxMarks: 20 });
    for (const id of ids(50)) {
      await tide.get('settlement', id);
      expect(tide.stats().tier1.entries).toBeLessThanOrEqual(5);
    }
    expect(tide.stats().tier1.entries).toBe(5);
  });

  test('one value alone may have more', async () => {
    const { tide, rename } = world({ maxMarks: 2 });
    await tide.get('settlement', 's0');
    await tide.get('settlement', 's1');
    expect(tide.stats().tier1.entries).toBe(1);
    expect(tide.peek('settlement', 's1')).toBeDefined();
    await rename('s1');
    expect(tide.peek('settlement', 's1')).toBeUndefined();
  });

  test('marks that no entry relies on any more do not pile up; a scope that remembers their values reads again', async () => {
    const { tide, rename } = big(12_000, { maxEntries: 1 });
    const scope = tide.scope();
    await scope.getMany('settlement', ids(12_000));
    expect(tide.stats().tier1.marks).toBeLessThan(10_100);
    await rename('s0');
    expect((await scope.get('settlement', 's0'))?.name).toBe('new');
  });
});

describe('a value that read more than 256 marks', () => {
  const names = defineView(model)({
    name: 'names',
    load: async (read, { count }: { count: number }) =>
      (await read.getMany('settlement', ids(count))).map((row) => row?.name).join(),
  });
  /** Every second settlement is in k1, so each view reads two kingdoms' `below`, the type's `all` and the branch's mark. */
  const MOST = 256 - 4;

  test('carries those of the types instead: any change of such a type makes it stale, up to there only its own', async () => {
    for (const [count, fresh] of [
      [MOST, true],
      [MOST + 1, false],
    ] as const) {
      const { tide, rename } = big(400, {});
      await tide.view(names, { count });
      await rename('s399');
      expect(tide.peekView(names, { count }) !== undefined).toBe(fresh);
    }
  });

  type Act = (own: World) => Promise<unknown>;
  const image = (id: string, name: string) => ({ id, kingdomId: kingdomOf(id), name });
  const STALE: readonly [title: string, act: Act][] = [
    ['an update of one that it read', ({ rename }) => rename('s7')],
    [
      'an update without row images',
      ({ tide, db }) => {
        db.put('settlement', image('s7', 'new'));
        return tide.change({ type: 'settlement', id: 's7', op: 'update' });
      },
    ],
    [
      'a deletion',
      ({ tide, db }) => {
        db.remove('settlement', 's7');
        return tide.change({ type: 'settlement', id: 's7', op: 'delete', before: image('s7', 'old') });
      },
    ],
    [
      'the deletion of a parent',
      ({ tide, db }) => {
        db.remove('settlement', 's7');
        return tide.change({ type: 'kingdom', id: 'k1', op: 'delete' });
      },
    ],
    [
      'a bulk change of its type',
      ({ tide, db }) => {
        db.put('settlement', image('s7', 'new'));
        return tide.change({ subjects: [tide.subject.type('settlement')] });
      },
    ],
    [
      'a bulk change of the type above',
      ({ tide, db }) => {
        db.put('settlement', image('s7', 'new'));
        return tide.change({ subjects: [tide.subject.type('kingdom')] });
      },
    ],
    [
      'a change of the branch',
      ({ tide, db }) => {
        db.put('settlement', image('s7', 'new'));
        return tide.change({ subjects: [tide.subject.branch('main')] });
      },
    ],
  ];
  test.each(STALE)('is stale after %s', async (_, act) => {
    const own = big(300, {});
    const before = await own.tide.view(names, { count: 300 });
    expect(own.tide.peekView(names, { count: 300 })).toBe(before);
    await act(own);
    expect(own.tide.peekView(names, { count: 300 })).toBeUndefined();
    const after = await own.tide.view(names, { count: 300 });
    expect(after).not.toBe(before);
    expect(own.tide.peekView(names, { count: 300 })).toBe(after);
  });

  test('stays when another type changes, and when keys of its own dependsOn do not', async () => {
    const own = big(300, {});
    await own.tide.view(names, { count: 300 });
    await own.tide.change({ type: 'structure', id: 't0', op: 'delete' });
    await own.tide.change({ type: 'kingdom', id: 'k0', op: 'update' });
    expect(own.tide.peekView(names, { count: 300 })).toBeDefined();
  });

  test('keeps the marks of rules and keys that it names', async () => {
    const own = big(300, {});
    const { tide } = own;
    const load = (): Promise<string> =>
      tide.cache.getOrLoad('n', { dependsOn: [tide.subject.rules('settlement', 'campaign-1')] }, async (read) =>
        (await read.getMany('settlement', ids(300))).map((row) => row?.name).join(),
      );
    const held = async (): Promise<boolean> => (await tide.cache.get('n')) !== undefined;
    await load();
    await tide.change({ subjects: [tide.subject.rules('settlement', 'campaign-2')] });
    expect(await held()).toBe(true);
    await tide.change({ subjects: [tide.subject.rules('settlement', 'campaign-1')] });
    expect(await held()).toBe(false);
    await load();
    await tide.cache.set('n', 'by hand');
    expect(await tide.cache.get('n')).toBe('by hand');
  });

  test('is doomed by a change while it loads', async () => {
    const { tide, db, clock, rename } = big(300, {});
    const release = db.hold('settlement');
    const reading = tide.view(names, { count: 300 });
    await clock.advance(0);
    await rename('s299');
    release();
    expect(await reading).not.toContain('new');
    expect(tide.peekView(names, { count: 300 })).toBeUndefined();
    expect(await tide.view(names, { count: 300 })).toContain('new');
  });
});

test.each(['maxEntries', 'maxBytes', 'maxMarks', 'maxEntryBytes', 'maxBatchSize', 'ringSize'] as const)(
  '%s below 1, or no number, is refused',
  (name) => {
    for (const value of [0, -1, Number.NaN, '10' as never]) {
      expect(() => world({ [name]: value })).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }) as Error);
    }
  },
);
