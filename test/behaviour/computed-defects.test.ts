import { describe, expect, test } from 'vitest';
import {
  type FieldRule,
  type RuleSource,
  type TideOptions,
  createTidemark,
  defineModel,
  entity,
  memory,
  ruleTable,
} from '../../src/index.js';
import { defineOperators } from '../../src/rules/index.js';
import { fakeClock } from '../../src/testing/index.js';

/**
 * D1 to D11: what a system of the kind was seen to do wrong with the values of rules that are cached, on several servers. Those
 * that concern rules alone (D3, D4, D8, D10) are in test/rules.
 */

interface Row {
  readonly id: string;
  readonly parentId: string;
  readonly level: number;
}

const model = defineModel({
  entities: {
    campaign: entity<Row>()({}),
    settlement: entity<Row>()({
      parents: { campaign: 'parentId' },
      computed: { isRich: 'boolean', note: 'json', total: 'number' },
    }),
    structure: entity<Row>()({ parents: { settlement: 'parentId' } }),
  },
});

const rule = (field: string, expression: unknown, more: Partial<FieldRule> = {}): FieldRule => ({
  ...{ id: field, entityType: 'settlement', entityId: null, field, expression, priority: 0, isActive: true },
  ...more,
});
const RICH = rule('isRich', { '>=': [{ var: 'settlement.level' }, 5] });
const TOTAL = rule('total', {
  reduce: [{ var: 'settlement.structures' }, { '+': [{ var: 'accumulator' }, { var: 'current.level' }] }, 0],
});

function world(source: RuleSource, more: Partial<TideOptions<typeof model>['rules']> & { replicas?: number } = {}) {
  const { replicas = 2, ...rules } = more;
  const [clock, calls] = [fakeClock(), [] as string[]];
  const rows = {
    campaign: new Map<string, Row>(['c1', 'c2'].map((id) => [id, { id, parentId: '', level: 0 }])),
    settlement: new Map<string, Row>(),
    structure: new Map<string, Row>(),
  };
  const of = (type: keyof typeof rows) => ({
    byIds: (ids: readonly string[]) => {
      calls.push(`${type} ${ids.join()}`);
      return ids.flatMap((id) => rows[type].get(id) ?? []);
    },
  });
  const under = (type: keyof typeof rows) => (ids: readonly string[]) => {
    calls.push(`${type}s of ${ids.join()}`);
    return [...rows[type].values()].filter(({ parentId }) => ids.includes(parentId));
  };
  const shared = memory({ clock });
  const tides = Array.from({ length: replicas }, () =>
    createTidemark({
      model,
      origin: {
        campaign: of('campaign'),
        settlement: { ...of('settlement'), childrenOf: { campaign: under('settlement') } },
        structure: { ...of('structure'), childrenOf: { settlement: under('structure') } },
      },
      rules: { source, ...rules },
      clock,
      ...shared,
    }),
  );
  const put = (type: keyof typeof rows, row: Row): void => void rows[type].set(row.id, row);
  put('settlement', { id: 's1', parentId: 'c1', level: 9 });
  put('settlement', { id: 's2', parentId: 'c2', level: 1 });
  const [a, b] = tides as [(typeof tides)[0], (typeof tides)[0]];
  const settle = async (): Promise<void> => {
    for (let i = 0; i < 10; i++) await clock.advance(5);
  };
  return { a, b, rows, put, calls, clock, settle };
}

test('D1: a rule for a type never answers for one entity with the value of another', async () => {
  const { a, b, settle } = world([RICH]);
  expect([await a.computed('settlement', 's1'), await a.computed('settlement', 's2')]).toMatchObject([
    { isRich: true },
    { isRich: false },
  ]);
  await settle();
  expect([await b.computed('settlement', 's2'), await b.computed('settlement', 's1')]).toMatchObject([
    { isRich: false },
    { isRich: true },
  ]);
});

test('D2: an entity that changed, or something that its rules look at, is stale nowhere', async () => {
  const { a, b, put } = world([RICH, TOTAL]);
  for (const tide of [a, b]) await tide.computed('settlement', 's1');
  put('settlement', { id: 's1', parentId: 'c1', level: 2 });
  const first = await a.change({ type: 'settlement', id: 's1', op: 'update' });
  expect(await b.computed('settlement', 's1', { after: first })).toMatchObject({ isRich: false, total: 0 });
  put('structure', { id: 't1', parentId: 's1', level: 4 });
  const second = await b.change({ type: 'structure', id: 't1', op: 'create', after: { parentId: 's1' } });
  expect(await a.computed('settlement', 's1', { after: second })).toMatchObject({ total: 4 });
});

test('D5: rules and their circles are those of one campaign', async () => {
  const { a } = world(ruleTable(), {
    scopeOf: async (type, row, read) => {
      if (type === 'campaign') return String(row['id']);
      if (type === 'settlement') return String(row['parentId']);
      const above = (await read.get('settlement', row['parentId'] as never)) as Row | null;
      return above?.parentId ?? 'none';
    },
  });
  await a.rules.save(rule('isRich', { var: 'settlement.note' }), { scope: 'c1' });
  // In the other campaign this closes no circle.
  await a.rules.save(rule('note', { var: 'settlement.isRich' }), { scope: 'c2' });
  await expect(a.rules.save(rule('note', { var: 'settlement.isRich' }), { scope: 'c1' })).rejects.toMatchObject({
    code: 'RULE_CYCLE',
  });
  await a.rules.save(rule('total', 7), { scope: 'c2' });
  expect([await a.computed('settlement', 's1'), await a.computed('settlement', 's2')]).toMatchObject([
    { total: null },
    { total: 7 },
  ]);
});

test('D6: a circle is no value, and is not kept as one', async () => {
  const rules = [rule('isRich', { var: 'settlement.note' }), rule('note', { var: 'settlement.isRich' })];
  const { a, b } = world(() => [...rules]);
  for (const tide of [a, b])
    await expect(tide.computed('settlement', 's1')).rejects.toMatchObject({ code: 'RULE_CYCLE' });
  rules.pop();
  const after = await a.change({ subjects: [a.subject.rules('settlement', 'all')] });
  expect(await b.computed('settlement', 's1', { after })).toMatchObject({ isRich: null });
});

describe('D7: an operator that gives a promise', () => {
  const operators = defineOperators({
    later: { arity: 0, reads: () => [], evaluate: () => Promise.resolve(true) },
  });
  test('is a failed rule, said as such, and the next one is asked', async () => {
    const { a } = world([rule('isRich', { later: [] }, { id: 'first', priority: 1 }), RICH], {
      operators,
      replicas: 1,
    });
    const errors: unknown[] = [];
    a.on('error', ({ error, where }) => errors.push([where, (error as { code?: string }).code]));
    expect(await a.computed('settlement', 's1')).toMatchObject({ isRich: true });
    expect(errors).toEqual([["rule 'first' of settlement.isRich, settlement 's1'", 'OPERATOR_FAILED']]);
  });
});

test.each([
  'constructor',
  '__proto__',
  'hasOwnProperty.name',
  'settlement.constructor.constructor',
  'settlement.__proto__',
])('D9: {"var": %j} reads nothing that is not data', async (path) => {
  const { a } = world(
    [rule('note', { var: `settlement.${path}` }), rule('isRich', { '!': [{ var: `settlement.${path}` }] })],
    {
      replicas: 1,
    },
  );
  expect(await a.computed('settlement', 's1')).toMatchObject({ note: null, isRich: true });
});

describe('D11:', () => {
  test('rules for a type and for one entity both count in what is asked for', async () => {
    const { a } = world([RICH, rule('isRich', false, { id: 'own', entityId: 's1' })], { replicas: 1 });
    expect(await a.computed('settlement', 's1')).toMatchObject({ isRich: false });
  });

  test('a hundred entities at once are a query a level, not a query each', async () => {
    const { a, put, calls } = world([RICH, TOTAL], { replicas: 1 });
    const ids = Array.from({ length: 100 }, (_, i) => `x${String(i)}`);
    for (const id of ids) put('settlement', { id, parentId: 'c1', level: 1 });
    for (const id of ids) put('structure', { id: `t${id}`, parentId: id, level: 2 });
    const values = await Promise.all(ids.map((id) => a.computed('settlement', id)));
    expect(values.every((value) => value?.total === 2)).toBe(true);
    expect(calls).toHaveLength(2);
  });

  test('only what depends on a change is computed again', async () => {
    const { a, put, calls } = world([TOTAL], { replicas: 1 });
    const ids = Array.from({ length: 50 }, (_, i) => `x${String(i)}`);
    for (const id of ids) put('settlement', { id, parentId: 'c1', level: 1 });
    for (const id of ids) await a.computed('settlement', id);
    calls.length = 0;
    put('structure', { id: 't1', parentId: 'x7', level: 3 });
    await a.change({ type: 'structure', id: 't1', op: 'create', after: { parentId: 'x7' } });
    for (const id of ids) await a.computed('settlement', id);
    expect(calls).toEqual(['structures of x7']);
  });
});
