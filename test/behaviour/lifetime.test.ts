import { describe, expect, test } from 'vitest';
import { defineView } from '../../src/index.js';
import { seededRandom } from '../../src/testing/index.js';
import { type World, type WorldOptions, type WorldTide, model, world } from './setup.js';

const kingdoms = defineView(model)({ name: 'kingdoms', load: async (read) => (await read.get('kingdom', 'k0'))?.name });
const brief = defineView(model)({ name: 'brief', ttlMs: 70, load: (read) => read.get('kingdom', 'k0') });

/** Each kind of value: how it is read, and whether it is held. `load` is only called if it is not. */
interface Kind {
  readonly read: (tide: WorldTide, load: () => number) => Promise<unknown>;
  readonly held: (tide: WorldTide) => Promise<boolean>;
}
const KINDS = {
  record: {
    read: (tide) => tide.get('settlement', 's0'),
    held: async (tide) => tide.peek('settlement', 's0') !== undefined,
  },
  list: {
    read: (tide) => tide.children('settlement', { kingdom: 'k0' }),
    held: async (tide) => tide.peekChildren('settlement', { kingdom: 'k0' }) !== undefined,
  },
  view: {
    read: (tide) => tide.view(kingdoms, {}),
    held: async (tide) => tide.peekView(kingdoms, {}) !== undefined,
  },
  key: {
    read: (tide, load) => tide.cache.getOrLoad('n', load),
    held: async (tide) => (await tide.cache.get('n')) !== undefined,
  },
} as const satisfies Readonly<Record<string, Kind>>;
type KindName = keyof typeof KINDS;

/** That it is held to the last millisecond of `ttlMs`, and no longer. */
async function expectToLive({ tide, clock }: World, held: Kind['held'], ttlMs: number): Promise<void> {
  await clock.advance(ttlMs - 1);
  expect(await held(tide)).toBe(true);
  await clock.advance(1);
  expect(await held(tide)).toBe(false);
}

describe('ttlMs', () => {
  const byKind = { record: 1000, list: 2000, view: 3000, key: 4000 };
  test.each<[title: string, ttlMs: WorldOptions['ttlMs'], expected: Readonly<Record<KindName, number>>]>([
    ['by default', undefined, { record: 300_000, list: 600_000, view: 300_000, key: 300_000 }],
    ['as one number', 5000, { record: 5000, list: 5000, view: 5000, key: 5000 }],
    ['by kind', byKind, byKind],
    ['for one kind only', { view: 50 }, { record: 300_000, list: 600_000, view: 50, key: 300_000 }],
  ])('%s', async (_, ttlMs, expected) => {
    for (const [name, { read, held }] of Object.entries(KINDS)) {
      const own = world({ ttlMs });
      await read(own.tide, () => 1);
      await expectToLive(own, held, expected[name as KindName]);
    }
  });

  test.each(Object.keys(KINDS) as KindName[])('0 keeps a %s until it changes', async (name) => {
    const { tide, clock, seen } = world({ ttlMs: 0 });
    await KINDS[name].read(tide, () => 1);
    clock.block(10 * 365 * 86_400_000);
    await clock.advance(0);
    const loads = seen.load.length;
    await KINDS[name].read(tide, () => 2);
    expect(await KINDS[name].held(tide)).toBe(true);
    expect(seen.load).toHaveLength(loads);
    await tide.change({ subjects: [tide.subject.type('kingdom'), tide.subject.type('settlement')] });
    expect(await KINDS[name].held(tide)).toBe(name === 'key');
  });

  test("a view's own counts before its kind's", async () => {
    const own = world({ ttlMs: { view: 3000 } });
    await own.tide.view(brief, {});
    await expectToLive(own, async (tide) => tide.peekView(brief, {}) !== undefined, 70);
  });

  test("a call's own counts for set and getOrLoad, 0 too", async () => {
    for (const verb of ['set', 'getOrLoad'] as const) {
      const own = world({ ttlMs: 5000 });
      const put = async (key: string, ttlMs: number): Promise<void> => {
        if (verb === 'set') await own.tide.cache.set(key, 1, { ttlMs });
        else await own.tide.cache.getOrLoad(key, { ttlMs }, () => 1);
      };
      await put('n', 60);
      await put('kept', 0);
      await expectToLive(own, KINDS.key.held, 60);
      await own.clock.advance(1_000_000);
      expect(await own.tide.cache.get('kept')).toBe(1);
    }
  });

  test('a value set again lives from then on', async () => {
    const own = world({ ttlMs: 1000 });
    await own.tide.cache.set('n', 1);
    await own.clock.advance(600);
    await own.tide.cache.set('n', 2);
    await expectToLive(own, KINDS.key.held, 1000);
  });

  const refused = expect.objectContaining({ code: 'INVALID_OPTION' }) as Error;
  test.each([-1, Number.NaN])('%d is refused at once by createTidemark and set', async (ttlMs) => {
    expect(() => world({ ttlMs })).toThrow(refused);
    expect(() => world({ ttlMs: { view: ttlMs } })).toThrow(refused);
    await expect(world().tide.cache.set('n', 1, { ttlMs })).rejects.toThrow(refused);
  });

  test.each([-1, Number.NaN])('%d is refused by getOrLoad', async (ttlMs) => {
    await expect(world().tide.cache.getOrLoad('n', { ttlMs }, () => 1)).rejects.toThrow(refused);
  });
  test.each([-1, Number.NaN])('%d is refused by a view', async (ttlMs) => {
    const read = async (): Promise<number> =>
      world().tide.view(defineView(model)({ name: 'wrong', ttlMs, load: () => 1 }), {});
    await expect(read()).rejects.toThrow(refused);
  });
});

describe('jitter', () => {
  const COUNT = 1000;
  /** How many of the keys are still held at each hundredth of the TTL from nine tenths on. */
  async function heldOverTime(seed: number): Promise<number[]> {
    const { tide, clock } = world({ ttlMs: 1000, random: seededRandom(seed) });
    const ids = Array.from({ length: COUNT }, (_, i) => `n${String(i)}`);
    await Promise.all(ids.map((id) => tide.cache.getOrLoad(id, () => 1)));
    await clock.advance(899);
    const counts: number[] = [];
    for (let at = 900; at <= 1000; at += 10) {
      await clock.advance(at === 900 ? 1 : 10);
      counts.push(
        (await Promise.all(ids.map((id) => tide.cache.get(id)))).filter((value) => value !== undefined).length,
      );
    }
    return counts;
  }

  test('shortens lives by up to a tenth, never lengthens one, and spreads them evenly', async () => {
    const counts = await heldOverTime(1);
    expect(counts[0]).toBe(COUNT);
    expect(counts.at(-1)).toBe(0);
    // 1,000 throws into ten bins: 100 each, standard deviation under 10.
    for (let i = 1; i < counts.length; i++) {
      const expired = (counts[i - 1] as number) - (counts[i] as number);
      expect(expired).toBeGreaterThan(60);
      expect(expired).toBeLessThan(140);
    }
  });

  test('repeats with the same random', async () => {
    expect(await heldOverTime(2)).toEqual(await heldOverTime(2));
    expect(await heldOverTime(2)).not.toEqual(await heldOverTime(3));
  });
});

describe('absentTtlMs', () => {
  test('says how long "there is none" is kept, by default a minute', async () => {
    for (const [absentTtlMs, expected] of [
      [undefined, 60_000],
      [500, 500],
    ] as const) {
      const own = world({ absentTtlMs });
      expect(await own.tide.get('settlement', 'none')).toBeNull();
      await expectToLive(own, async (tide) => tide.peek('settlement', 'none') === null, expected);
      expect(own.tide.peek('settlement', 'none')).toBeUndefined();
    }
  });

  test('is not for empty lists, nor for a stored null', async () => {
    const own = world({ ttlMs: 1000, absentTtlMs: 10 });
    expect(await own.tide.children('settlement', { kingdom: 'none' })).toEqual([]);
    await own.tide.cache.set('n', null);
    await expectToLive(
      own,
      async (tide) =>
        tide.peekChildren('settlement', { kingdom: 'none' }) !== undefined && (await tide.cache.get('n')) === null,
      1000,
    );
  });

  test('ends early when the record is created', async () => {
    const { db, tide } = world();
    expect(await tide.get('settlement', 's9')).toBeNull();
    const after = { id: 's9', kingdomId: 'k0', name: 'young' };
    db.put('settlement', after);
    await tide.change({ type: 'settlement', id: 's9', op: 'create', after });
    expect(await tide.get('settlement', 's9')).toEqual(after);
  });
});

test('errors are never cached, whatever failed', async () => {
  const { db, tide, settlementCalls } = world();
  let fails = true;
  const load = (): string => {
    if (fails) throw new Error('down');
    return 'up';
  };
  const moody = defineView(model)({ name: 'moody', load });
  db.failNext('settlement', new Error('down'));
  db.failNext('structure', new Error('down'));
  const reads = [
    () => tide.get('settlement', 's0'),
    () => tide.children('structure', { settlement: 's0' }),
    () => tide.view(moody, {}),
    () => tide.cache.getOrLoad('n', load),
  ];
  for (const read of reads) await expect(read()).rejects.toThrow(/down/);
  fails = false;
  for (const read of reads) expect(await read()).toBeTruthy();
  expect(settlementCalls()).toBe(2);
});
