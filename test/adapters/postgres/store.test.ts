import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { pgStore } from '../../../src/adapters/postgres/index.js';
import { lateSubjects } from '../../../src/adapters/postgres/entry.js';
import { prefixOf } from '../../../src/adapters/postgres/scan.js';
import type { Store } from '../../../src/contract.js';
import { globToMatcher } from '../../../src/glob.js';
import { entitySubject } from '../../../src/subject.js';
import { fakeClock } from '../../../src/testing/index.js';
import { besideEntries } from '../../contract/beside.js';
import { type SharedDatabase, describeReplicas, recording } from '../../services/replicas.js';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const named = (count: number, name = 'k'): string[] => Array.from({ length: count }, (_, i) => `${name}${String(i)}`);

async function keysOf(store: Store, glob: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const page of store.scan(glob)) keys.push(...page);
  return keys;
}

describeReplicas('a store in Postgres beyond the contract', (shared: () => SharedDatabase) => {
  async function open(options: object = {}): Promise<Store> {
    await shared().reset();
    const { here: pool, schema } = shared();
    const store = pgStore({ pool, schema, ...options });
    onTestFinished(() => store.close());
    return store;
  }

  test('batches over the same keys in whatever order, deletions among them, wait for each other and never in a circle', async () => {
    const { pool, failures } = recording(shared().there);
    const store = await open({ pool });
    const keys = named(200);
    const shuffled = (seed: number): string[] =>
      keys
        .map((key, i) => [key, (i * 7919 + seed * 104_729) % 211] as const)
        .sort((a, b) => a[1] - b[1])
        .map(([key]) => key);
    const work = Array.from({ length: 80 }, (_, i) =>
      i % 4 === 3
        ? store.deleteMany(shuffled(i))
        : store.setMany(shuffled(i).map((key) => ({ key, value: bytes(String(i)), ttlMs: i % 4 === 2 ? 1 : 60_000 }))),
    );
    await Promise.all(work);
    expect(failures).toEqual([]);
  });

  test('keys longer than an index takes are kept apart, found by glob and given whole', async () => {
    const store = await open();
    const text = Array.from({ length: 4000 }, (_, i) => String.fromCharCode(97 + ((i * i + 3 * i) % 26))).join('');
    const keys = [1021, 1022, 1023, 1024, 4000].flatMap((size) => [
      `${text.slice(0, size)}é`,
      `${text.slice(0, size)}è`,
    ]);
    await store.setMany(keys.map((key) => ({ key, value: bytes(key.slice(-5)) })));
    expect(await store.setIfAbsent(keys[9] as string, bytes(''), 1000)).toBe(false);
    expect(await store.setIfNewer(keys[8] as string, bytes('newer'), { epoch: 'e', position: 1 })).toBe(true);
    expect((await store.getMany(keys)).map((held) => Buffer.from(held?.value ?? []).toString())).toEqual(
      keys.map((key, i) => (i === 8 ? 'newer' : key.slice(-5))),
    );
    expect((await keysOf(store, `${text.slice(0, 1000)}*`)).sort()).toEqual([...keys].sort());
    expect((await keysOf(store, `${text.slice(0, 1022)}*é`)).sort()).toEqual(
      keys.filter((key, i) => i >= 2 && key.endsWith('é')).sort(),
    );
    expect(await store.deleteMany(keys)).toBe(10);
  });

  test('what expired is deleted behind a write: page by page while there is more, then after 10 s', async () => {
    const clock = fakeClock();
    const { pool, texts } = recording(shared().here);
    const store = await open({ clock, pool });
    const { here, schema } = shared();
    const rows = async (): Promise<number> =>
      Number((await here.query<{ n: string }>(`select count(*) as n from ${schema}.entry`)).rows[0]?.n);
    const sweeps = (): number => texts.filter((text) => text.startsWith('with old')).length;
    const write = async (): Promise<void> => {
      await store.setMany([{ key: 'live', value: bytes('value'), ttlMs: 60_000 }]);
      await store.close(); // waits for the sweep
    };
    await store.setMany(named(700).map((key) => ({ key, value: bytes('value'), ttlMs: 1 })));
    await store.setIfNewer('deletion', null, { epoch: 'e', position: 1 }, 1);
    await here.query('select pg_sleep(0.02)');
    await write();
    expect([await rows(), sweeps()]).toEqual([702, 0]);
    await clock.advance(10_000);
    await write();
    expect([await rows(), sweeps()]).toEqual([202, 1]);
    await write();
    expect([await rows(), sweeps()]).toEqual([1, 2]);
    await write();
    expect(sweeps()).toBe(2);
    await clock.advance(10_000);
    await write();
    expect(sweeps()).toBe(3);
  });

  test('a scan reads the keys that begin like its glob, and a page at a time', async () => {
    const { pool, texts } = recording(shared().here);
    const store = await open({ pool });
    for (const name of ['a:', 'b:'])
      for (const part of ['x', 'y', 'z'])
        await store.setMany(named(800, `${name}${part}`).map((key) => ({ key, value: bytes('') })));
    texts.length = 0;
    expect(await keysOf(store, 'b:*')).toHaveLength(2400);
    expect(texts).toHaveLength(3);
    expect(await keysOf(store, 'b:y1?')).toHaveLength(10);
    expect(await keysOf(store, '*:x7')).toEqual(['a:x7', 'b:x7']);
    expect(texts).toHaveLength(3 + 1 + 5);
  });

  test('what it counts is an estimate from a part of the table, by type', async () => {
    const store = await open();
    const { here, schema } = shared();
    for (let page = 0; page < 10; page++) {
      const keys = named(1000, `settlement:${String(page)}:`).map((key, i) =>
        i % 4 === 0 ? key.replace('settlement', 'kingdom') : key,
      );
      await store.setMany(keys.map((key) => ({ key, value: bytes('x'.repeat(200)) })));
    }
    await here.query(`vacuum ${schema}.entry`);
    const info = await store.info();
    expect(info.memoryUsedBytes).toBeGreaterThan(10_000 * 200);
    expect(Object.keys(info.keyCountByType).sort()).toEqual(['kingdom', 'settlement']);
    expect(info.keyCountByType['settlement']).toBeGreaterThan(7500 * 0.7);
    expect(info.keyCountByType['settlement']).toBeLessThan(7500 * 1.3);
    const only = await store.info((key) => (key.startsWith('kingdom:') ? 'those' : null));
    expect(Object.keys(only.keyCountByType)).toEqual(['those']);
  });

  test('a batch of more bytes than a statement takes goes in several', async () => {
    const { pool, texts } = recording(shared().here);
    const store = await open({ pool });
    const value = new Uint8Array(12 * 2 ** 20).fill(7);
    await store.setMany(named(4).map((key) => ({ key, value })));
    expect(texts).toHaveLength(2);
    const [held] = await store.getMany(['k3']);
    expect(held?.value.length).toBe(value.length);
  });
});

test('late subjects are read from the header of an entry, and from nothing else', () => {
  const subjects = ['a', 'b', 'c é'].map((id) => entitySubject('settlement', id, 'main'));
  expect(lateSubjects(besideEntries.entry(subjects)).map(String)).toEqual(subjects);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat(200), (noise, cut) => {
      const entry = besideEntries.entry(subjects);
      expect(Array.isArray(lateSubjects(new Uint8Array([2, ...noise])))).toBe(true);
      const found = lateSubjects(entry.subarray(0, cut)).map(String);
      expect([0, subjects.length]).toContain(found.length);
    }),
  );
});

test('every key that matches a glob begins with its prefix', () => {
  const glob = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?', '[', ']', '^', '-', '\\', 'é') });
  const key = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?', '[', ']', '\\', 'é') });
  fc.assert(
    fc.property(glob, key, (pattern, name) => {
      if (globToMatcher(pattern)(name)) expect(name.startsWith(prefixOf(pattern))).toBe(true);
    }),
    { numRuns: 5000 },
  );
  expect([prefixOf('a:b*'), prefixOf('a\\*b?'), prefixOf('*'), prefixOf('whole')]).toEqual(['a:b', 'a*b', '', 'whole']);
});
