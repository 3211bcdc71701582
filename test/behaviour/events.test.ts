import { describe, expect, test } from 'vitest';
import { type TideEventName, defineView, memory } from '../../src/index.js';
import { fakeClock } from '../../src/testing/index.js';
import { type Recorded, database, deafened, model, replicas, world } from './setup.js';

const name = defineView(model)({
  name: 'name',
  load: async (read, { id }: { id: string }) => (await read.get('settlement', id))?.name,
});

test('nothing happens, nothing is said', async () => {
  const { tide, seen, clock } = world();
  await tide.ready();
  tide.peek('settlement', 's0');
  await clock.advance(1000);
  const nothing: Recorded = {
    error: [],
    load: [],
    doomed: [],
    change: [],
    gap: [],
    trusted: [],
    outage: [],
    queued: [],
    sent: [],
    stale: [],
  };
  expect(seen).toEqual(nothing);
});

describe('load', () => {
  test('says what the origin was asked, once per call of it, and of a hit says nothing', async () => {
    const { tide, seen } = world({ maxBatchSize: 2 });
    await tide.getMany('settlement', ['s0', 's1', 's2']);
    await tide.get('settlement', 's0');
    await Promise.all(['k0', 'k1'].map((kingdom) => tide.children('settlement', { kingdom })));
    await tide.view(name, { id: 's3' });
    const of = (kind: string, count: number): object => ({ kind, type: 'settlement', branch: 'main', count });
    expect(seen.load).toEqual([of('record', 2), of('record', 1), of('list', 2), of('record', 1)]);
  });

  test('is said of a transaction’s reads too', async () => {
    const { tide, seen } = world();
    await tide.transaction(({ read }) => read.getMany('settlement', ['s0', 's1']));
    expect(seen.load).toEqual([{ kind: 'record', type: 'settlement', branch: 'main', count: 2 }]);
  });
});

test('doomed: what was overtaken, each value once', async () => {
  const { tide, db, clock, seen, rename } = world();
  const release = db.hold('settlement');
  const reads = [
    tide.getMany('settlement', ['s0', 's1']),
    tide.children('settlement', { kingdom: 'k0' }),
    tide.view(name, { id: 's0' }),
    tide.cache.getOrLoad('n', async (read) => (await read.get('settlement', 's0'))?.name),
  ];
  await clock.advance(0);
  await rename('s0');
  release();
  await Promise.all(reads);
  const said = seen.doomed.map(({ kind, type, branch }) => `${kind} ${type} ${branch}`);
  expect(said.sort()).toEqual(['key key ', 'list settlement main', 'record settlement main', 'view name main']);
});

test('change: the id of the receipt and every subject, those that explain() names', async () => {
  const { tide, seen } = world();
  const image = { id: 's0', kingdomId: 'k0', name: 'old' };
  const changes = [
    { type: 'settlement', id: 's0', op: 'update', before: image, after: { ...image, name: 'new' } },
    { type: 'settlement', id: 's0', op: 'update' },
    { type: 'kingdom', id: 'k0', op: 'delete' },
    { subjects: [tide.subject.type('kingdom'), tide.subject.rules('structure', 'campaign')] },
  ] as const;
  for (const change of changes) {
    const { changeId } = await tide.change(change);
    const subjects = tide.explain(change).subjects.map(({ subject }) => subject);
    expect(seen.change.at(-1)).toEqual({ changeId, subjects });
  }
  expect(seen.change).toHaveLength(changes.length);
});

test('change is said only where it was called; the others hear its marks', async () => {
  const { a, b } = replicas();
  await b.tide.get('settlement', 's0');
  await a.rename('s0');
  expect([a.seen.change.length, b.seen.change.length]).toEqual([1, 0]);
  expect(b.tide.peek('settlement', 's0')).toBeUndefined();
});

test('gap and trusted: the partition, until its marks were read again; no value is thrown away', async () => {
  const [db, clock] = [database(), fakeClock()];
  const { marks } = memory();
  let tellGap = (): void => {};
  const own = world(
    {
      marks: {
        ...marks,
        watch: (watcher) => {
          tellGap = () => watcher.onGap(0);
          return marks.watch(watcher);
        },
      },
    },
    { db, clock },
  );
  await own.tide.get('settlement', 's0');
  tellGap();
  expect([own.seen.gap, own.seen.trusted]).toEqual([[{ partition: 0 }], []]);
  expect(own.tide.peek('settlement', 's0')).toBeUndefined();
  await clock.advance(0);
  expect(own.seen.trusted).toEqual([{ partition: 0 }]);
  expect(own.tide.peek('settlement', 's0')).toBeDefined();
  expect(db.calls).toHaveLength(1);
});

test('a new epoch is a gap too, and makes everything of it stale', async () => {
  const { a, b, clock, shared } = replicas();
  await a.tide.get('settlement', 's0');
  await b.tide.get('settlement', 's0');
  const [head] = await shared.marks.heads();
  await shared.marks.newEpoch(0, head?.epoch ?? '');
  await clock.advance(0);
  for (const { tide, seen } of [a, b]) {
    expect(seen.gap.length).toBeGreaterThan(0);
    expect(seen.trusted.at(-1)).toEqual({ partition: 0 });
    expect(tide.peek('settlement', 's0')).toBeUndefined();
    expect(await tide.get('settlement', 's0')).toMatchObject({ name: 'old' });
  }
});

test('error: a bus that fails, while the change itself is done', async () => {
  const { bus } = memory();
  const down = new Error('the bus is down');
  const own = world({ bus: { ...bus, publish: () => Promise.reject(down) } });
  await own.tide.get('settlement', 's0');
  const receipt = await own.rename('s0');
  expect(receipt.state).toBe('done');
  expect(own.tide.peek('settlement', 's0')).toBeUndefined();
  expect(own.seen.error).toEqual([{ error: down, where: `bus: change ${receipt.changeId}` }]);
});

test('messages that come late are no gap', async () => {
  const [db, clock] = [database(), fakeClock()];
  const shared = memory({ clock });
  const heard = deafened(shared.marks);
  const a = world({ ...shared }, { db, clock });
  const b = world({ ...shared, marks: heard.marks }, { db, clock, from: 5000 });
  await b.tide.get('settlement', 's0');
  heard.deafen();
  for (const id of ['s0', 's1', 's2']) await a.rename(id);
  heard.listen();
  expect(b.seen.gap).toEqual([]);
  expect(await b.tide.get('settlement', 's0')).toMatchObject({ name: 'new' });
});

describe('a listener', () => {
  test('is called no more once it was stopped; the others are', async () => {
    const { tide, seen } = world();
    let calls = 0;
    const stop = tide.on('load', () => calls++);
    await tide.get('settlement', 's0');
    stop();
    stop();
    await tide.get('settlement', 's1');
    expect([calls, seen.load.length]).toEqual([1, 2]);
  });

  test.each<TideEventName>(['load', 'change', 'doomed'])(
    'of %s that throws is an error event, and stops nobody',
    async (event) => {
      const { tide, db, clock, rename } = world();
      const thrown = new Error('a bad day');
      const errors: unknown[] = [];
      let others = 0;
      tide.on('error', (error) => errors.push(error));
      tide.on(event, () => {
        throw thrown;
      });
      tide.on(event, () => others++);
      const release = db.hold('settlement');
      const reading = tide.get('settlement', 's0');
      await clock.advance(0);
      expect((await rename('s0')).state).toBe('done');
      release();
      expect(await reading).toMatchObject({ name: 'old' });
      expect(errors).toEqual([{ error: thrown, where: `a listener of '${event}'` }]);
      expect(others).toBe(1);
    },
  );

  test('of error that throws has nobody to tell, and stops nobody', async () => {
    const { tide, db, clock } = world({ graceMs: 60_000, ttlMs: 1000 });
    let others = 0;
    tide.on('error', () => {
      throw new Error('a bad day');
    });
    tide.on('error', () => others++);
    await tide.get('settlement', 's0');
    await clock.advance(1000);
    db.failNext('settlement', new Error('down'));
    expect(await tide.get('settlement', 's0')).toMatchObject({ name: 'old' });
    await clock.advance(0);
    expect(others).toBe(1);
  });

  test('may throw what is no Error', async () => {
    const { tide, seen } = world();
    tide.on('load', () => {
      // eslint-disable-next-line @typescript-eslint/only-throw-error -- hosts do
      throw 'a text';
    });
    await tide.get('settlement', 's0');
    expect(seen.error).toMatchObject([{ error: { cause: 'a text' }, where: "a listener of 'load'" }]);
  });

  test('may read through the tide', async () => {
    const { tide } = world();
    const found: unknown[] = [];
    tide.on('change', () => found.push(tide.peek('settlement', 's0')));
    await tide.get('settlement', 's0');
    await tide.change({ type: 'settlement', id: 's0', op: 'update' });
    expect(found).toEqual([undefined]);
  });
});
