import { describe, expect, onTestFinished, test } from 'vitest';
import type { Receipt, SubscriptionItem } from '../../src/index.js';
import { memory } from '../../src/index.js';
import {
  type MemoryOutbox,
  type MemoryTransaction,
  chaosBus,
  chaosMarks,
  chaosOutbox,
  fakeClock,
  memoryOutbox,
  seededRandom,
} from '../../src/testing/index.js';
import { type World, type WorldOptions, type WorldTide, branchedWorld, database, kingdomOf, world } from './setup.js';

const row = (id: string, name: string) => ({ id, kingdomId: kingdomOf(id), name });
const update = (id: string, name = 'new') =>
  ({ type: 'settlement', id, op: 'update', before: row(id, 'old'), after: row(id, name) }) as const;

interface Outboxed {
  readonly clock: ReturnType<typeof fakeClock>;
  readonly outbox: MemoryOutbox;
  readonly shared: ReturnType<typeof memory>;
  readonly a: World;
  readonly b: World;
}

/** Two replicas over one database with one outbox; `a` may be given other options than `b`. */
function outboxed(of: (parts: Omit<Outboxed, 'a' | 'b'>) => WorldOptions = () => ({})): Outboxed {
  const [clock, db] = [fakeClock(), database()];
  const shared = memory({ clock });
  const outbox = memoryOutbox({ clock });
  const parts = { clock, outbox, shared };
  const a = world({ ...shared, outbox, ...of(parts) }, { clock, db });
  const b = world({ ...shared, outbox }, { clock, db, from: 5000 });
  onTestFinished(async () => {
    await Promise.all([a.tide.close(), b.tide.close()]);
  });
  return { ...parts, a, b };
}

/** What is told of a settlement from now on. */
function listen(tide: WorldTide, id: string): SubscriptionItem[] {
  const items: SubscriptionItem[] = [];
  void (async () => {
    for await (const item of tide.subscribe({ type: 'settlement', id })) items.push(item);
  })();
  return items;
}

/** Writes a settlement's row and its change in one transaction, which `end` ends. */
function write({ tide, db }: World, via: MemoryTransaction, id: string, end: () => void) {
  return tide.transaction(
    async (changes) => {
      await changes.add(update(id));
      db.put('settlement', row(id, 'new'));
      end();
      return 'value';
    },
    { via },
  );
}

const committed = ({ a, outbox }: Outboxed, id = 's0') => {
  const via = outbox.begin();
  return write(a, via, id, () => {
    via.commit();
  });
};

const told = (items: readonly SubscriptionItem[]) =>
  items.map((item) => (item.kind === 'change' ? item.changes.values['name'] : item.kind));

describe('what is committed when the callback resolves', () => {
  test('is applied and announced at once, under the id that its row has, and its row goes', async () => {
    const realm = outboxed();
    const { a, b, outbox, clock } = realm;
    for (const { tide } of [a, b]) await tide.get('settlement', 's0');
    const items = listen(b.tide, 's0');
    await clock.advance(0);
    const { value, receipt } = await committed(realm);
    expect([value, receipt.state, a.tide.peek('settlement', 's0')]).toEqual(['value', 'done', undefined]);
    expect(outbox.waiting).toEqual([`${receipt.changeId}.0`]);
    await clock.advance(300);
    expect(outbox.waiting).toEqual([]);
    expect((await b.tide.get('settlement', 's0'))?.name).toBe('new');
    expect(items).toMatchObject([{ kind: 'change', changeId: receipt.changeId, changes: { values: { name: 'new' } } }]);
    await clock.advance(10_000);
    expect(items).toHaveLength(1);
    expect([a.seen.error, b.seen.error]).toEqual([[], []]);
  });

  test('is one change with one receipt, however many rows', async () => {
    const { a, outbox, clock } = outboxed();
    const via = outbox.begin();
    const { receipt } = await a.tide.transaction(
      async (changes) => {
        await Promise.all(['s0', 's1', 's2'].map((id) => changes.add(update(id))));
        await changes.add({ subjects: [a.tide.subject.type('kingdom')] });
        expect(outbox.waiting).toEqual([]);
        via.commit();
        expect(outbox.waiting).toHaveLength(4);
      },
      { via },
    );
    expect(a.seen.change.map(({ changeId }) => changeId)).toEqual([receipt.changeId]);
    await clock.advance(300);
    expect(outbox.waiting).toEqual([]);
  });

  test('may be written through a connection that is known only inside', async () => {
    const { a, outbox } = outboxed();
    const { receipt } = await a.tide.transaction(async (changes) => {
      const via = outbox.begin();
      await changes.add(update('s0'), { via });
      via.commit();
    });
    expect(receipt.state).toBe('done');
  });

  test('is applied by itself where another part of it was rolled back', async () => {
    const { a, b, outbox, clock } = outboxed();
    const items = [listen(b.tide, 's0'), listen(b.tide, 's1')];
    await clock.advance(0);
    const { receipt } = await a.tide.transaction(async (changes) => {
      const [kept, lost] = [outbox.begin(), outbox.begin()];
      await changes.add(update('s0'), { via: lost });
      await changes.add(update('s1'), { via: kept });
      lost.rollback();
      kept.commit();
    });
    expect(receipt.state).toBe('queued');
    await clock.advance(10_000);
    expect(items.map(told)).toEqual([[], ['new']]);
  });
});

describe('what is not', () => {
  test('and never will be, is never applied nor announced', async () => {
    const realm = outboxed();
    const { a, b, outbox, clock } = realm;
    for (const { tide } of [a, b]) await tide.get('settlement', 's0');
    const items = listen(b.tide, 's0');
    const via = outbox.begin();
    const { receipt } = await write(a, via, 's0', () => {
      via.rollback();
    });
    await clock.advance(60_000);
    expect([receipt.state, items, a.seen.change, b.seen.change]).toEqual(['queued', [], [], []]);
    for (const { tide } of [a, b]) expect(tide.peek('settlement', 's0')?.name).toBe('old');
  });

  test('but is committed later, is applied then, and told as resync', async () => {
    const { a, b, outbox, clock } = outboxed();
    for (const { tide } of [a, b]) await tide.get('settlement', 's0');
    const items = listen(b.tide, 's0');
    await clock.advance(0);
    const via = outbox.begin();
    const { receipt } = await write(a, via, 's0', () => {});
    await clock.advance(5000);
    expect([receipt.state, receipt.toString(), items]).toEqual(['queued', `1.${receipt.changeId}.queued`, []]);
    via.commit();
    await clock.advance(1100);
    for (const { tide } of [a, b]) expect((await tide.get('settlement', 's0'))?.name).toBe('new');
    await clock.advance(10_000);
    expect(told(items)).toEqual(['resync']);
    expect(outbox.waiting).toEqual([]);
  });

  test('since the callback threw, is not applied; if it was committed all the same, it is swept', async () => {
    const { a, outbox, clock } = outboxed();
    for (const end of ['commit', 'rollback'] as const) {
      const via = outbox.begin();
      const failing = write(a, via, 's0', () => {
        via[end]();
        throw new Error('late');
      });
      await expect(failing).rejects.toThrow('late');
      expect(a.seen.change).toHaveLength(0);
      await clock.advance(5000);
      expect(a.seen.change.splice(0)).toHaveLength(end === 'commit' ? 1 : 0);
    }
  });

  test('is not known where the outbox cannot be asked: left to the sweeper', async () => {
    const clock = fakeClock();
    const outbox = memoryOutbox({ clock });
    const chaos = chaosOutbox(outbox, { random: seededRandom(1), clock });
    const one = world({ outbox: chaos }, { clock });
    onTestFinished(() => one.tide.close());
    const via = outbox.begin();
    const { receipt } = await write(one, via, 's0', () => {
      via.commit();
      chaos.failAlways();
    });
    expect([receipt.state, one.seen.change]).toEqual(['queued', []]);
    expect(one.seen.error.map(({ where }) => where)).toEqual(['outbox: committed']);
    chaos.failNever();
    await clock.advance(5000);
    expect(one.seen.change.map(({ changeId }) => changeId)).toEqual([receipt.changeId]);
  });
});

describe('adding', () => {
  test('is refused without a connection to write through, at once', async () => {
    const { a } = outboxed();
    for (const via of [undefined, null, 'transaction', {}]) {
      const adding = a.tide.transaction(
        async (changes) => {
          expect(() => changes.add(update('s0'))).toThrow(/changes\.add, via: expected the transaction's connection/);
        },
        { via },
      );
      await adding;
    }
  });

  test('that fails fails the transaction, whether or not anybody waited for it, and applies nothing', async () => {
    const clock = fakeClock();
    const outbox = memoryOutbox({ clock });
    const chaos = chaosOutbox(outbox, { random: seededRandom(1), clock });
    const one = world({ outbox: chaos }, { clock });
    onTestFinished(() => one.tide.close());
    chaos.failAlways();
    const via = outbox.begin();
    const careless = one.tide.transaction(
      async (changes) => {
        void changes.add(update('s0'));
      },
      { via },
    );
    await expect(careless).rejects.toThrow('outbox.add: failed by chance');
    await expect(write(one, via, 's0', () => {})).rejects.toThrow('outbox.add: failed by chance');
    expect(one.seen.change).toEqual([]);
  });

  test('what cannot be written down is refused by name', async () => {
    const { a, outbox } = outboxed();
    const via = outbox.begin();
    class Money {}
    await a.tide.transaction(
      async (changes) => {
        const after = { ...row('s0', 'new'), extra: new Money() };
        expect(() => changes.add({ type: 'settlement', id: 's0', op: 'update', after })).toThrow(
          expect.objectContaining({ code: 'UNENCODABLE' }) as Error,
        );
      },
      { via },
    );
  });

  test('sends its row before anything that is sent after it', async () => {
    const { a } = outboxed(({ outbox }) => ({
      outbox: {
        ...outbox,
        add: async (via, rows) => {
          await via.query(
            'insert',
            rows.map(({ id }) => id),
          );
        },
      },
    }));
    const sent: string[] = [];
    const via = {
      query: async (text: string) => {
        sent.push(text);
        return { rows: [] };
      },
    };
    await a.tide.transaction(
      async (changes) => {
        void changes.add(update('s0'));
        await via.query('commit');
      },
      { via },
    );
    expect(sent).toEqual(['insert', 'commit']);
  });
});

describe('a writer that dies', () => {
  /** The row is committed; of its change the writer did as much as `did` says. */
  async function died(did: 'nothing' | 'bumped' | 'announced') {
    const stuck = new Promise<never>(() => {});
    const never = (): Promise<never> => stuck;
    const realm = outboxed(({ outbox, shared: { marks, bus } }) => ({
      outbox: { ...outbox, remove: never, sweep: async () => 0, ...(did === 'nothing' ? { committed: never } : {}) },
      marks,
      bus: did === 'bumped' ? { ...bus, publish: never } : bus,
    }));
    const { b, clock } = realm;
    await b.tide.get('settlement', 's0');
    const items = listen(b.tide, 's0');
    await clock.advance(0);
    void committed(realm).catch(() => undefined);
    return { ...realm, items };
  }

  test('before it bumped: the marks are bumped, and subscribers told resync', async () => {
    const { b, clock, items, outbox } = await died('nothing');
    await clock.advance(1500);
    expect([b.tide.peek('settlement', 's0')?.name, items]).toEqual(['old', []]);
    await clock.advance(2000);
    expect((await b.tide.get('settlement', 's0'))?.name).toBe('new');
    await clock.advance(10_000);
    expect([told(items), outbox.waiting]).toEqual([['resync'], []]);
  });

  test('before it announced: likewise', async () => {
    const { b, clock, items, outbox } = await died('bumped');
    await clock.advance(10);
    expect((await b.tide.get('settlement', 's0'))?.name).toBe('new');
    await clock.advance(10_000);
    expect(new Set(told(items))).toEqual(new Set(['resync']));
    expect(outbox.waiting).toEqual([]);
  });

  test('after that: nothing is told twice', async () => {
    const { clock, items, outbox } = await died('announced');
    await clock.advance(20_000);
    expect([told(items), outbox.waiting]).toEqual([['new'], []]);
  });

  test('a newer change of the same is not followed by an older one', async () => {
    const { b, clock, items, outbox } = await died('nothing');
    const via = outbox.begin();
    await b.tide.transaction(
      async (changes) => {
        await changes.add(update('s0', 'newer'));
        via.commit();
      },
      { via },
    );
    await clock.advance(10_000);
    expect(told(items)).toEqual(['newer', 'resync']);
  });
});

describe('sweeping', () => {
  test('begins by itself, and keeps on, whoever is there', async () => {
    const { a, b, outbox, clock } = outboxed();
    for (let n = 0; n < 3; n++) {
      outbox.trigger({ id: `t${String(n)}.0`, change: triggered('s0', `name ${String(n)}`) });
      await clock.advance(1500);
    }
    expect(outbox.waiting).toEqual([]);
    expect(a.seen.change.length + b.seen.change.length).toBe(3);
  });

  test('takes the rows of triggers at once, and tells their events', async () => {
    const { b, outbox, clock } = outboxed();
    await b.tide.get('settlement', 's0');
    const items = listen(b.tide, 's0');
    await clock.advance(10);
    outbox.trigger({ id: 't1.0', change: triggered('s0', 'by psql') });
    await clock.advance(1010);
    expect(b.tide.peek('settlement', 's0')).toBeUndefined();
    expect(told(items)).toEqual(['by psql']);
  });

  test('tells of what two transactions wrote in the order in which they were committed', async () => {
    const { b, outbox, clock } = outboxed();
    const items = listen(b.tide, 's1');
    await clock.advance(10);
    // The first began before the second, and wrote the same after that was committed.
    outbox.trigger({ id: 'first.1', change: triggered('s0', 'any') });
    outbox.trigger({ id: 'second.2', change: triggered('s1', 'before') });
    outbox.trigger({ id: 'first.3', change: triggered('s1', 'after') });
    await clock.advance(1100);
    expect(told(items)).toEqual(['before', 'after']);
  });

  test('tells what triggers wrote too much of as resync', async () => {
    const { a, b, outbox, clock } = outboxed(({ outbox }) => ({ outbox: { ...outbox, sweep: async () => 0 } }));
    const items = listen(b.tide, 's0');
    await clock.advance(10);
    await a.tide.get('settlement', 's0');
    await b.tide.get('settlement', 's0');
    for (let n = 0; n <= 100; n++)
      outbox.trigger({ id: `many.${String(n)}`, change: triggered('s0', `name ${String(n)}`) });
    await clock.advance(2000);
    // Once for each hundred.
    expect([told(items), b.tide.peek('settlement', 's0')]).toEqual([['resync', 'resync'], undefined]);
  });

  test('tells what a trigger wrote long ago as resync', async () => {
    const clock = fakeClock();
    const outbox = memoryOutbox({ clock });
    const { tide } = world({ outbox, outboxIntervalMs: 8000 }, { clock });
    onTestFinished(() => tide.close());
    const items = listen(tide, 's0');
    outbox.trigger({ id: 'old.0', change: triggered('s0', 'old') });
    await clock.advance(6000);
    outbox.trigger({ id: 'young.0', change: triggered('s0', 'young') });
    await clock.advance(2100);
    expect(told(items)).toEqual(['resync', 'young']);
  });

  test('waits while marks or bus are away, and says so once', async () => {
    const clock = fakeClock();
    const { marks, bus } = memory({ clock });
    const outbox = memoryOutbox({ clock });
    const options = { random: seededRandom(1), clock };
    const parts = { marks: chaosMarks(marks, options), bus: chaosBus(bus, options) };
    const one = world({ ...parts, outbox }, { clock });
    onTestFinished(() => one.tide.close());
    await one.tide.ready();
    for (const part of [parts.marks, parts.bus]) {
      part.failAlways();
      const id = part === parts.bus ? 'bus' : 'marks';
      outbox.trigger({ id: `${id}.0`, change: triggered('s0', 'new') });
      await clock.advance(10_000);
      expect(outbox.waiting).toEqual([`${id}.0`]);
      expect(one.seen.error.splice(0).filter(({ where }) => where === 'outbox: sweep')).toHaveLength(1);
      part.failNever();
      await clock.advance(40_000);
      expect(outbox.waiting).toEqual([]);
    }
  });

  test('waits longer and longer while the outbox is away, and says so once per outage', async () => {
    const clock = fakeClock();
    const outbox = memoryOutbox({ clock });
    const chaos = chaosOutbox(outbox, { random: seededRandom(1), clock });
    const one = world({ outbox: chaos }, { clock });
    onTestFinished(() => one.tide.close());
    for (let outage = 1; outage <= 2; outage++) {
      chaos.failAlways();
      const { calls } = chaos;
      await clock.advance(120_000);
      expect(chaos.calls - calls).toBeLessThan(10);
      expect(one.seen.error).toHaveLength(outage);
      chaos.failNever();
      outbox.trigger({ id: `t${String(outage)}.0`, change: triggered('s0', 'new') });
      await clock.advance(31_000);
      expect(outbox.waiting).toEqual([]);
    }
  });

  test('keeps what it does not understand, says so once, and goes on with the others', async () => {
    const { a, b, outbox, clock } = outboxed();
    outbox.trigger({ id: 'future.0', change: '{"v":2}' });
    outbox.trigger({ id: 'garbage.0', change: 'garbage' });
    outbox.trigger({ id: 'unknown.0', change: triggered('s0', 'new', 'village') });
    outbox.trigger({ id: 'known.0', change: triggered('s0', 'new') });
    await clock.advance(3000);
    expect([...a.seen.change, ...b.seen.change].map(({ changeId }) => changeId)).toEqual(['known']);
    await clock.advance(200_000);
    expect(outbox.waiting).toEqual(['future.0', 'garbage.0', 'unknown.0']);
    const errors = [...a.seen.error, ...b.seen.error].map(({ error }) => error);
    for (const id of outbox.waiting) {
      const said = errors.filter((error) => error.message.startsWith(`outbox row ${id}: kept`));
      expect(said.length).toBeGreaterThanOrEqual(1);
      expect(said.length).toBeLessThanOrEqual(2); // once by each replica
      expect(said[0]).toMatchObject({ code: 'OUTBOX_REFUSED' });
    }
    const { metrics, issues } = await a.tide.health();
    expect(metrics.outbox).toMatchObject({ waiting: 3, refused: 3 });
    expect(issues).toEqual([expect.stringContaining('older than'), expect.stringContaining('3 rows')]);
  });

  test('what cannot be applied while others can is kept, and holds up nobody', async () => {
    const clock = fakeClock();
    const { marks } = memory({ clock });
    const outbox = memoryOutbox({ clock });
    const broken: typeof marks = {
      ...marks,
      bump: (subjects, request) =>
        subjects.some((subject) => subject.includes('s1'))
          ? Promise.reject(new Error('too large'))
          : marks.bump(subjects, request),
    };
    const one = world({ outbox, marks: broken }, { clock });
    onTestFinished(() => one.tide.close());
    outbox.trigger({ id: 'bad.0', change: triggered('s1', 'new') });
    await clock.advance(5000);
    outbox.trigger({ id: 'good.0', change: triggered('s0', 'new') });
    await clock.advance(31_000);
    outbox.trigger({ id: 'better.0', change: triggered('s2', 'new') });
    await clock.advance(1100);
    expect([outbox.waiting, one.seen.change.map(({ changeId }) => changeId)]).toEqual([['bad.0'], ['good', 'better']]);
    expect((await outbox.info()).refused).toBe(1);
  });

  test('of another namespace is not understood', async () => {
    const clock = fakeClock();
    const outbox = memoryOutbox({ clock });
    const one = world({ outbox, namespace: 'one' }, { clock });
    onTestFinished(() => one.tide.close());
    await one.tide
      .transaction(
        async (changes) => {
          await changes.add(update('s0'));
          throw new Error('committed all the same');
        },
        { via: { query: async () => ({ rows: [] }) } },
      )
      .catch(() => undefined);
    const [id = ''] = outbox.waiting;
    expect(id).not.toBe('');
    await one.tide.close();
    const two = world({ outbox, namespace: 'two' }, { clock });
    onTestFinished(() => two.tide.close());
    await clock.advance(5000);
    expect(two.seen.error.map(({ error }) => error.message)).toEqual([
      expect.stringMatching(/namespace: expected two/),
    ]);
  });

  test('goes through more than it takes at once', async () => {
    const { a, b, outbox, clock } = outboxed();
    for (let n = 0; n < 1200; n++) outbox.trigger({ id: `t${String(n)}.0`, change: triggered('s0', 'new') });
    await clock.advance(1000);
    expect(outbox.waiting).toEqual([]);
    expect(a.seen.change.length + b.seen.change.length).toBe(1200);
  });

  test('ends with the tide, having finished what it began; and again is no harm', async () => {
    const clock = fakeClock();
    const outbox = memoryOutbox({ clock });
    const { marks } = memory({ clock });
    let release = (): void => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    const one = world(
      {
        outbox,
        marks: {
          ...marks,
          bump: async (...asked) => {
            await held;
            return marks.bump(...asked);
          },
        },
      },
      { clock },
    );
    outbox.trigger({ id: 't.0', change: triggered('s0', 'new') });
    await clock.advance(1000);
    let closed = false;
    const closing = one.tide.close().then(() => (closed = true));
    await clock.advance(10);
    expect([closed, outbox.waiting]).toEqual([false, ['t.0']]);
    release();
    await closing;
    expect(outbox.waiting).toEqual([]);
    outbox.trigger({ id: 't.1', change: triggered('s0', 'new') });
    await clock.advance(10_000);
    expect(outbox.waiting).toEqual(['t.1']);
    await one.tide.close();
  });

  test('a change that could not be announced keeps its row until it is, or said to be missing', async () => {
    const realm = outboxed(({ shared: { bus }, clock }) => ({
      bus: chaosBus(bus, { random: seededRandom(1), clock, failRate: 1 }),
    }));
    const { b, outbox, clock } = realm;
    const items = listen(b.tide, 's0');
    await clock.advance(10);
    const { receipt } = await committed(realm);
    await clock.advance(1000);
    expect([receipt.state, outbox.waiting]).toEqual(['done', [`${receipt.changeId}.0`]]);
    await clock.advance(5000);
    expect([new Set(told(items)), outbox.waiting]).toEqual([new Set(['resync']), []]);
  });

  test('a change whose marks cannot be reached keeps its row until they have it', async () => {
    const clock = fakeClock();
    const { marks } = memory({ clock });
    const outbox = memoryOutbox({ clock });
    const chaos = chaosMarks(marks, { random: seededRandom(1), clock });
    const one = world({ marks: chaos, outbox }, { clock });
    onTestFinished(() => one.tide.close());
    await one.tide.get('settlement', 's0');
    chaos.failAlways();
    const via = outbox.begin();
    const { receipt } = await write(one, via, 's0', () => {
      via.commit();
    });
    expect([receipt.state, one.tide.peek('settlement', 's0')]).toEqual(['queued', undefined]);
    await clock.advance(20_000);
    expect(outbox.waiting).toHaveLength(1);
    chaos.failNever();
    await clock.advance(40_000);
    expect(outbox.waiting).toEqual([]);
  });
});

test('without an outbox everything is as it was', async () => {
  const { tide, seen } = world();
  const { receipt }: { receipt: Receipt } = await tide.transaction(async (changes) => {
    await changes.add(update('s0'), { via: { query: async () => ({ rows: [] }) } });
  });
  expect([receipt.state, seen.change.length]).toEqual(['done', 1]);
  expect((await tide.health()).metrics).not.toHaveProperty('outbox');
});

test('an outbox that cannot be asked degrades a tide, and no more', async () => {
  const clock = fakeClock();
  const chaos = chaosOutbox(memoryOutbox({ clock }), { random: seededRandom(1), clock, failRate: 1 });
  const { tide } = world({ outbox: chaos }, { clock });
  onTestFinished(() => tide.close());
  const { status, issues, metrics } = await tide.health();
  expect([status, issues]).toEqual(['degraded', [expect.stringContaining('Unreachable outbox')]]);
  expect(metrics).not.toHaveProperty('outbox');
});

test('closing does not wait for an outbox that hangs', async () => {
  const clock = fakeClock();
  const outbox = { ...memoryOutbox({ clock }), sweep: () => new Promise<never>(() => {}) };
  const { tide } = world({ outbox }, { clock });
  await clock.advance(2000);
  let closed = false;
  const closing = tide.close().then(() => (closed = true));
  await clock.advance(4000);
  expect(closed).toBe(false);
  await clock.advance(1100);
  await closing;
});

test('a large transaction of triggers is bumped in parts', async () => {
  const clock = fakeClock();
  const { marks } = memory({ clock });
  const outbox = memoryOutbox({ clock });
  const sizes: number[] = [];
  const counted: typeof marks = {
    ...marks,
    bump: (subjects, request) => {
      sizes.push(subjects.filter((subject) => subject.startsWith('entity:')).length);
      return marks.bump(subjects, request);
    },
  };
  const { tide, seen } = world({ outbox, marks: counted }, { clock });
  onTestFinished(() => tide.close());
  for (let n = 0; n < 250; n++) outbox.trigger({ id: `many.${String(n)}`, change: triggered(`s${String(n)}`, 'new') });
  await clock.advance(1100);
  expect([sizes, outbox.waiting]).toEqual([[100, 100, 50], []]);
  expect(new Set(seen.change.map(({ changeId }) => changeId))).toEqual(new Set(['many']));
});

test('what is no outbox is refused', () => {
  expect(() => world({ outbox: {} as never })).toThrow(/outbox: expected an outbox/);
  expect(() => world({ outboxIntervalMs: 0 })).toThrow(/outboxIntervalMs: expected a number of at least 1/);
});

describe('a row of a trigger', () => {
  /** A row image with these fields. */
  const image = (fields: object) =>
    Object.fromEntries(Object.entries(fields).map(([field, value]) => [field, ['j', value as unknown]]));
  const links = { kingdomId: 'kingdom' };
  const change = (row: object): string =>
    JSON.stringify({ v: 1, row: { type: 'settlement', id: 's0', links, ...row } });

  test('whose images lack what the model looks at makes every list of the type stale', async () => {
    const { a, outbox, clock } = outboxed();
    const lists = async () => Promise.all(['k0', 'k1'].map((kingdom) => a.tide.children('settlement', { kingdom })));
    const held = () => ['k0', 'k1'].map((kingdom) => a.tide.peekChildren('settlement', { kingdom }) !== undefined);
    await lists();
    const [before, after] = [image({ kingdomId: 'k0', name: 'old' }), image({ kingdomId: 'k0', name: 'new' })];
    outbox.trigger({ id: 'whole.0', change: change({ op: 'update', before, after }) });
    await clock.advance(1100);
    expect(held()).toEqual([false, true]);
    await lists();
    outbox.trigger({
      id: 'half.0',
      change: change({ op: 'update', before: image({}), after: image({ name: 'new' }) }),
    });
    await clock.advance(1100);
    expect(held()).toEqual([false, false]);
  });

  test('in a branch that inherits is seen there and beneath, and nowhere else', async () => {
    const outbox = memoryOutbox({ clock: { now: () => 0 } });
    const { tide, clock } = branchedWorld({ outbox });
    onTestFinished(() => tide.close());
    const branches = ['main', 'dev', 'other'];
    for (const [n, [branch, stale]] of (
      [
        ['dev', ['dev']],
        ['main', branches],
        [null, branches],
      ] as const
    ).entries()) {
      for (const one of branches) await tide.children('settlement', { kingdom: 'k0' }, { branch: one });
      const after = image({ kingdomId: 'k0', name: 'new' });
      outbox.trigger({ id: `${String(n)}.0`, change: change({ op: 'create', branch, before: null, after }) });
      await clock.advance(1100);
      const held = branches.filter((one) => tide.peekChildren('settlement', { kingdom: 'k0' }, { branch: one }));
      expect([branch, held]).toEqual([branch, branches.filter((one) => !(stale as readonly string[]).includes(one))]);
    }
  });

  test('of truncate makes everything of the type stale, in every branch', async () => {
    const outbox = memoryOutbox({ clock: { now: () => 0 } });
    const { tide, clock } = branchedWorld({ outbox });
    onTestFinished(() => tide.close());
    for (const branch of ['main', 'dev']) await tide.get('settlement', 's0', { branch });
    outbox.trigger({ id: 't.0', change: JSON.stringify({ v: 1, truncated: 'kingdom' }) });
    await clock.advance(1100);
    for (const branch of ['main', 'dev']) expect(tide.peek('settlement', 's0', { branch })).toBeUndefined();
  });
});

function triggered(id: string, name: string, type = 'settlement'): string {
  const image = (given: string) => ({ kingdomId: ['j', kingdomOf(id)], name: ['j', given] });
  const links = { kingdomId: 'kingdom' };
  return JSON.stringify({ v: 1, row: { type, id, op: 'update', links, before: image('old'), after: image(name) } });
}
