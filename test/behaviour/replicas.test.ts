import { describe, expect, test } from 'vitest';
import { type Marks, createTidemark, defineView, memory } from '../../src/index.js';
import { chaosMarks, delayedMarks, fakeClock } from '../../src/testing/index.js';
import { type World, database, deafened, model, originOf, replicas, world } from './setup.js';

const nameOf = defineView(model)({
  name: 'nameOf',
  load: async (read, { id }: { id: string }) => (await read.get('settlement', id))?.name,
});

/** Replica b has lost its subscription and does not know it; both share marks, bus and store. */
function cutOff(options = {}) {
  const [db, clock] = [database(), fakeClock()];
  const shared = memory({ clock });
  const heard = deafened(shared.marks);
  const a = world({ ...shared, ...options }, { db, clock });
  const b = world({ ...shared, ...options, marks: heard.marks }, { db, clock, from: 5000 });
  return { db, clock, shared, heard, a, b };
}

describe('a replica that hears nothing', () => {
  test('serves what it holds for maxStalenessMs and no longer, and then what is current', async () => {
    const { a, b, clock, heard } = cutOff({ store: undefined, maxStalenessMs: 900 });
    await b.tide.get('settlement', 's0');
    heard.deafen();
    await a.rename('s0');
    expect((await b.tide.get('settlement', 's0'))?.name).toBe('old');
    await clock.advance(899);
    expect(b.tide.peek('settlement', 's0')?.name).toBe('old');
    await clock.advance(1);
    expect(b.tide.peek('settlement', 's0')).toBeUndefined();
    expect((await b.tide.get('settlement', 's0'))?.name).toBe('new');
  });

  test('asks for the marks of what it holds, and loads nothing that has not changed', async () => {
    const { b, clock } = cutOff({ store: undefined, maxStalenessMs: 900 });
    await Promise.all(['s0', 's1', 's2'].map((id) => b.tide.get('settlement', id)));
    const calls = b.settlementCalls();
    clock.block(10_000);
    await new Promise<void>((resolve) => process.nextTick(resolve)); // the next turn reads the clock anew
    expect(b.tide.peek('settlement', 's0')).toBeUndefined();
    await Promise.all(['s0', 's1', 's2'].map((id) => b.tide.get('settlement', id)));
    expect(b.settlementCalls()).toBe(calls);
  });

  test('finds by its second head check that a message is missing, and reads its marks again', async () => {
    const { a, b, clock, heard } = cutOff({ store: undefined, maxStalenessMs: 60_000 });
    await b.tide.get('settlement', 's0');
    heard.deafen();
    await a.rename('s0');
    await clock.advance(1000);
    expect(b.seen.gap).toEqual([]);
    await clock.advance(1000);
    expect(b.seen.gap).toHaveLength(1);
    expect((await b.tide.get('settlement', 's0'))?.name).toBe('new');
  });
});

test('marks that come with an entry of tier 2 do not win over newer ones that were heard before them', async () => {
  const [db, clock] = [database(), fakeClock()];
  const shared = memory({ clock });
  const marks = delayedMarks(shared.marks);
  marks.flow();
  const a = world({ ...shared }, { db, clock });
  const b = world({ ...shared, marks }, { db, clock, from: 5000 });
  await a.tide.view(nameOf, { id: 's0' });
  await clock.advance(0);
  await b.tide.ready();
  marks.hold();
  const early = b.tide.view(nameOf, { id: 's0' });
  await clock.advance(0);
  expect(marks.pendingReplies).toEqual(['fetch']);
  await a.rename('s0');
  while (marks.deliverMessage());
  marks.flow();
  await early;
  expect(b.tide.peekView(nameOf, { id: 's0' })).not.toBe('old');
  expect(await b.tide.view(nameOf, { id: 's0' })).toBe('new');
});

describe("consistency 'strong'", () => {
  test('is as new as what the store has accepted, by call, scope or tide; nested reads too', async () => {
    for (const how of ['call', 'scope', 'tide'] as const) {
      const strong = { consistency: 'strong' } as const;
      const { a, b, heard } = cutOff({ store: undefined, ...(how === 'tide' ? strong : {}) });
      await b.tide.view(nameOf, { id: 's0' });
      heard.deafen();
      await a.rename('s0');
      const { tide } = b;
      const [record, view] =
        how === 'scope'
          ? [tide.scope(strong).get('settlement', 's0'), tide.scope(strong).view(nameOf, { id: 's0' })]
          : how === 'call'
            ? [tide.get('settlement', 's0', strong), tide.view(nameOf, { id: 's0' }, strong)]
            : [tide.get('settlement', 's0'), tide.view(nameOf, { id: 's0' })];
      expect([(await record)?.name, await view]).toEqual(['new', 'new']);
    }
  });

  test('loads nothing that has not changed', async () => {
    const { b } = cutOff();
    await b.tide.get('settlement', 's0');
    const calls = b.settlementCalls();
    await b.tide.get('settlement', 's0', { consistency: 'strong' });
    expect(b.settlementCalls()).toBe(calls);
  });

  test('is refused where it is no such word', () => {
    expect(() => world({ consistency: 'eventual' as never })).toThrow(/consistency: expected 'bounded' or 'strong'/);
  });
});

describe('a cold value', () => {
  test('is loaded once among replicas', async () => {
    const { a, b, db, clock } = replicas();
    const release = db.hold('settlement');
    const reads = [a, b, a, b].map(({ tide }) => tide.get('settlement', 's0'));
    await clock.advance(50);
    release();
    await clock.advance(50);
    expect((await Promise.all(reads)).map((row) => row?.name)).toEqual(['old', 'old', 'old', 'old']);
    expect(a.settlementCalls()).toBe(1);
  });

  test('is loaded once also if one replica saw it missing before the other loaded it all', async () => {
    const { shared, db, clock, a } = replicas();
    let [looks, answer] = [0, (): void => {}];
    const store = {
      ...shared.store,
      getMany: async (keys: readonly string[]) => {
        const found = await shared.store.getMany(keys);
        if (++looks === 1) await new Promise<void>((resolve) => (answer = resolve));
        return found;
      },
    };
    const slow = world(
      { ...shared, store, marks: { ...shared.marks, fetchFrom: () => null } },
      { db, clock, from: 9000 },
    );
    const reading = slow.tide.get('settlement', 's0');
    await clock.advance(10);
    await a.tide.get('settlement', 's0');
    await clock.advance(10);
    answer();
    await clock.advance(50);
    expect((await reading)?.name).toBe('old');
    expect(a.settlementCalls()).toBe(1);
  });

  test('of a view too, and of a key', async () => {
    const { a, b, clock } = replicas();
    let loads = 0;
    const load = async (): Promise<number> => {
      await new Promise<void>((resume) => clock.after(100, resume));
      return ++loads;
    };
    const reads = [a, b].map(({ tide }) => tide.cache.getOrLoad('answer', load));
    await clock.advance(300);
    expect(await Promise.all(reads)).toEqual([1, 1]);
  });

  test('of a view whose load a change has overtaken is not waited for, here and on another replica', async () => {
    const { a, b, clock } = replicas();
    let [loads, release] = [0, (): void => {}];
    const load = async (read: { get: World['tide']['get'] }): Promise<string | undefined> => {
      const row = await read.get('settlement', 's0');
      if (++loads === 1) await new Promise<void>((resolve) => (release = resolve));
      return row?.name;
    };
    const early = a.tide.cache.getOrLoad('name', load);
    await clock.advance(50);
    await a.rename('s0');
    const late = [b, a].map(({ tide }) => tide.cache.getOrLoad('name', load));
    await clock.advance(1000);
    expect(await Promise.all(late)).toEqual(['new', 'new']);
    release();
    await clock.advance(50);
    expect([await early, await a.tide.cache.getOrLoad('name', load)]).toEqual(['old', 'new']);
  });

  test('of which the load fails: those who were seen to wait for it fail alike', async () => {
    const { a, b, clock } = replicas();
    let loads = 0;
    const load = async (): Promise<never> => {
      loads++;
      await new Promise<void>((resume) => clock.after(100, resume));
      throw new Error('down');
    };
    const reads = [a, b].map(({ tide }) => tide.cache.getOrLoad('answer', load).catch((error: unknown) => error));
    await clock.advance(300);
    expect(await Promise.all(reads)).toMatchObject([{ code: 'LOAD_FAILED' }, { code: 'LOAD_FAILED' }]);
    expect(loads).toBe(1);
  });

  test('whose load never ends is loaded by another within its lease', async () => {
    const { db, clock, shared } = cutOff();
    const dying = createTidemark({
      model,
      origin: { settlement: { byIds: () => new Promise<never>(() => {}) } },
      ...shared,
      clock: { ...fakeClock(), after: () => () => undefined },
    });
    void dying.get('settlement', 's0').catch(() => undefined);
    await clock.advance(0);
    const own = world({ ...shared }, { db, clock, from: 9000 });
    const reading = own.tide.get('settlement', 's0');
    await clock.advance(1900);
    expect(own.settlementCalls()).toBe(0);
    await clock.advance(200);
    expect((await reading)?.name).toBe('old');
    expect(own.settlementCalls()).toBe(1);
  });

  test('is loaded by each where the store cannot say who was first', async () => {
    const { store, ...shared } = memory();
    const loose = { ...store, capabilities: { atomic: false } };
    const { a, b, clock } = replicas({ ...shared, store: loose });
    await Promise.all([a, b].map(({ tide }) => tide.get('settlement', 's0')));
    await clock.advance(0);
    expect(a.settlementCalls()).toBe(2);
  });
});

describe('an outage', () => {
  const unreachable = (marks: Marks): { marks: Marks; fail: (down: boolean) => void } => {
    let down = false;
    const orDown =
      <Args extends unknown[], T>(call: (...args: Args) => Promise<T>) =>
      (...args: Args): Promise<T> =>
        down ? Promise.reject(new Error('connection refused')) : call(...args);
    return {
      fail: (fails) => (down = fails),
      marks: {
        ...marks,
        fetchFrom: () => null,
        watch: orDown(marks.watch),
        heads: orDown(marks.heads),
        read: orDown(marks.read),
        bump: orDown(marks.bump),
        newEpoch: orDown(marks.newEpoch),
      },
    };
  };
  const inOutage = async (options = {}): Promise<World & { fail: (down: boolean) => void }> => {
    const { marks, fail } = unreachable(memory().marks);
    const own = world({ marks, ...options });
    await own.tide.get('settlement', 's0');
    fail(true);
    own.clock.block(4000);
    return { ...own, fail };
  };

  test('sends the origin one call for all who ask at once, and no more at once than it is said to bear', async () => {
    const own = await inOutage({ outageOriginCalls: 2, outageQueue: 100 });
    const release = own.db.hold('settlement');
    const before = own.settlementCalls();
    const same = [1, 2, 3].map(() => own.tide.get('settlement', 's0'));
    await own.clock.advance(0);
    const others = ['s1', 's2', 's3'].map((id) => own.clock.advance(0).then(() => own.tide.get('settlement', id)));
    await own.clock.advance(0);
    await own.clock.advance(0);
    expect(own.settlementCalls() - before).toBeLessThanOrEqual(2);
    release();
    await own.clock.advance(0);
    await Promise.all([...same, ...others]);
  });

  test('a gap that is told of before a first attempt to watch fails makes nothing count', async () => {
    const { shared, db, clock, b } = replicas();
    let down = true;
    const failing: Marks = {
      ...shared.marks,
      watch: async (watcher) => {
        if (!down) return shared.marks.watch(watcher);
        // As where a connection is lost before the acknowledgement: the marks are read again, and nobody listens.
        watcher.onGap(undefined);
        await clock.advance(10);
        throw new Error('connection lost');
      },
    };
    const a = world({ ...shared, marks: failing }, { db, clock });
    for (let i = 0; i < 3; i++) await a.tide.get('settlement', 's0');
    await b.rename('s0');
    down = false;
    await clock.advance(1000);
    expect(await a.tide.get('settlement', 's0')).toMatchObject({ name: 'new' });
    await b.rename('s0', 'newer');
    expect(await a.tide.get('settlement', 's0')).toMatchObject({ name: 'newer' });
  });

  test('is shared as well when messages may be missing: whoever asks later waits for the load that runs', async () => {
    const { marks, fail } = unreachable(memory().marks);
    let gap = (): void => {};
    const watched: Marks = {
      ...marks,
      watch: (watcher) => {
        gap = () => {
          watcher.onGap(undefined);
        };
        return marks.watch(watcher);
      },
    };
    const own = world({ marks: watched });
    await own.tide.ready();
    fail(true);
    gap();
    await own.clock.advance(0);
    const release = own.db.hold('settlement');
    const readers: Promise<unknown>[] = [];
    for (let i = 0; i < 5; i++) {
      readers.push(own.tide.get('settlement', 's0'));
      await own.clock.advance(1);
    }
    expect(own.settlementCalls()).toBe(1);
    // What a second gap may have lost can concern the load that was under way.
    gap();
    readers.push(own.tide.get('settlement', 's0'));
    await own.clock.advance(1);
    expect(own.settlementCalls()).toBe(2);
    release();
    await own.clock.advance(0);
    await Promise.all(readers);
  });

  test('is not shared with a strong read: what was asked for without marks may be older than it', async () => {
    // Marks that were never reached: no question about any was sent since.
    const { marks, fail } = unreachable(memory().marks);
    fail(true);
    const own = world({ marks });
    const release = own.db.hold('settlement');
    const strong = { consistency: 'strong' } as const;
    const reads = [own.tide.get('settlement', 's0', strong)];
    await own.clock.advance(1);
    reads.push(own.tide.get('settlement', 's0', strong));
    await own.clock.advance(1);
    expect(own.settlementCalls()).toBe(2);
    release();
    await own.clock.advance(0);
    await Promise.all(reads);
  });

  test('never has a load wait for one that waits for its place', async () => {
    const own = await inOutage({ outageOriginCalls: 1, outageQueue: 10 });
    for (let i = 0; i < 6; i++) await own.tide.get('settlement', `s${String(i)}`); // so often until marks count as down
    const inner = defineView(model)({ name: 'inner', load: () => 1 });
    let goOn = (): void => {};
    const paused = new Promise<void>((resolve) => (goOn = resolve));
    const outer = defineView(model)({
      name: 'outer',
      load: async (read) => {
        await paused;
        return read.view(inner, {});
      },
    });
    const reading = own.tide.view(outer, {});
    await own.clock.advance(0);
    const queued = own.tide.view(inner, {});
    await own.clock.advance(0);
    goOn();
    await own.clock.advance(0);
    expect(await Promise.race([Promise.all([reading, queued]), own.clock.advance(1).then(() => 'stuck')])).toEqual([
      1, 1,
    ]);
  });

  test('beyond its queue a read fails with OVERLOADED, or gets what is held if it allows that', async () => {
    const own = await inOutage({ outageOriginCalls: 1, outageQueue: 0 });
    const release = own.db.hold('kingdom');
    void own.tide.get('kingdom', 'k0');
    await own.clock.advance(0);
    await expect(own.tide.get('settlement', 's0')).rejects.toMatchObject({ code: 'OVERLOADED' });
    expect(await own.tide.get('settlement', 's0', { staleIfOutageMs: 60_000 })).toMatchObject({ name: 'old' });
    expect(own.seen.stale).toHaveLength(1);
    await expect(own.tide.get('settlement', 's0', { staleIfOutageMs: 10 })).rejects.toMatchObject({
      code: 'OVERLOADED',
    });
    release();
  });

  test('is over when the marks answer again: what is held counts once more', async () => {
    const own = await inOutage();
    await own.tide.get('settlement', 's0');
    own.fail(false);
    await own.clock.advance(2000);
    const calls = own.settlementCalls();
    await own.tide.get('settlement', 's0');
    expect(own.settlementCalls()).toBe(calls);
    expect(own.tide.peek('settlement', 's0')).toBeDefined();
  });

  test('what waited is announced before what came after it, however long the bus takes', async () => {
    const [db, clock] = [database(), fakeClock()];
    const { marks, bus } = memory({ clock });
    const reach = unreachable(marks);
    let slow = false;
    const slowBus: typeof bus = {
      ...bus,
      publish: async (...publication) => {
        if (slow) {
          slow = false;
          await new Promise<void>((resume) => clock.after(300, resume));
        }
        return bus.publish(...publication);
      },
    };
    const { tide, rename } = world({ marks: reach.marks, bus: slowBus }, { db, clock });
    await tide.ready();
    const items = tide.subscribe({ type: 'settlement', id: 's0' });
    await clock.advance(0);
    reach.fail(true);
    expect((await rename('s0', 'first')).state).toBe('queued');
    reach.fail(false);
    slow = true;
    const second = rename('s0', 'second');
    await clock.advance(1000);
    expect((await second).state).toBe('done');
    const named = (name: string): object => ({ value: { kind: 'change', changes: { values: { name } } } });
    expect([await items.next(), await items.next()]).toMatchObject([named('first'), named('second')]);
  });

  test('more changes than the queue takes become new epochs: everything is read again, subscribers are told', async () => {
    const own = await inOutage();
    const items = own.tide.subscribe({ type: 'kingdom' });
    await own.clock.advance(0);
    for (let i = 0; i < 11; i++) {
      const subjects = Array.from({ length: 1000 }, (_, j) =>
        own.tide.subject.entity('settlement', `x${String(i)}.${String(j)}`),
      );
      expect((await own.tide.change({ subjects })).state).toBe('queued');
    }
    own.fail(false);
    await own.clock.advance(3000);
    expect((await items.next()).value).toMatchObject({ kind: 'resync', reason: 'epoch' });
    expect((await own.rename('s0')).state).toBe('done');
  });

  /** More changes than the queue takes, the first of them of s0. */
  const runOver = async ({ tide, rename }: World): Promise<void> => {
    expect((await rename('s0')).state).toBe('queued');
    const subjects = Array.from({ length: 10_000 }, (_, i) => tide.subject.entity('settlement', `x${String(i)}`));
    expect((await tide.change({ subjects })).state).toBe('queued');
  };

  test('so do those of a replica that has never reached the marks', async () => {
    const [db, clock] = [database(), fakeClock()];
    const shared = memory({ clock });
    const { marks, fail } = unreachable(shared.marks);
    const a = world({ ...shared, marks }, { db, clock });
    const b = world({ ...shared }, { db, clock, from: 5000 });
    await b.tide.get('settlement', 's0');
    fail(true);
    await runOver(a);
    fail(false);
    await clock.advance(3000);
    expect(await b.tide.get('settlement', 's0')).toMatchObject({ name: 'new' });
  });

  test('an epoch that others began before is not taken for one of them', async () => {
    const [db, clock] = [database(), fakeClock()];
    const shared = memory({ clock });
    const heard = deafened(shared.marks);
    const { marks, fail } = unreachable(heard.marks);
    const a = world({ ...shared, marks }, { db, clock });
    const b = world({ ...shared }, { db, clock, from: 5000 });
    await a.tide.get('settlement', 's0');
    heard.deafen();
    await clock.advance(100);
    fail(true);
    for (const { partition, epoch } of await shared.marks.heads()) await shared.marks.newEpoch(partition, epoch);
    await b.tide.get('settlement', 's0');
    await runOver(a);
    await clock.advance(950); // its next head check fails: it does not know yet that there is another epoch
    fail(false);
    await clock.advance(5000);
    expect(await b.tide.get('settlement', 's0')).toMatchObject({ name: 'new' });
  });
});

describe('originLagMs', () => {
  test('hands out, but does not keep, what was loaded sooner after a change', async () => {
    const own = world({ originLagMs: 500 });
    await own.clock.advance(600);
    await own.tide.get('settlement', 's0');
    expect(own.tide.peek('settlement', 's0')).toBeDefined();
    await own.rename('s0');
    expect(await own.tide.get('settlement', 's0')).toMatchObject({ name: 'new' });
    expect(own.tide.peek('settlement', 's0')).toBeUndefined();
    await own.clock.advance(500);
    await own.tide.get('settlement', 's0');
    expect(own.tide.peek('settlement', 's0')).toBeDefined();
  });

  test('counts from the change, also where its mark was asked for long before it', async () => {
    const [db, clock] = [database(), fakeClock()];
    const shared = memory({ clock });
    const heard = deafened(shared.marks);
    const marks = chaosMarks(heard.marks, { random: () => 0.5, clock });
    const a = world({ ...shared }, { db, clock });
    const b = world({ marks, bus: shared.bus, originLagMs: 300 }, { db, clock, from: 5000 });
    await b.tide.ready();
    await clock.advance(600);
    heard.deafen();
    marks.delay(400);
    const reading = b.tide.get('settlement', 's0');
    await clock.advance(300);
    await a.rename('s0');
    await clock.advance(500);
    await reading;
    expect(b.tide.peek('settlement', 's0')).toBeUndefined();
  });
});

test('an event that arrives before the marks of its change lets nobody read older values', async () => {
  const [db, clock] = [database(), fakeClock()];
  const shared = memory({ clock });
  const marks = delayedMarks(shared.marks);
  const a = world({ ...shared }, { db, clock });
  const b = world({ ...shared, marks, store: undefined }, { db, clock, from: 5000 });
  const reading = b.tide.get('settlement', 's0');
  for (let i = 0; i < 8; i++) {
    await clock.advance(0);
    while (marks.deliverReply());
  }
  await reading;
  const items = b.tide.subscribe({ type: 'settlement', id: 's0' });
  await clock.advance(0);
  await a.rename('s0');
  expect((await items.next()).value).toMatchObject({ kind: 'change' });
  expect(marks.pendingMessages).toHaveLength(1); // it has not heard the marks
  expect(b.tide.peek('settlement', 's0')).toBeUndefined();
  marks.flow();
  expect(await b.tide.get('settlement', 's0')).toMatchObject({ name: 'new' });
});

test('a machine whose clocks move apart trusts nothing that it held', async () => {
  const own = world();
  await own.tide.get('settlement', 's0');
  own.clock.shiftWall(60_000);
  await own.clock.advance(0);
  own.tide.peek('settlement', 's0');
  expect(own.seen.gap).toHaveLength(1);
  await own.clock.advance(0);
  expect(own.tide.peek('settlement', 's0')).toBeDefined();
});

test('what a branch inherits is not kept while this replica’s tree of branches is behind', async () => {
  const parents = new Map([['fork', 'main']]);
  const branched = (parentOf: (branch: string) => string | undefined) =>
    ({ ...model, branched: true, topology: { ...model.topology, parentOf } }) as never;
  const [db, clock] = [database(), fakeClock()];
  const shared = memory({ clock });
  const options = { origin: originOf(db) as never, ...shared, clock };
  const a = createTidemark({
    model: branched((branch) => parents.get(branch)),
    ...options,
  }) as never as World['tide'];
  const b = createTidemark({
    model: branched((branch) => (branch === 'fork' ? 'main' : undefined)),
    ...options,
  }) as never as World['tide'];
  const fork = { branch: 'fork' } as never;
  await b.get('settlement', 's0', fork);
  expect(b.peek('settlement', 's0', fork)).toBeDefined();
  parents.set('middle', 'main').set('fork', 'middle');
  await a.change({ subjects: [a.subject.branch('fork')] });
  await b.get('settlement', 's0', fork);
  expect(b.peek('settlement', 's0', fork)).toBeUndefined();
  await a.get('settlement', 's0', fork);
  expect(a.peek('settlement', 's0', fork)).toBeDefined();
});

describe('a load that failed for what it had read', () => {
  /** Fails for a settlement that is not there, and is slow to say so. */
  function strict() {
    let goOn = (): void => {};
    const slowly = new Promise<void>((resolve) => (goOn = resolve));
    const view = defineView(model)({
      name: 'strict',
      load: async (read, { id }: { id: string }) => {
        const row = await read.get('settlement', id);
        if (row !== null) return row.name;
        await slowly;
        throw new Error('there is none');
      },
    });
    return { view, goOn };
  }
  const founded = { id: 's77', kingdomId: 'k1', name: 'Founded' };

  test('is not heard of by who began after that had changed, on another replica', async () => {
    const { db, clock, a, b } = replicas();
    await Promise.all([a.tide.ready(), b.tide.ready()]);
    const { view, goOn } = strict();
    const failing = a.tide.view(view, { id: 's77' }).catch((error: unknown) => error);
    await clock.advance(50);
    db.put('settlement', founded);
    await b.tide.change({ type: 'settlement', id: 's77', op: 'create', after: founded });
    const later = b.tide.view(view, { id: 's77' });
    await clock.advance(50);
    goOn();
    for (let i = 0; i < 10; i++) await clock.advance(50);
    expect(await failing).toMatchObject({ code: 'LOAD_FAILED' });
    expect(await later).toBe('Founded');
  });

  test('nor by who joined it here before it was known what it depends on', async () => {
    const own = world();
    await own.tide.ready();
    const vacant = defineView(model)({
      name: 'vacant',
      load: async (read, { id }: { id: string }) => {
        if ((await read.get('settlement', id)) !== null) throw new Error('it is taken');
        return 'vacant';
      },
    });
    const release = own.db.hold('settlement');
    const first = own.tide.view(vacant, { id: 's1' }).catch((error: unknown) => error);
    await own.clock.advance(1);
    // Its kingdom goes, and it with that: which the row would say that is on its way.
    own.db.remove('settlement', 's1');
    await own.tide.change({ type: 'kingdom', id: 'k1', op: 'delete', before: { id: 'k1' } });
    const later = own.tide.view(vacant, { id: 's1' });
    await own.clock.advance(1);
    release();
    await own.clock.advance(1);
    expect(await first).toMatchObject({ code: 'LOAD_FAILED' });
    expect(await later).toBe('vacant');
  });

  test('fails for all who wait where nothing that it read has changed', async () => {
    const { clock, a, b } = replicas();
    await Promise.all([a.tide.ready(), b.tide.ready()]);
    const { view, goOn } = strict();
    const all = [a, b].map(({ tide }) => tide.view(view, { id: 's77' }).catch((error: unknown) => error));
    await clock.advance(50);
    goOn();
    for (let i = 0; i < 10; i++) await clock.advance(50);
    for (const one of all) expect(await one).toMatchObject({ code: 'LOAD_FAILED' });
  });
});
