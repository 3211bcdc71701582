import { describe, expect, test } from 'vitest';
import { type Origin, createTidemark, defineModel, entity } from '../../src/index.js';
import { fakeClock, seededRandom } from '../../src/testing/index.js';
import { type WorldModel, database, model, originOf, world } from './setup.js';

describe('results', () => {
  test('getMany() gives one per id, in order, duplicates included, null where there is none', async () => {
    const { tide, db } = world();
    const scope = tide.scope();
    const ids = ['s2', 's0', 'none', 's2', 's1', 'none'];
    for (const reader of [scope, tide]) {
      const rows = await reader.getMany('settlement', ids);
      expect(rows.map((row) => row?.id ?? null)).toEqual(['s2', 's0', null, 's2', 's1', null]);
      expect(rows[3]).toBe(rows[0]);
    }
    expect(db.calls.map(({ ids: asked }) => asked)).toEqual([['s2', 's0', 'none', 's1']]);
  });

  test('nothing asked is nothing given, without a call', async () => {
    const { tide, db } = world();
    expect(await tide.getMany('settlement', [])).toEqual([]);
    expect(await tide.scope().loaders.settlement.loadMany([])).toEqual([]);
    expect(db.calls).toEqual([]);
  });

  test('loadMany() gives Errors in place; a failed id fails only itself', async () => {
    const { tide, db } = world();
    const failing = (): void => db.failNext('settlement', new Error('locked'), ['s1']);
    failing();
    const [s0, s1, none, s2] = await tide.scope().loaders.settlement.loadMany(['s0', 's1', 'none', 's2']);
    expect([s0, none, s2]).toMatchObject([{ id: 's0' }, null, { id: 's2' }]);
    expect(s1).toMatchObject({ code: 'ORIGIN_FAILED', cause: new Error('locked') });
    // What did not fail is kept, the failed one is asked again.
    expect(tide.peek('settlement', 's2')).toBeDefined();
    expect(await tide.get('settlement', 's1')).toMatchObject({ id: 's1' });
    expect(db.calls.map(({ ids }) => ids)).toEqual([['s0', 's1', 'none', 's2'], ['s1']]);
  });

  test('getMany() rejects if any id failed, and keeps the others', async () => {
    const { tide, db } = world();
    db.failNext('settlement', new Error('locked'), ['s1']);
    await expect(tide.getMany('settlement', ['s0', 's1'])).rejects.toMatchObject({ code: 'ORIGIN_FAILED' });
    expect(tide.peek('settlement', 's0')).toBeDefined();
    expect(tide.peek('settlement', 's1')).toBeUndefined();
  });

  test('a blank id in loadMany() is an Error in place and reaches no origin', async () => {
    const { tide, db } = world();
    const [blank, s0] = await tide.scope().loaders.settlement.loadMany([' ', 's0']);
    expect(blank).toMatchObject({ code: 'BLANK_ID' });
    expect(s0).toMatchObject({ id: 's0' });
    expect(db.calls.map(({ ids }) => ids)).toEqual([['s0']]);
  });

  test('a failed batch rejects for all who wait, and is not remembered', async () => {
    const { tide, db } = world();
    const scope = tide.scope();
    db.failNext('settlement', new Error('down'));
    const ids = ['s0', 's1', 's2'];
    const outcomes = await Promise.allSettled(ids.map((id) => scope.get('settlement', id)));
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    expect((await scope.getMany('settlement', ids)).map((row) => row?.id)).toEqual(ids);
    expect(db.countOf('settlement')).toBe(2);
  });

  test.each(['parents', 'deleted'])('a row that the model’s own %s() cannot read fails only its id', async (name) => {
    interface Row {
      id: string;
      owner: { id: string } | null;
    }
    const read = (row: Row): string => (row.owner as { id: string }).id;
    const options = name === 'parents' ? { parents: { owner: read } } : { deleted: (row: Row) => read(row) === '' };
    const strict = defineModel({ entities: { owner: entity<{ id: string }>()({}), house: entity<Row>()(options) } });
    const rows: Row[] = ['h0', 'h1', 'h2'].map((id) => ({ id, owner: id === 'h1' ? null : { id: 'o' } }));
    const tide = createTidemark({ model: strict, origin: { house: { byIds: () => rows } }, clock: fakeClock() });
    const [h0, h1, h2] = await tide.scope().loaders.house.loadMany(['h0', 'h1', 'h2']);
    expect([h0, h1, h2]).toMatchObject([{ id: 'h0' }, { code: 'LOAD_FAILED' }, { id: 'h2' }]);
  });

  test('a failed batch of lists rejects too, a failed list is asked again', async () => {
    const { tide, db } = world();
    const scope = tide.scope();
    const lists = (): Promise<unknown[]> =>
      Promise.all(['s0', 's1'].map((settlement) => scope.loaders.structure.of({ settlement })));
    db.failNext('structure', new Error('down'));
    await expect(lists()).rejects.toMatchObject({ code: 'ORIGIN_FAILED' });
    expect((await lists()).flat()).toHaveLength(4);
  });
});

describe('batches', () => {
  test('what is asked in one turn goes out together, from whichever scope, loader or the tide itself', async () => {
    const { tide, db } = world();
    const [one, two] = [tide.scope(), tide.scope()];
    await Promise.all([
      one.get('settlement', 's0'),
      two.loaders.settlement.load('s1'),
      tide.get('settlement', 's2'),
      two.get('settlement', 's0'),
      tide.getMany('settlement', ['s3', 's1']),
    ]);
    expect(db.calls.map(({ ids }) => ids)).toEqual([['s0', 's1', 's2', 's3']]);
  });

  test('loads started by promises that were resolved in one turn join one batch', async () => {
    const { tide, db } = world();
    await Promise.all(
      ['s0', 's1'].map(async (id) => {
        const row = await tide.get('settlement', id);
        await tide.get('kingdom', row?.kingdomId ?? '');
      }),
    );
    expect(db.calls.map(({ type, ids }) => [type, ids])).toEqual([
      ['settlement', ['s0', 's1']],
      ['kingdom', ['k0', 'k1']],
    ]);
  });

  test('records and lists, and each type, have batches of their own', async () => {
    const { tide, db } = world();
    await Promise.all([
      tide.get('settlement', 's0'),
      tide.get('kingdom', 'k0'),
      tide.children('settlement', { kingdom: 'k0' }),
      tide.children('settlement', { kingdom: 'k1' }),
    ]);
    expect(db.calls.map(({ type, kind, ids }) => [type, kind, ids])).toEqual([
      ['settlement', 'byIds', ['s0']],
      ['kingdom', 'byIds', ['k0']],
      ['settlement', 'childrenOf', ['k0', 'k1']],
    ]);
  });

  test('maxBatchSize splits them, records and lists alike', async () => {
    const { tide, db } = world({ maxBatchSize: 3 });
    const ids = Array.from({ length: 10 }, (_, i) => `s${String(i)}`);
    const rows = await tide.getMany('settlement', ids);
    expect(rows.map((row) => row?.id ?? null)).toEqual(['s0', 's1', 's2', 's3', ...new Array<null>(6).fill(null)]);
    await Promise.all(ids.map((settlement) => tide.children('structure', { settlement })));
    const sizes = (type: string): number[] =>
      db.calls.filter((call) => call.type === type).map((call) => call.ids.length);
    expect(sizes('settlement')).toEqual([3, 3, 3, 1]);
    expect(sizes('structure')).toEqual([3, 3, 3, 1]);
  });

  test('one part of a split batch fails alone', async () => {
    const { tide, db } = world({ maxBatchSize: 2 });
    db.failNext('settlement', new Error('down'));
    const outcomes = await tide.scope().loaders.settlement.loadMany(['s0', 's1', 's2', 's3']);
    expect(outcomes.map((outcome) => outcome instanceof Error)).toEqual([true, true, false, false]);
  });

  test('an id that is asked while its load runs waits for that load', async () => {
    const { tide, db, clock } = world();
    const release = db.hold('settlement');
    const first = tide.get('settlement', 's0');
    await clock.advance(0);
    const second = tide.scope().getMany('settlement', ['s1', 's0']);
    await clock.advance(0);
    release();
    expect([(await first)?.id, ...(await second).map((row) => row?.id)]).toEqual(['s0', 's1', 's0']);
    expect(db.calls.map(({ ids }) => ids)).toEqual([['s0'], ['s1']]);
  });
});

/** An origin that answers in an order of its own. */
function shuffling(origin: Origin<WorldModel>, seed: number): Origin<WorldModel> {
  const random = seededRandom(seed);
  const { settlement } = origin;
  if (settlement === undefined) throw new Error('expected an origin of settlements');
  return {
    ...origin,
    settlement: {
      byIds: async (ids, context) => shuffled((await settlement.byIds(ids, context)) as Iterable<never>, random),
    },
  };
}
function shuffled<T>(items: Iterable<T>, random: () => number): T[] {
  return [...items]
    .map((item) => [random(), item] as const)
    .sort(([a], [b]) => a - b)
    .map(([, item]) => item);
}

test.each([1, 100, 10_000])('%d keys come back in the order in which they were asked', async (count) => {
  const db = database(count);
  const tide = createTidemark({ model, origin: shuffling(originOf(db), 7), clock: fakeClock() });
  // Every id twice and as many that do not exist, in any order.
  const ids = Array.from({ length: count }, (_, i) => [`s${String(i)}`, `s${String(i)}`, `x${String(i)}`]).flat();
  const asked = shuffled(ids, seededRandom(11));
  const rows = await tide.scope().loaders.settlement.loadMany(asked);
  expect(rows.map((row) => (row instanceof Error ? 'failed' : (row?.id ?? null)))).toEqual(
    asked.map((id) => (id.startsWith('s') ? id : null)),
  );
  expect(db.countOf('settlement')).toBe(Math.ceil((2 * count) / 1000));
});
