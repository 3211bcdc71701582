import { describe, expect, test } from 'vitest';
import { createTidemark, defineModel, entity } from '../../src/index.js';
import { decodeEntry, encodeEntry } from '../../src/cache/entry.js';
import { type Replicas, type Settlement, entities, replicas, world } from './setup.js';

/** Everything stored under keys of the model. */
async function stored({ shared }: Replicas): Promise<Map<string, Uint8Array>> {
  const found = new Map<string, Uint8Array>();
  for await (const keys of shared.store.scan('*')) {
    const values = await shared.store.getMany(keys);
    keys.forEach((key, i) => found.set(key, values[i]?.value as Uint8Array));
  }
  return found;
}
/** Writes the one stored settlement again as `change` makes it. */
async function tamper(own: Replicas, change: (bytes: Uint8Array) => Uint8Array): Promise<void> {
  for (const [key, value] of await stored(own)) {
    if (key.includes('settlement:s0')) await own.shared.store.setMany([{ key, value: change(value) }]);
  }
}

describe('what is stored is not believed', () => {
  const aTideOf = (own: Replicas, schema: number, parents: object) => {
    const other = defineModel({ entities: { ...entities, settlement: entity<Settlement>()({ ...parents, schema }) } });
    return createTidemark({ model: other, origin: own.db.origin, clock: own.clock, ...own.shared });
  };
  test.each([
    ['under another schema', 2, { parents: { kingdom: 'kingdomId' } }],
    ['with other links between the types', 0, {}],
  ])('if it was written by a model %s', async (_, schema, parents) => {
    const own = replicas();
    await own.a.tide.get('settlement', 's0');
    await own.clock.advance(0);
    const other = aTideOf(own, schema, parents);
    expect(await other.get('settlement', 's0')).toMatchObject({ name: 'old' });
    expect(own.db.calls).toHaveLength(2);
  });

  test('if it does not carry every mark that this model asks for', async () => {
    const own = replicas();
    await own.a.tide.get('settlement', 's0');
    await own.clock.advance(0);
    const [bytes = new Uint8Array()] = (await stored(own)).values();
    const { subjects, tokens, late } = decodeEntry(bytes);
    expect(subjects.map((subject) => subject.split(':')[0]).sort()).toEqual(['all', 'below', 'branch', 'entity']);
    for (const [at, left] of subjects.entries()) {
      await own.clock.advance(0);
      const without = <T>(list: readonly T[]): T[] => list.filter((_, i) => i !== at);
      const fewer = { subjects: without(subjects), tokens: without(tokens), late: at < late ? late - 1 : late };
      await tamper(own, () => encodeEntry({ ...decodeEntry(bytes), ...fewer }));
      const calls = own.db.calls.length;
      const c = world({ ...own.shared }, { db: own.db, clock: own.clock });
      await c.tide.get('settlement', 's0');
      expect(own.db.calls, `without ${left}`).toHaveLength(calls + 1);
    }
  });

  test('but is found whatever it says a reader cannot know of', async () => {
    const own = replicas();
    await own.a.tide.get('settlement', 's0');
    await own.clock.advance(0);
    const [bytes = new Uint8Array()] = (await stored(own)).values();
    const { subjects, late } = decodeEntry(bytes);
    expect(subjects.slice(0, late)).toEqual(['below:kingdom:k0:main']);
    for (const other of [0, subjects.length]) {
      await tamper(own, () => encodeEntry({ ...decodeEntry(bytes), late: other }));
      const c = world({ ...own.shared }, { db: own.db, clock: own.clock });
      expect(await c.tide.get('settlement', 's0')).toMatchObject({ name: 'old' });
      expect(own.db.calls).toHaveLength(1);
    }
  });

  test('if its bytes are no entry: an event, the origin, and the bytes are replaced', async () => {
    const own = replicas();
    const { a, b, db, clock } = own;
    await a.tide.get('settlement', 's0');
    await clock.advance(0);
    await tamper(own, (bytes) => bytes.slice(0, 40));
    expect(await b.tide.get('settlement', 's0')).toMatchObject({ name: 'old' });
    expect(b.seen.error).toMatchObject([
      { where: 'tier 2: entry settlement:s0:main', error: { code: 'CORRUPT_ENTRY' } },
    ]);
    expect(db.calls).toHaveLength(2);
    await clock.advance(0);
    const c = world({ ...own.shared }, { db, clock });
    await c.tide.get('settlement', 's0');
    expect([db.calls.length, c.seen.error]).toEqual([2, []]);
  });

  test('however its bytes are cut, or one of them is flipped: a read never fails', async () => {
    const own = replicas();
    await own.a.tide.get('settlement', 's0');
    await own.clock.advance(0);
    const [bytes = new Uint8Array()] = (await stored(own)).values();
    const flipped = (at: number): Uint8Array => bytes.map((byte, i) => (i === at ? byte ^ 0xff : byte));
    const broken = [...bytes.keys()].flatMap((at) => [bytes.slice(0, at), flipped(at)]);
    expect(broken.length).toBeGreaterThan(300);
    for (const one of broken) {
      await tamper(own, () => one);
      const c = world({ ...own.shared, store: { ...own.shared.store, setMany: async () => {} } }, { ...own, from: 1 });
      expect(await c.tide.get('settlement', 's0')).toMatchObject({ id: 's0', name: 'old' });
    }
  });
});

test('maxEntryBytes: what is larger stays in tier 1, with an event', async () => {
  const { a, b, db, clock } = replicas({ maxEntryBytes: 600 });
  db.put('settlement', { id: 's0', kingdomId: 'k0', name: 'x'.repeat(600) });
  await a.tide.getMany('settlement', ['s0', 's1']);
  await clock.advance(0);
  expect(a.tide.peek('settlement', 's0')).toBeDefined();
  expect(a.seen.error).toMatchObject([{ where: 'tier 2: settlement:s0:main not stored' }]);
  await b.tide.getMany('settlement', ['s0', 's1']);
  expect(db.calls.map((call) => call.ids)).toEqual([['s0', 's1'], ['s0']]);
});

test('what the codec refuses stays in tier 1, with an event', async () => {
  const { a, clock } = replicas();
  const value = await a.tide.cache.getOrLoad('n', () => new URL('a:b'));
  await clock.advance(0);
  expect(await a.tide.cache.get('n')).toBe(value);
  expect(a.seen.error).toMatchObject([{ where: 'tier 2: n not stored', error: { code: 'UNENCODABLE' } }]);
  await expect(a.tide.cache.set('n', new URL('a:b'))).rejects.toMatchObject({ code: 'UNENCODABLE' });
});
