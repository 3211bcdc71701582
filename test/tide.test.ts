import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { createTidemark, defineModel, defineView, entity, memory } from '../src/index.js';
import { fakeClock, fakeOrigin } from '../src/testing/index.js';

interface Kingdom {
  id: string;
}
interface Settlement {
  id: string;
  kingdomId: string;
  name: string;
}
interface Structure {
  id: string;
  settlementId: string;
}

const model = defineModel({
  entities: {
    kingdom: entity<Kingdom>()({}),
    settlement: entity<Settlement>()({ parents: { kingdom: 'kingdomId' } }),
    structure: entity<Structure>()({ parents: { settlement: 'settlementId' } }),
  },
});

function world(settlements = 2, structures = 2) {
  const db = fakeOrigin({
    kingdom: { rows: [{ id: 'k1' }] as Kingdom[] },
    settlement: {
      rows: Array.from({ length: settlements }, (_, i) => ({ id: `s${String(i)}`, kingdomId: 'k1', name: 'old' })),
      parents: { kingdom: 'kingdomId' },
    },
    structure: {
      rows: Array.from({ length: settlements * structures }, (_, i) => ({
        id: `t${String(i)}`,
        settlementId: `s${String(i % settlements)}`,
      })),
      parents: { settlement: 'settlementId' },
    },
  });
  const clock = fakeClock();
  const tide = createTidemark({ model, origin: db.origin, clock, ttlMs: 600_000 });
  const rename = async (): Promise<void> => {
    const before = { id: 's0', kingdomId: 'k1', name: 'old' };
    const after = { ...before, name: 'new' };
    db.put('settlement', after);
    await tide.change({ type: 'settlement', id: 's0', op: 'update', before, after });
  };
  return { db, clock, tide, rename };
}

test('E1: a load that began before a change is not kept', async () => {
  const { db, clock, tide, rename } = world();
  const release = db.hold('settlement');
  const loading = tide.get('settlement', 's0');
  await clock.advance(0);
  await rename();
  release();
  expect((await loading)?.name).toBe('old');
  expect((await tide.get('settlement', 's0'))?.name).toBe('new');
});

test('E3: a read that begins after change() resolved does not join the old load, not through its own scope either', async () => {
  const { db, clock, tide, rename } = world();
  const scope = tide.scope();
  const release = db.hold('settlement');
  const old = [tide.get('settlement', 's0'), scope.get('settlement', 's0')];
  await clock.advance(0);
  await rename();
  const fresh = [tide.get('settlement', 's0'), scope.get('settlement', 's0')];
  release();
  expect((await Promise.all(old))[0]?.name).toBe('old');
  expect((await Promise.all(fresh)).map((row) => row?.name)).toEqual(['new', 'new']);
});

test('E5: bytes read from tier 2 before a change on another replica do not fill tier 1 after it', async () => {
  const { db } = world();
  const shared = memory();
  let hold = (): Promise<void> => Promise.resolve();
  const slow = {
    ...shared.store,
    getMany: async (keys: readonly string[]) => {
      const found = await shared.store.getMany(keys);
      await hold();
      return found;
    },
  };
  const a = createTidemark({ model, origin: db.origin, ...shared });
  const b = createTidemark({ model, origin: db.origin, ...shared, store: slow });
  await a.get('settlement', 's0');
  await new Promise((resolve) => setImmediate(resolve));
  let release = (): void => undefined;
  hold = () =>
    new Promise((resolve) => {
      release = resolve;
    });
  const reading = b.get('settlement', 's0');
  await new Promise((resolve) => setImmediate(resolve));
  const before = { id: 's0', kingdomId: 'k1', name: 'old' };
  db.put('settlement', { ...before, name: 'new' });
  await a.change({ type: 'settlement', id: 's0', op: 'update', before, after: { ...before, name: 'new' } });
  hold = () => Promise.resolve();
  release();
  await reading;
  expect((await b.get('settlement', 's0'))?.name).toBe('new');
});

test('20 settlements with 10 structures each: one origin call per level cold, none warm', async () => {
  const { db, tide } = world(20, 10);
  const read = async (): Promise<number> => {
    const scope = tide.scope();
    const settlements = await scope.children('settlement', { kingdom: 'k1' });
    const lists = await Promise.all(settlements.map(({ id }) => scope.loaders.structure.of({ settlement: id })));
    return lists.flat().length;
  };
  expect(await read()).toBe(200);
  expect(db.calls.map(({ type }) => type)).toEqual(['settlement', 'structure']);
  expect(await read()).toBe(200);
  expect(db.calls).toHaveLength(2);
});

test("a settlement's change leaves structures, and another settlement's change leaves its lists", async () => {
  const { db, tide, rename } = world();
  const structures = defineView(model)({
    name: 'structures',
    load: async (read, { settlement }: { settlement: string }) =>
      (await read.children('structure', { settlement })).length,
  });
  for (const id of ['s0', 's1']) {
    await tide.get('settlement', id);
    await tide.children('structure', { settlement: id });
    await tide.view(structures, { settlement: id });
  }
  await tide.children('settlement', { kingdom: 'k1' });
  await rename();
  expect(tide.peek('settlement', 's0')).toBeUndefined();
  expect(tide.peekChildren('settlement', { kingdom: 'k1' })).toBeUndefined();
  expect(tide.peek('settlement', 's1')).toBeDefined();
  for (const id of ['s0', 's1']) {
    expect(tide.peekChildren('structure', { settlement: id })).toHaveLength(2);
    expect(tide.peekView(structures, { settlement: id })).toBe(2);
  }
  const calls = db.calls.length;
  await tide.get('settlement', 's0');
  expect(db.calls).toHaveLength(calls + 1);
});

test('bad input is a coded error and takes nothing from the cache', async () => {
  const { db, tide } = world();
  await tide.get('settlement', 's0');
  await expect(tide.get('settlement', ' ')).rejects.toMatchObject({ code: 'BLANK_ID' });
  await expect(tide.get('village' as 'settlement', 's0')).rejects.toMatchObject({ code: 'UNKNOWN_TYPE' });
  await expect(tide.change({ type: 'settlement', id: '', op: 'update' })).rejects.toMatchObject({ code: 'BLANK_ID' });
  await expect(tide.change({ type: 'settlement', id: 's0', op: 'update', after: { id: 's1' } })).rejects.toMatchObject({
    code: 'ID_MISMATCH',
  });
  db.failNext('settlement', new Error('down'));
  await expect(tide.get('settlement', 's1')).rejects.toMatchObject({
    code: 'ORIGIN_FAILED',
    message: expect.stringContaining('down') as string,
  });
  expect(await tide.get('settlement', 's1')).toMatchObject({ id: 's1' });
  const cyclic: Record<string, unknown> = {};
  cyclic.self = cyclic;
  await expect(tide.cache.set('k', cyclic)).rejects.toMatchObject({ code: 'CYCLIC_VALUE' });
  expect(tide.peek('settlement', 's0')).toMatchObject({ name: 'old' });
});

test('a loader that never settles fails with ORIGIN_TIMEOUT', async () => {
  const { db, clock, tide } = world();
  db.hold('settlement');
  const reading = expect(tide.get('settlement', 's0')).rejects.toMatchObject({ code: 'ORIGIN_TIMEOUT' });
  await clock.advance(10_000);
  await reading;
});

test('a view has originTimeoutMs for each step: every read of its own begins it anew', async () => {
  const { db, clock, tide } = world();
  const patiently = defineView(model)({
    name: 'patiently',
    load: async (read, { settlement, forgotten }: { settlement: string; forgotten: boolean }) => {
      const own = await read.get('settlement', settlement);
      if (forgotten) await new Promise(() => undefined);
      return [own?.name, (await read.children('structure', { settlement })).length];
    },
  });
  for (const forgotten of [false, true]) {
    await tide.change({ subjects: [tide.subject.type('settlement'), tide.subject.type('structure')] });
    const releases = [db.hold('settlement'), db.hold('structure')];
    const outcome = tide.view(patiently, { settlement: 's0', forgotten }).catch((error: unknown) => error);
    for (const release of releases) {
      await clock.advance(9000);
      release();
    }
    await clock.advance(1000);
    expect(await outcome).toEqual(forgotten ? expect.objectContaining({ code: 'ORIGIN_TIMEOUT' }) : ['old', 2]);
  }
});

test('a transaction that throws changes nothing; one that resolves applies what it added', async () => {
  const { db, tide } = world();
  await tide.get('settlement', 's0');
  const failing = tide.transaction((changes) => {
    void changes.add({ type: 'settlement', id: 's0', op: 'update' });
    return Promise.reject(new Error('rolled back'));
  });
  await expect(failing).rejects.toThrow('rolled back');
  expect(tide.peek('settlement', 's0')).toBeDefined();
  const { value, receipt } = await tide.transaction(async (changes) => {
    db.put('settlement', { id: 's0', kingdomId: 'k1', name: 'new' });
    await changes.add({ type: 'settlement', id: 's0', op: 'update' });
    return (await changes.read.get('settlement', 's0'))?.name;
  });
  expect([value, receipt.state, tide.peek('settlement', 's0')]).toEqual(['new', 'done', undefined]);
});

test('values by key: set, get, delete, by pattern, and loaded once', async () => {
  const { tide } = world();
  await tide.cache.set('greeting', null);
  expect(await tide.cache.get('greeting')).toBeNull();
  expect(await tide.cache.del('greeting')).toBe(true);
  expect(await tide.cache.get('greeting')).toBeUndefined();
  let loads = 0;
  const load = (): Promise<number> => tide.cache.getOrLoad('n', () => Promise.resolve(++loads));
  expect(await Promise.all([load(), load(), load()])).toEqual([1, 1, 1]);
  expect(await tide.cache.delPattern('n*')).toEqual({ success: true, keysDeleted: 1 });
  expect(await load()).toBe(2);
});

test('a principal without an authorizer may subscribe to nothing; host code may', async () => {
  const { tide, rename } = world();
  const scope = tide.scope({ principal: 'ann' });
  expect(() => scope.subscribe({ type: 'settlement', id: 's0' })).toThrow(
    expect.objectContaining({ code: 'UNAUTHORIZED' }) as Error,
  );
  const items = tide.subscribe({ type: 'settlement', id: 's0' });
  await rename();
  expect((await items.next()).value).toMatchObject({ kind: 'change', entityId: 's0', changes: { fields: ['name'] } });
  await items.return?.();
});

test("the README's quick start runs and is at most 20 lines", async () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const snippet = /```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? '';
  expect(snippet.trim().split('\n').length).toBeLessThanOrEqual(20);
  const { transform } = await import('esbuild');
  const body = snippet.replace(/^import .*$/m, '');
  const { code } = await transform(`(async () => {${body}})()`, { loader: 'ts' });
  const said: unknown[] = [];
  // eslint-disable-next-line @typescript-eslint/no-implied-eval -- the snippet is this repository's own README
  const run = new Function('createTidemark', 'defineModel', 'entity', 'console', `return ${code}`) as (
    ...args: unknown[]
  ) => Promise<void>;
  await run(createTidemark, defineModel, entity, { log: (text: unknown) => said.push(text) });
  expect(said).toEqual(['New Harrow']);
});
