import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { defineView } from '../../src/index.js';
import { type World, model, world } from './setup.js';

const blankRefused = expect.objectContaining({ code: 'INVALID_KEY' }) as Error;

describe('set() and get()', () => {
  test.each([null, false, 0, '', 'text', [], { a: [1] }, new Date(5), new Map([['k', 1]]), 5n])(
    'keep %o as what it is',
    async (value) => {
      const { tide } = world();
      await tide.cache.set('n', value);
      expect(await tide.cache.get('n')).toEqual(value);
    },
  );

  test('undefined is what is absent', async () => {
    const { tide, db } = world();
    expect(await tide.cache.get('n')).toBeUndefined();
    await tide.cache.set('n', 1);
    await tide.cache.set('n', undefined);
    expect(await tide.cache.get('n')).toBeUndefined();
    expect(db.calls).toEqual([]);
  });

  test('the last one stands, also of two at once', async () => {
    const { tide } = world();
    await Promise.all([tide.cache.set('n', 1), tide.cache.set('n', 2)]);
    expect(await tide.cache.get('n')).toBe(2);
  });

  test('every text is a key of its own, unless it is blank', async () => {
    const { tide } = world();
    const keys = ['a', 'A', 'a ', 'a:b', 'a%3Ab', 'a*', '__proto__', 'constructor', 'é', 'e\u0301', '\ud800', '\ud801'];
    for (const [i, key] of keys.entries()) await tide.cache.set(key, i);
    expect(await Promise.all(keys.map((key) => tide.cache.get(key)))).toEqual([...keys.keys()]);
    for (const key of ['', ' ', 7 as never]) {
      await expect(tide.cache.set(key, 1)).rejects.toThrow(blankRefused);
      await expect(tide.cache.get(key)).rejects.toThrow(blankRefused);
      await expect(tide.cache.del(key)).rejects.toThrow(blankRefused);
      await expect(tide.cache.getOrLoad(key, () => 1)).rejects.toThrow(blankRefused);
    }
  });

  test('a key that reads like one of the model is not the model’s', async () => {
    const { tide } = world();
    await tide.cache.set('settlement:s0:main', 'by hand');
    expect(await tide.get('settlement', 's0')).toMatchObject({ name: 'old' });
    expect(await tide.cache.get('settlement:s0:main')).toBe('by hand');
    expect(await tide.cache.get('settlement:s1:main')).toBeUndefined();
    await tide.change({ type: 'settlement', id: 's0', op: 'update' });
    expect(await tide.cache.get('settlement:s0:main')).toBe('by hand');
  });
});

describe('getOrLoad()', () => {
  test('loads once for all who ask, whatever they ask it with, and keeps the value under its key', async () => {
    const { tide } = world();
    let loads = 0;
    const load = async (): Promise<number> => ++loads;
    const values = await Promise.all(Array.from({ length: 50 }, () => tide.cache.getOrLoad('n', load)));
    expect(new Set(values)).toEqual(new Set([1]));
    expect([await tide.cache.get('n'), await tide.cache.getOrLoad('n', () => 99)]).toEqual([1, 1]);
  });

  test('does not load what was set', async () => {
    const { tide } = world();
    await tide.cache.set('n', null);
    expect(await tide.cache.getOrLoad('n', () => 99)).toBeNull();
  });

  test('is stale as soon as anything changes that the load read, and then only', async () => {
    const { db, tide, rename } = world();
    const load = (): Promise<string> =>
      tide.cache.getOrLoad('names', async (read) => {
        const rows = await read.getMany('settlement', ['s0', 's1']);
        return rows.map((row) => row?.name).join();
      });
    expect(await load()).toBe('old,old');
    const calls = db.calls.length;
    await rename('s2');
    expect(await load()).toBe('old,old');
    expect(db.calls).toHaveLength(calls);
    await rename('s1');
    expect(await tide.cache.get('names')).toBeUndefined();
    expect(await load()).toBe('old,new');
  });

  test('a failed load rejects for all who wait, with LOAD_FAILED and the cause, and is not remembered', async () => {
    const { tide } = world();
    const cause = new Error('no luck');
    let fails = true;
    const load = (): number => {
      if (fails) throw cause;
      return 1;
    };
    const reads = [tide.cache.getOrLoad('n', load), tide.cache.getOrLoad('n', load)];
    for (const read of reads) await expect(read).rejects.toMatchObject({ code: 'LOAD_FAILED', cause });
    fails = false;
    expect(await tide.cache.getOrLoad('n', load)).toBe(1);
  });
});

describe('while a load is under way', () => {
  const loading = async () => {
    const own = world();
    let finish = (): void => {};
    const held = new Promise<string>((resolve) => {
      finish = () => resolve('loaded');
    });
    const value = own.tide.cache.getOrLoad('n', () => held);
    await own.clock.advance(0);
    return { ...own, finish, value };
  };
  test.each<[string, (own: World) => Promise<unknown>, unknown]>([
    ['set()', ({ tide }) => tide.cache.set('n', 'set'), 'set'],
    ['del()', ({ tide }) => tide.cache.del('n'), undefined],
    ['delPattern()', ({ tide }) => tide.cache.delPattern('n*'), undefined],
  ])('%s dooms it: its caller gets the value, which is not kept', async (_, act, kept) => {
    const own = await loading();
    await act(own);
    expect(await own.tide.cache.get('n')).toBe(kept);
    const later = own.tide.cache.getOrLoad('n', () => 'loaded later');
    own.finish();
    expect([await own.value, await later]).toEqual(['loaded', kept ?? 'loaded later']);
    expect(await own.tide.cache.get('n')).toBe(kept ?? 'loaded later');
    expect(own.seen.doomed).toMatchObject([{ kind: 'key' }]);
  });

  test.each<[string, (own: World) => Promise<unknown>]>([
    ['set() of another key', ({ tide }) => tide.cache.set('m', 'set')],
    ['del() of another key', ({ tide }) => tide.cache.del('n*')],
    ['delPattern() of others', ({ tide }) => tide.cache.delPattern('n?')],
  ])('%s does not', async (_, act) => {
    const own = await loading();
    await act(own);
    own.finish();
    expect([await own.value, await own.tide.cache.get('n')]).toEqual(['loaded', 'loaded']);
  });
});

describe('del()', () => {
  test('says whether there was something to delete', async () => {
    const { tide, clock } = world();
    expect(await tide.cache.del('n')).toBe(false);
    await tide.cache.set('n', 1, { ttlMs: 100 });
    expect([await tide.cache.del('n'), await tide.cache.del('n')]).toEqual([true, false]);
    await tide.cache.set('n', 1, { ttlMs: 100 });
    await clock.advance(100);
    expect(await tide.cache.del('n')).toBe(false);
  });

  test('takes no key for a pattern', async () => {
    const { tide } = world();
    for (const key of ['a', 'ab', 'a*', '[a]', '?']) await tide.cache.set(key, key);
    await tide.cache.del('a*');
    await tide.cache.del('?');
    await tide.cache.del('[a]');
    expect([await tide.cache.get('a'), await tide.cache.get('ab'), await tide.cache.get('a*')]).toEqual([
      'a',
      'ab',
      undefined,
    ]);
  });
});

describe('delPattern()', () => {
  const names = defineView(model)({ name: 'names', load: async (read) => (await read.get('settlement', 's0'))?.name });
  /** What is left of a tier 1 that held one of each. */
  async function leftAfter(glob: string): Promise<string[]> {
    const { tide } = world();
    await tide.getMany('settlement', ['s0', 's1']);
    await tide.children('settlement', { kingdom: 'k0' });
    await tide.view(names, {});
    await tide.cache.set('settlement:mine', 1);
    const before = tide.stats().tier1.entries;
    const { success, keysDeleted } = await tide.cache.delPattern(glob);
    const left = [
      ...['s0', 's1'].filter((id) => tide.peek('settlement', id) !== undefined),
      ...(tide.peekChildren('settlement', { kingdom: 'k0' }) === undefined ? [] : ['list']),
      ...(tide.peekView(names, {}) === undefined ? [] : ['view']),
      ...((await tide.cache.get('settlement:mine')) === undefined ? [] : ['mine']),
    ];
    expect([before, success, keysDeleted]).toEqual([5, true, 5 - left.length]);
    return left;
  }
  test.each([
    ['*', []],
    ['settlement:*', ['list', 'view']],
    ['settlement:s0:*', ['s1', 'list', 'view', 'mine']],
    ['settlement:s[1-9]:main', ['s0', 'list', 'view', 'mine']],
    ['settlement:s?:main', ['list', 'view', 'mine']],
    ['settlements:kingdom:k0:*', ['s0', 's1', 'view', 'mine']],
    ['view:*', ['s0', 's1', 'list', 'mine']],
    ['*:main', ['mine']],
    ['settlement', ['s0', 's1', 'list', 'view', 'mine']],
    ['nothing*', ['s0', 's1', 'list', 'view', 'mine']],
  ])('%s leaves %j', async (glob, left) => {
    expect(await leftAfter(glob)).toEqual(left);
  });

  test('dooms loads of the model under way', async () => {
    const { tide, db, clock } = world();
    const release = db.hold('settlement');
    const reading = tide.getMany('settlement', ['s0', 's1']);
    await clock.advance(0);
    await tide.cache.delPattern('settlement:s0:*');
    release();
    expect((await reading).map((row) => row?.id)).toEqual(['s0', 's1']);
    expect([tide.peek('settlement', 's0'), tide.peek('settlement', 's1')?.id]).toEqual([undefined, 's1']);
  });

  test('what is filled afterwards stays', async () => {
    const { tide } = world();
    await tide.cache.delPattern('*');
    await tide.get('settlement', 's0');
    await tide.cache.set('n', 1);
    expect([tide.peek('settlement', 's0')?.name, await tide.cache.get('n')]).toEqual(['old', 1]);
  });

  test('of nothing, or of no text, is refused', async () => {
    const { tide } = world();
    await expect(tide.cache.delPattern('')).rejects.toThrow(blankRefused);
    await expect(tide.cache.delPattern(undefined as never)).rejects.toThrow(blankRefused);
  });
});

describe('key()', () => {
  const { tide } = world();

  test('is the same for equal parameters, whatever the order of their fields', () => {
    expect(tide.key('n', { a: 1, b: { c: [1], d: undefined } })).toBe(tide.key('n', { b: { c: [1] }, a: 1 }));
    expect(tide.key('n')).toBe('n');
    expect(tide.key('a:b', 'c:d')).not.toBe(tide.key('a', 'b:c:d'));
  });

  test('differs for different names or parameters', () => {
    const params = fc.jsonValue({ maxDepth: 3 });
    const canonical = (value: unknown): string =>
      JSON.stringify(value, (_, inner: unknown) =>
        typeof inner === 'object' && inner !== null && !Array.isArray(inner)
          ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
          : inner,
      );
    const name = fc.stringMatching(/^[a-b:*%"{}]{1,3}$/);
    fc.assert(
      fc.property(name, params, name, params, (n1, p1, n2, p2) => {
        const same = n1 === n2 && canonical(p1) === canonical(p2);
        expect(tide.key(n1, p1 as object) === tide.key(n2, p2 as object)).toBe(same);
      }),
    );
    expect(new Set([5, '5', 5n, [5], { 5: 5 }, null, true, 'true'].map((one) => tide.key('n', one))).size).toBe(8);
  });

  test.each([[() => 1], [Symbol('s')], [new Date(0)], [new Map()], [Number.NaN], [{ a: [Infinity] }]])(
    'refuses %o, which is no plain data',
    (params) => {
      expect(() => tide.key('n', params as never)).toThrow(
        expect.objectContaining({ code: 'INVALID_PARAMS' }) as Error,
      );
    },
  );

  test('refuses a blank name', () => {
    expect(() => tide.key(' ')).toThrow(expect.objectContaining({ code: 'BLANK_ID' }) as Error);
  });
});
