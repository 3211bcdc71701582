import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type ComputedItem,
  type FieldRule,
  type Marks,
  type SubscriptionItem,
  createTidemark,
  defineModel,
  entity,
  memory,
} from '../../src/index.js';
import { type FakeClock, delayedMarks, fakeClock } from '../../src/testing/index.js';

interface Row {
  readonly id: string;
  readonly parentId: string;
  readonly level: number;
  readonly gone?: boolean;
}

const model = defineModel({
  entities: {
    kingdom: entity<Row>()({ deleted: (row) => row.gone === true }),
    settlement: entity<Row>()({
      parents: { kingdom: 'parentId' },
      deleted: (row) => row.gone === true,
      computed: { income: 'number', isOpen: 'boolean' },
    }),
    structure: entity<Row>()({ parents: { settlement: 'parentId' }, deleted: (row) => row.gone === true }),
  },
});
type Type = 'kingdom' | 'settlement' | 'structure';

const rule = (field: string, expression: unknown): FieldRule => ({
  ...{ id: field, entityType: 'settlement', entityId: null, field, expression, priority: 0, isActive: true },
});
/** A settlement's level, and what stands in it, times its kingdom's level. */
const INCOME = rule('income', {
  '*': [
    {
      reduce: [
        { var: 'settlement.structures' },
        { '+': [{ var: 'accumulator' }, { var: 'current.level' }] },
        { var: 'settlement.level' },
      ],
    },
    { var: 'settlement.kingdom.level' },
  ],
});
const OPEN = rule('isOpen', { '>': [{ var: 'settlement.level' }, 2] });

/** What every replica reads from. */
function database(rules: FieldRule[] = [INCOME, OPEN]) {
  const rows: Record<Type, Map<string, Row>> = { kingdom: new Map(), settlement: new Map(), structure: new Map() };
  const put = (type: Type, row: Row): void => void rows[type].set(row.id, row);
  put('kingdom', { id: 'k1', parentId: '', level: 1 });
  put('kingdom', { id: 'k2', parentId: '', level: 2 });
  put('settlement', { id: 's1', parentId: 'k1', level: 3 });
  put('settlement', { id: 's2', parentId: 'k2', level: 1 });
  put('structure', { id: 't1', parentId: 's1', level: 5 });
  return { rows, rules, put, calls: [] as string[], fails: false };
}
type Database = ReturnType<typeof database>;

function replica(db: Database, clock: FakeClock, shared: object) {
  const ask = <T>(what: string, answer: () => T): T => {
    db.calls.push(what);
    if (db.fails) throw new Error('the database is down');
    return answer();
  };
  const of = (type: Type) => ({
    byIds: (ids: readonly string[]) => ask(type, () => ids.flatMap((id) => db.rows[type].get(id) ?? [])),
  });
  const under = (type: Type) => (ids: readonly string[]) =>
    ask(`${type}s`, () => [...db.rows[type].values()].filter(({ parentId }) => ids.includes(parentId)));
  const tide = createTidemark({
    model,
    origin: {
      kingdom: of('kingdom'),
      settlement: { ...of('settlement'), childrenOf: { kingdom: under('settlement') } },
      structure: { ...of('structure'), childrenOf: { settlement: under('structure') } },
    },
    rules: { source: () => ask('rules', () => [...db.rules]) },
    clock,
    ...shared,
  });
  const errors: unknown[] = [];
  tide.on('error', (event) => errors.push(event));
  const change = async (type: Type, row: Row): Promise<void> => {
    const before = db.rows[type].get(row.id) ?? null;
    db.put(type, row);
    await tide.change({ type, id: row.id, op: before === null ? 'create' : 'update', before, after: row });
  };
  const editRules = async (rules: FieldRule[]): Promise<void> => {
    db.rules.splice(0, db.rules.length, ...rules);
    await tide.change({ subjects: [tide.subject.rules('settlement', 'all')] });
  };
  return { tide, change, editRules, errors };
}

async function world(replicas = 1) {
  const [db, clock] = [database(), fakeClock()];
  const shared = memory({ clock });
  const all = Array.from({ length: replicas }, () => replica(db, clock, shared));
  for (const { tide } of all) {
    // Before the marks are watched nobody can tell whether anything changes.
    await tide.ready();
    // Whoever begins where the fields are held begins with those.
    await tide.computed('settlement', 's1');
  }
  return { db, clock, all };
}

/** Reads a subscription to its end, as far as it goes. */
function collect(items: AsyncIterableIterator<SubscriptionItem>) {
  const seen: SubscriptionItem[] = [];
  void (async () => {
    for await (const item of items) seen.push(item);
  })();
  // The first change tells what stands as well.
  const computed = (): string[] =>
    seen.flatMap((item) => (item.kind === 'computed' && differs(item) ? [words(item)] : []));
  return { seen, computed, cursor: () => seen.at(-1)?.cursor };
}
const differs = (item: ComputedItem): boolean => !('before' in item) || item.before !== item.after;
const words = (item: ComputedItem): string =>
  `${item.field} ${'before' in item ? String(item.before) : '?'} → ${String(item.after)}`;

const settle = async (clock: FakeClock): Promise<void> => {
  for (let i = 0; i < 20; i++) await clock.advance(5);
};

describe('who subscribes to an entity is told', () => {
  test.each([
    ['its own row', 'settlement', { id: 's1', parentId: 'k1', level: 2 }, ['income 8 → 7', 'isOpen true → false']],
    ['its parent', 'kingdom', { id: 'k1', parentId: '', level: 3 }, ['income 8 → 24']],
    ['something in it', 'structure', { id: 't1', parentId: 's1', level: 6 }, ['income 8 → 9']],
    ['something new in it', 'structure', { id: 't2', parentId: 's1', level: 1 }, ['income 8 → 9']],
    ['a move', 'settlement', { id: 's1', parentId: 'k2', level: 3 }, ['income 8 → 16']],
  ] as const)('of its fields when %s changes, on every replica', async (_, type, row, told) => {
    const { clock, all } = await world(2);
    const [a, b] = all as [(typeof all)[0], (typeof all)[0]];
    const heard = [a, b].map(({ tide }) => collect(tide.subscribe({ type: 'settlement', id: 's1' })));
    await settle(clock);
    await a.change(type, row);
    await settle(clock);
    for (const { computed } of heard) expect(computed()).toEqual(told);
  });

  test('of a rule that changed, with the entity and its branch', async () => {
    const { clock, all } = await world();
    const [{ tide, editRules }] = all as [(typeof all)[0]];
    const { seen } = collect(tide.subscribe(tide.subject.entity('settlement', 's1')));
    await settle(clock);
    await editRules([rule('income', 100), OPEN]);
    await settle(clock);
    expect(seen).toEqual([
      {
        kind: 'computed',
        cursor: expect.any(String) as string,
        ...{ entityType: 'settlement', entityId: 's1', branch: 'main' },
        ...{ field: 'income', before: 8, after: 100 },
      },
      expect.objectContaining({ field: 'isOpen', before: true, after: true }),
    ]);
  });

  test('of nothing when the values stay, once they have been told', async () => {
    const { clock, all } = await world();
    const [{ tide, change }] = all as [(typeof all)[0]];
    const { seen } = collect(tide.subscribe({ type: 'settlement', id: 's1' }));
    await settle(clock);
    await change('structure', { id: 't9', parentId: 's2', level: 9 });
    await settle(clock);
    expect(seen).toEqual([]);
    for (let i = 0; i < 3; i++) {
      await change('kingdom', { id: 'k1', parentId: '', level: 1 });
      await settle(clock);
      expect(seen.map((item) => item.kind === 'computed' && words(item))).toEqual([
        'income 8 → 8',
        'isOpen true → true',
      ]);
    }
  });

  test('of a change before what it made of the fields', async () => {
    const { clock, all } = await world();
    const [{ tide, change }] = all as [(typeof all)[0]];
    const { seen } = collect(tide.subscribe({ type: 'settlement', id: 's1' }));
    await settle(clock);
    await change('settlement', { id: 's1', parentId: 'k1', level: 4 });
    await settle(clock);
    expect(seen.map(({ kind }) => kind)).toEqual(['change', 'computed', 'computed']);
  });

  test('that the fields of what is gone are null, and what they are when it is back', async () => {
    const { clock, all } = await world();
    const [{ tide, change }] = all as [(typeof all)[0]];
    const { computed } = collect(tide.subscribe({ type: 'settlement', id: 's1' }));
    await settle(clock);
    await change('settlement', { id: 's1', parentId: 'k1', level: 3, gone: true });
    await settle(clock);
    await change('settlement', { id: 's1', parentId: 'k1', level: 3 });
    await settle(clock);
    expect(computed()).toEqual(['income 8 → null', 'isOpen true → null', 'income null → 8', 'isOpen null → true']);
  });

  test('of a change between the subscription and the first look at the fields', async () => {
    const { clock, all } = await world();
    const [{ tide, change }] = all as [(typeof all)[0]];
    const { computed } = collect(tide.subscribe({ type: 'settlement', id: 's1' }));
    await change('settlement', { id: 's1', parentId: 'k1', level: 4 });
    await settle(clock);
    expect(computed()).toEqual(['income ? → 9', 'isOpen ? → true']);
  });

  test('the newest value only, once, if it reads late', async () => {
    const { clock, all } = await world();
    const [{ tide, change }] = all as [(typeof all)[0]];
    const items = tide.subscribe({ type: 'settlement', id: 's1' });
    await settle(clock);
    for (const level of [4, 5, 6]) {
      await change('kingdom', { id: 'k1', parentId: '', level });
      await settle(clock);
    }
    const { computed } = collect(items);
    await settle(clock);
    expect(computed()).toEqual(['income 8 → 48']);
  });
});

test('who begins where the fields are not held is told them whole at the first change: it may have looked before them', async () => {
  const { db, clock, all } = await world(2);
  const [a, b] = all as [(typeof all)[0], (typeof all)[0]];
  db.put('settlement', { id: 's2', parentId: 'k2', level: 2 });
  const seen = await b.tide.computed('settlement', 's2');
  expect(seen).toEqual({ income: 4, isOpen: false });
  // Committed, and not announced yet: where one begins it is read already, where the other looked it was not.
  const row = { id: 's2', parentId: 'k2', level: 3 };
  db.put('settlement', row);
  const { computed } = collect(a.tide.subscribe({ type: 'settlement', id: 's2' }));
  await settle(clock);
  expect(computed()).toEqual([]);
  await a.tide.change({ type: 'settlement', id: 's2', op: 'update', after: row });
  await settle(clock);
  expect(computed()).toEqual(['income ? → 6', 'isOpen ? → true']);
});

test('who saw elsewhere what was undone before it was announced is told what is', async () => {
  const { db, clock, all } = await world(2);
  const [a, b] = all as [(typeof all)[0], (typeof all)[0]];
  const kingdom = (level: number): Row => ({ id: 'k1', parentId: '', level });
  const commit = (level: number) => {
    const before = db.rows.kingdom.get('k1') ?? null;
    db.put('kingdom', kingdom(level));
    return () => b.tide.change({ type: 'kingdom', id: 'k1', op: 'update', before, after: kingdom(level) });
  };
  const { seen } = collect(a.tide.subscribe({ type: 'settlement', id: 's1' }));
  await settle(clock);
  const announceIt = commit(5);
  // Here somebody who asks the database sees an income of 40.
  const announceThatItIsUndone = commit(1);
  for (const announce of [announceIt, announceThatItIsUndone]) {
    await announce();
    await settle(clock);
  }
  expect(seen.map((item) => item.kind === 'computed' && words(item))).toEqual(['income 8 → 8', 'isOpen true → true']);
});

describe('it costs', () => {
  test('nothing where nobody subscribes to an entity with computed fields', async () => {
    const { clock, all, db } = await world();
    const [{ tide, change }] = all as [(typeof all)[0]];
    const subscriptions = [tide.subscribe({ type: 'kingdom', id: 'k1' }), tide.subscribe({ type: 'settlement' })];
    await settle(clock);
    db.calls.length = 0;
    await change('settlement', { id: 's1', parentId: 'k1', level: 4 });
    await settle(clock);
    expect(db.calls).toEqual([]);
    for (const items of subscriptions) await items.return?.();
    collect(tide.subscribe({ type: 'settlement', id: 's1' }));
    await settle(clock);
    expect(db.calls.length).toBeGreaterThan(0);
  });

  test('one evaluation for all who watch, wherever they are, and none once they have left', async () => {
    const { clock, all, db } = await world(2);
    const subscriptions = all.flatMap(({ tide }) =>
      Array.from({ length: 20 }, () => tide.subscribe({ type: 'settlement', id: 's1' })),
    );
    const heard = subscriptions.map(collect);
    await settle(clock);
    db.calls.length = 0;
    await all[0]?.change('structure', { id: 't1', parentId: 's1', level: 6 });
    await settle(clock);
    expect(heard.map(({ computed }) => computed())).toEqual(heard.map(() => ['income 8 → 9']));
    expect(db.calls).toEqual(['structures']);
    for (const items of subscriptions) await items.return?.();
    db.calls.length = 0;
    await all[0]?.change('structure', { id: 't1', parentId: 's1', level: 7 });
    await settle(clock);
    expect(db.calls).toEqual([]);
    for (const { tide } of all) await tide.close();
    await clock.advance(0);
    expect(clock.timers).toBe(0);
  });

  test('what a change touches, however many are watched', async () => {
    const { clock, all, db } = await world();
    const [{ tide, change }] = all as [(typeof all)[0]];
    for (let i = 10; i < 1010; i++) db.put('settlement', { id: `s${String(i)}`, parentId: 'k2', level: i });
    const heard = Array.from({ length: 1000 }, (_, i) =>
      collect(tide.subscribe({ type: 'settlement', id: `s${String(i + 10)}` })),
    );
    await settle(clock);
    db.calls.length = 0;
    await change('structure', { id: 't7', parentId: 's17', level: 1 });
    await settle(clock);
    expect(heard.flatMap(({ computed }) => computed())).toEqual(['income ? → 36', 'isOpen ? → true']);
    expect(db.calls).toEqual(['structures']);
  });
});

describe('whoever goes on from a cursor, on any replica,', () => {
  const resumed = async (between: (all: ReturnType<typeof replica>[]) => Promise<void>, from?: 'the change') => {
    const { clock, all } = await world(2);
    const [a, b] = all as [(typeof all)[0], (typeof all)[0]];
    const first = a.tide.subscribe({ type: 'settlement', id: 's1' });
    const before = collect(first);
    await settle(clock);
    await a.change('settlement', { id: 's1', parentId: 'k1', level: 4 });
    await settle(clock);
    const at = before.seen.at(from === 'the change' ? 0 : -1) as SubscriptionItem;
    await first.return?.();
    await between(all);
    const after = collect(b.tide.subscribe({ type: 'settlement', id: 's1' }, { since: at.cursor }));
    await settle(clock);
    return after;
  };

  test('is told nothing if nothing differs from what it was told', async () => {
    expect((await resumed(async () => {})).seen).toEqual([]);
  });

  test('is told what differs by now', async () => {
    const after = await resumed(async ([, b]) => b?.change('kingdom', { id: 'k1', parentId: '', level: 2 }));
    expect(after.computed()).toEqual(['income ? → 18']);
  });

  test('is told what it had not been told when it left', async () => {
    expect((await resumed(async () => {}, 'the change')).computed()).toEqual(['income ? → 9', 'isOpen ? → true']);
  });

  test('is told nothing of a value that came back', async () => {
    const after = await resumed(async ([a]) => {
      await a?.change('kingdom', { id: 'k1', parentId: '', level: 5 });
      await a?.change('kingdom', { id: 'k1', parentId: '', level: 1 });
    });
    expect(after.seen).toEqual([]);
  });

  test('with a cursor that says nothing of fields is told all of them', async () => {
    const { clock, all } = await world(1);
    const [{ tide, change }] = all as [(typeof all)[0]];
    const { seen } = collect(tide.subscribe({ type: 'settlement', id: 's1' }));
    await settle(clock);
    await change('settlement', { id: 's1', parentId: 'k1', level: 3 });
    await settle(clock);
    const plain = (seen[0] as SubscriptionItem).cursor.split('~')[0] as string;
    const after = collect(tide.subscribe({ type: 'settlement', id: 's1' }, { since: plain }));
    await settle(clock);
    expect(after.computed()).toEqual(['income ? → 8', 'isOpen ? → true']);
  });

  test.each(['~', 'abc~', 'abc~e30', `${'x'.repeat(10)}~${'y'.repeat(70_000)}`])(
    'is refused with %#',
    async (since) => {
      const { clock, all } = await world(1);
      const [{ tide }] = all as [(typeof all)[0]];
      expect(() => tide.subscribe({ type: 'settlement', id: 's1' }, { since })).toThrow(
        expect.objectContaining({ code: 'INVALID_CURSOR' }),
      );
      await tide.close();
      await clock.advance(0);
      expect(clock.timers).toBe(0);
    },
  );
});

test('a message that is lost costs time and nothing else', async () => {
  const [db, clock] = [database(), fakeClock()];
  const shared = memory({ clock });
  const deaf = delayedMarks(shared.marks);
  deaf.flow();
  const [a, b] = [replica(db, clock, shared), replica(db, clock, { ...shared, marks: deaf as Marks })];
  for (const { tide } of [a, b]) await tide.ready();
  await b.tide.computed('settlement', 's1');
  const { computed } = collect(b.tide.subscribe({ type: 'settlement', id: 's1' }));
  await settle(clock);
  deaf.hold();
  await a.change('kingdom', { id: 'k1', parentId: '', level: 2 });
  deaf.dropMessage();
  deaf.flow();
  for (let i = 0; i < 4; i++) await clock.advance(1000);
  expect(computed()).toEqual(['income 8 → 16']);
});

test('a database that is down is asked again, and an error is no value', async () => {
  const { clock, all, db } = await world();
  const [{ tide, change, errors }] = all as [(typeof all)[0]];
  const { computed } = collect(tide.subscribe({ type: 'settlement', id: 's1' }));
  await settle(clock);
  db.fails = true;
  await change('structure', { id: 't1', parentId: 's1', level: 6 });
  await settle(clock);
  expect([computed(), errors.length > 0]).toEqual([[], true]);
  db.fails = false;
  await clock.advance(1000);
  expect(computed()).toEqual(['income 8 → 9']);
});

test('nothing is told before it is permitted, nor after', async () => {
  const [db, clock] = [database(), fakeClock()];
  const verdicts: ((verdict: boolean | { until: number }) => void)[] = [];
  const authorize = () => new Promise<boolean | { until: number }>((resolve) => verdicts.push(resolve));
  const { tide, change } = replica(db, clock, { authorize });
  await tide.ready();
  await tide.computed('settlement', 's1');
  const items = tide.scope({ principal: 'ada' }).subscribe({ type: 'settlement', id: 's1' });
  const { computed } = collect(items);
  await settle(clock);
  await change('kingdom', { id: 'k1', parentId: '', level: 2 });
  await settle(clock);
  expect(computed()).toEqual([]);
  verdicts.shift()?.({ until: clock.wallNow() + 5000 });
  await settle(clock);
  expect(computed()).toEqual(['income 8 → 16']);
  await clock.advance(6000);
  await change('kingdom', { id: 'k1', parentId: '', level: 3 });
  await settle(clock);
  expect(computed()).toEqual(['income 8 → 16']);
  await tide.close();
});

test('a subscriber ends with its signal, and is not read for any more', async () => {
  const { clock, all, db } = await world();
  const [{ tide, change }] = all as [(typeof all)[0]];
  const ending = new AbortController();
  const items = tide.subscribe({ type: 'settlement', id: 's1' }, { signal: ending.signal });
  await settle(clock);
  ending.abort();
  db.calls.length = 0;
  await change('settlement', { id: 's1', parentId: 'k1', level: 9 });
  await settle(clock);
  expect(db.calls).toEqual([]);
  expect(await items.next()).toEqual({ done: true, value: undefined });
});

// ── Against full recomputation ──────────────────────────────────────────────────────────────────────────────────

const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('change' as const), on: fc.nat(1), which: fc.nat(7), level: fc.nat(4) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('rules' as const), on: fc.nat(1), which: fc.nat(2), level: fc.nat(4) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('lose' as const), on: fc.nat(1), which: fc.nat(7), level: fc.nat(4) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('resume' as const), on: fc.nat(1), which: fc.nat(1), level: fc.nat(4) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('wait' as const), on: fc.nat(1), which: fc.nat(1), level: fc.nat(4) }),
  },
);

/** The fields of `s1` as a full look at the rows and rules of now has them. */
function oracle({ rows, rules }: Database): Readonly<Record<string, unknown>> {
  const row = rows.settlement.get('s1');
  if (row === undefined || row.gone === true) return { income: null, isOpen: null };
  const kingdom = rows.kingdom.get(row.parentId);
  const inside = [...rows.structure.values()].filter(({ parentId, gone }) => parentId === 's1' && gone !== true);
  const income = (inside.reduce((sum, { level }) => sum + level, row.level) * (kingdom?.level ?? 0)) as unknown;
  return {
    income: rules.includes(INCOME) ? income : 7,
    isOpen: rules.includes(OPEN) ? row.level > 2 : null,
  };
}

test('whatever happens, the last thing told is what is, each value was so once, and none is told twice', async () => {
  await fc.assert(
    fc.asyncProperty(fc.boolean(), fc.array(step, { minLength: 4, maxLength: 25 }), async (calm, steps) => {
      const [db, clock] = [database(), fakeClock()];
      const shared = memory({ clock });
      const links = [delayedMarks(shared.marks), delayedMarks(shared.marks)] as const;
      for (const link of links) link.flow();
      const all = links.map((marks) => replica(db, clock, { ...shared, marks: marks as Marks }));
      for (const { tide } of all) await tide.ready();
      const was = new Set<string>([JSON.stringify(oracle(db))]);
      const note = (): void => void was.add(JSON.stringify(oracle(db)));
      let on = 0;
      let items = all[0]?.tide.subscribe({ type: 'settlement', id: 's1' }) as AsyncIterableIterator<SubscriptionItem>;
      let heard = collect(items);
      if (calm) await settle(clock);
      // What somebody knows who has looked once and believes what it is told.
      const known: Record<string, unknown> = { ...oracle(db) };
      /** Since it looked. */
      const told = new Set<string>();
      let cursor: string | undefined;
      const take = (): void => {
        for (const item of heard.seen.splice(0)) {
          cursor = item.cursor;
          if (item.kind === 'resync') {
            Object.assign(known, oracle(db));
            told.clear();
          }
          if (item.kind !== 'computed') continue;
          if ('before' in item) expect(item.before).toEqual(known[item.field]);
          if (told.has(item.field)) expect(item.after).not.toEqual(known[item.field]);
          told.add(item.field);
          const so = [...was].some((text) => (JSON.parse(text) as typeof known)[item.field] === item.after);
          expect(so, `${item.field} was never ${String(item.after)}`).toBe(true);
          known[item.field] = item.after;
        }
      };
      for (const { do: what, on: where, which, level } of steps) {
        const { change, editRules } = all[where] as (typeof all)[0];
        const link = links[1 - where] as (typeof links)[0];
        if (what === 'change' || what === 'lose') {
          const [type, row] = [
            ['kingdom', { id: 'k1', parentId: '', level }],
            ['kingdom', { id: 'k2', parentId: '', level }],
            ['settlement', { id: 's1', parentId: 'k1', level }],
            ['settlement', { id: 's1', parentId: 'k2', level }],
            ['settlement', { id: 's1', parentId: 'k1', level, gone: level > 2 }],
            ['structure', { id: 't1', parentId: level > 2 ? 's2' : 's1', level }],
            ['structure', { id: 't2', parentId: 's1', level }],
            ['structure', { id: 't3', parentId: 's2', level }],
          ][which] as [Type, Row];
          if (what === 'lose') link.hold();
          const changing = change(type, row);
          note();
          await changing;
          if (what === 'lose') {
            while (link.dropMessage());
            link.flow();
          }
        } else if (what === 'rules') {
          const changing = editRules(which === 0 ? [INCOME, OPEN] : which === 1 ? [rule('income', 7), OPEN] : [INCOME]);
          note();
          await changing;
        } else if (what === 'wait') await settle(clock);
        else if (cursor !== undefined) {
          take();
          await items.return?.();
          on = 1 - on;
          items = all[on]?.tide.subscribe(
            { type: 'settlement', id: 's1' },
            { since: cursor },
          ) as AsyncIterableIterator<SubscriptionItem>;
          heard = collect(items);
        }
        await clock.advance(level);
        take();
      }
      for (let i = 0; i < 8; i++) await clock.advance(1000);
      await settle(clock);
      take();
      expect(known).toEqual(oracle(db));
      for (const { tide } of all) await tide.close();
    }),
    { numRuns: 150 },
  );
});
