import { describe, expect, test } from 'vitest';
import { type RulesOptions, createTidemark, defineModel, entity, memory } from '../../src/index.js';
import type { FieldRule } from '../../src/rules/index.js';
import { fakeClock } from '../../src/testing/index.js';

interface Kingdom {
  readonly id: string;
  readonly tax: number;
}
interface Settlement {
  readonly id: string;
  readonly kingdomId: string;
  readonly level: number;
}
interface Structure {
  readonly id: string;
  readonly settlementId: string;
  readonly value: number;
}

const model = defineModel({
  entities: {
    kingdom: entity<Kingdom>()({ computed: { wealth: 'number' } }),
    settlement: entity<Settlement>()({
      parents: { kingdom: 'kingdomId' },
      computed: { isTradeHub: 'boolean', income: 'number' },
    }),
    structure: entity<Structure>()({ parents: { settlement: 'settlementId' } }),
  },
});

const rule = (field: string, expression: unknown, more: Partial<FieldRule> = {}): FieldRule => ({
  ...{ id: `${field}-rule`, entityType: 'settlement', entityId: null, field, expression, priority: 0, isActive: true },
  ...more,
});
const HUB = rule('isTradeHub', { '>=': [{ var: 'settlement.level' }, 3] });
/** The sum of what stands there, times the tax of its kingdom. */
const INCOME = rule('income', {
  '*': [
    { reduce: [{ var: 'settlement.structures' }, { '+': [{ var: 'accumulator' }, { var: 'current.value' }] }, 0] },
    { var: 'settlement.kingdom.tax' },
  ],
});

function world(rules: RulesOptions, shared: object = {}, clock = fakeClock()) {
  const rows = {
    kingdom: new Map<string, Kingdom>([
      ['k1', { id: 'k1', tax: 2 }],
      ['k2', { id: 'k2', tax: 3 }],
    ]),
    settlement: new Map<string, Settlement>([
      ['s1', { id: 's1', kingdomId: 'k1', level: 3 }],
      ['s2', { id: 's2', kingdomId: 'k2', level: 2 }],
    ]),
    structure: new Map<string, Structure>([
      ['t1', { id: 't1', settlementId: 's1', value: 10 }],
      ['t2', { id: 't2', settlementId: 's1', value: 5 }],
      ['t3', { id: 't3', settlementId: 's2', value: 7 }],
    ]),
  };
  const asked: string[] = [];
  const byIds =
    <Row>(type: string, of: ReadonlyMap<string, Row>) =>
    (ids: readonly string[]): Row[] => {
      asked.push(`${type} ${ids.join()}`);
      return ids.flatMap((id) => of.get(id) ?? []);
    };
  const tide = createTidemark({
    model,
    origin: {
      kingdom: { byIds: byIds('kingdom', rows.kingdom) },
      settlement: {
        byIds: byIds('settlement', rows.settlement),
        childrenOf: { kingdom: (ids) => [...rows.settlement.values()].filter((row) => ids.includes(row.kingdomId)) },
      },
      structure: {
        byIds: byIds('structure', rows.structure),
        childrenOf: {
          settlement: (ids) => {
            asked.push(`structures of ${ids.join()}`);
            return [...rows.structure.values()].filter((row) => ids.includes(row.settlementId));
          },
        },
      },
    },
    rules,
    clock,
    ...shared,
  });
  const errors: string[] = [];
  tide.on('error', ({ error, where }) => void errors.push(`${where}: ${error.message}`));
  return { tide, rows, asked, errors, clock };
}

describe('computed fields', () => {
  test('are what the rules say of the entity and of what hangs around it, null without a rule', async () => {
    const { tide } = world({ source: [HUB, INCOME] });
    expect(await tide.computed('settlement', 's1')).toEqual({ isTradeHub: true, income: 30 });
    expect(await tide.computed('settlement', 's2')).toEqual({ isTradeHub: false, income: 21 });
    expect(await tide.computed('kingdom', 'k1')).toEqual({ wealth: null });
    expect(await tide.computed('settlement', 'none')).toBeNull();
  });

  test('may read those of others', async () => {
    const wealth = rule(
      'wealth',
      {
        reduce: [{ var: 'kingdom.settlements' }, { '+': [{ var: 'accumulator' }, { var: 'current.income' }] }, 0],
      },
      { entityType: 'kingdom' },
    );
    const { tide, rows } = world({ source: [INCOME, wealth] });
    expect(await tide.computed('kingdom', 'k1')).toEqual({ wealth: 30 });
    const before = rows.structure.get('t1') as Structure;
    const after = { ...before, value: 20 };
    rows.structure.set('t1', after);
    await tide.change({ type: 'structure', id: 't1', op: 'update', before, after });
    expect(await tide.computed('kingdom', 'k1')).toEqual({ wealth: 50 });
  });

  test('may read those of others that read other fields of their own', async () => {
    const wealth = rule(
      'wealth',
      { reduce: [{ var: 'kingdom.settlements' }, { '+': [{ var: 'accumulator' }, { var: 'current.income' }] }, 0] },
      { entityType: 'kingdom' },
    );
    const hub = rule('isTradeHub', { '>': [{ var: 'settlement.kingdom.wealth' }, 25] });
    const { tide } = world({ source: [INCOME, wealth, hub] });
    expect(await tide.computed('settlement', 's1')).toEqual({ isTradeHub: true, income: 30 });
    expect(await tide.computed('settlement', 's2')).toEqual({ isTradeHub: false, income: 21 });
  });

  test('are kept until something that they read changes, and what did not read it stays', async () => {
    const { tide, rows, asked } = world({ source: [HUB, INCOME] });
    for (const id of ['s1', 's2']) await tide.computed('settlement', id);
    asked.length = 0;
    await tide.computed('settlement', 's1');
    expect(asked).toEqual([]);
    const before = rows.structure.get('t3') as Structure;
    const after = { ...before, value: 8 };
    rows.structure.set('t3', after);
    await tide.change({ type: 'structure', id: 't3', op: 'update', before, after });
    expect(await tide.computed('settlement', 's1')).toEqual({ isTradeHub: true, income: 30 });
    expect(asked).toEqual([]);
    expect(await tide.computed('settlement', 's2')).toEqual({ isTradeHub: false, income: 24 });
    expect(asked).toEqual(['structures of s2']);
  });

  test('of one type stay when the rules of another change that they do not read', async () => {
    const wealth = rule('wealth', 1, { entityType: 'kingdom' });
    const { tide, asked } = world({ source: [HUB, wealth] });
    await tide.computed('settlement', 's1');
    await tide.computed('kingdom', 'k1');
    const { entries } = tide.explain({ subjects: [tide.subject.rules('kingdom', 'all')] });
    expect(entries.map(({ key }) => key).sort()).toEqual([
      'computed-fields:kingdom:k1:main',
      'computed-fields:rules:kingdom:all:main',
    ]);
    asked.length = 0;
    await tide.change({ subjects: [tide.subject.rules('kingdom', 'all')] });
    await tide.computed('settlement', 's1');
    expect(asked).toEqual([]);
  });

  test('of scopes that read each other in a circle end with the way, too', async () => {
    const rules: Record<string, FieldRule[]> = {
      own: [rule('income', { var: 'settlement.kingdom.wealth' })],
      realm: [rule('wealth', { var: 'kingdom.settlements.0.income' }, { entityType: 'kingdom' })],
    };
    const { tide } = world({
      source: ({ scope }) => rules[scope] as FieldRule[],
      scopeOf: (type) => (type === 'kingdom' ? 'realm' : 'own'),
    });
    await expect(tide.computed('kingdom', 'k1')).rejects.toThrow(
      / kingdom\.wealth of 'k1' → settlement\.income of 's1' → /,
    );
  });

  test('change with their rules, in that scope only', async () => {
    const sources: Record<string, FieldRule[]> = { k1: [HUB], k2: [HUB] };
    let reads = 0;
    const { tide, asked } = world({
      source: ({ scope }) => {
        reads++;
        return [...(sources[scope] as FieldRule[])];
      },
      scopeOf: (type, row) => String(type === 'kingdom' ? row['id'] : row['kingdomId']),
    });
    for (const id of ['s1', 's2']) await tide.computed('settlement', id);
    for (const scope of ['k1', 'k2']) sources[scope] = [rule('isTradeHub', { '>=': [{ var: 'settlement.level' }, 9] })];
    asked.length = 0;
    await tide.change({ subjects: [tide.subject.rules('settlement', 'k1')] });
    expect(await tide.computed('settlement', 's1')).toMatchObject({ isTradeHub: false });
    expect(await tide.computed('settlement', 's2')).toMatchObject({ isTradeHub: false });
    expect([asked, reads]).toEqual([[], 3]);
    sources['k2'] = [rule('isTradeHub', true)];
    expect(await tide.computed('settlement', 's2')).toMatchObject({ isTradeHub: false });
  });

  test('of one entity obey its own rule', async () => {
    const own = rule('isTradeHub', false, { id: 'own', entityId: 's1' });
    const { tide } = world({ source: [HUB, own] });
    expect(await tide.computed('settlement', 's1')).toMatchObject({ isTradeHub: false });
  });

  test('are found in tier 2 by another replica, under the key that the seed system has', async () => {
    const clock = fakeClock();
    const shared = memory({ clock });
    const [a, b] = [world({ source: [HUB, INCOME] }, shared, clock), world({ source: [HUB, INCOME] }, shared, clock)];
    await a.tide.computed('settlement', 's1');
    await clock.advance(0);
    expect(await b.tide.computed('settlement', 's1')).toEqual({ isTradeHub: true, income: 30 });
    expect(b.asked).toEqual([]);
    const { entries } = b.tide.explain({ type: 'settlement', id: 's1', op: 'update' });
    expect(entries.map(({ key }) => key)).toContain('computed-fields:settlement:s1:main');
  });

  test('are read by a scope and its loaders', async () => {
    const { tide } = world({ source: [HUB] });
    const scope = tide.scope();
    expect(await scope.computed('settlement', 's1')).toMatchObject({ isTradeHub: true });
    expect(await scope.loaders.settlement.computed('s2')).toMatchObject({ isTradeHub: false });
  });
});

describe('rules that cannot work', () => {
  test('in a circle of one type are refused with the path', async () => {
    const income = rule('income', { if: [{ var: 'settlement.isTradeHub' }, 2, 1] });
    const hub = rule('isTradeHub', { '>': [{ var: 'settlement.income' }, 1] });
    const { tide } = world({ source: [income, hub] });
    await expect(tide.computed('settlement', 's1')).rejects.toMatchObject({
      code: 'RULE_CYCLE',
      message: expect.stringMatching(/settlement\.\w+ → settlement\.\w+ → settlement\.\w+/) as string,
    });
    // Those of another type do not suffer from it.
    expect(await tide.computed('kingdom', 'k1')).toEqual({ wealth: null });
  });

  test('in a circle through other entities are refused with the way, and nothing is kept', async () => {
    const wealth = rule('wealth', { var: 'kingdom.settlements.0.income' }, { entityType: 'kingdom' });
    const income = rule('income', { var: 'settlement.kingdom.wealth' });
    const rules = [income, wealth];
    const { tide } = world({ source: () => [...rules] });
    await expect(tide.computed('settlement', 's1')).rejects.toMatchObject({
      code: 'RULE_CYCLE',
      message:
        "rules: fields read each other in a circle: settlement.income of 's1' → kingdom.wealth of 'k1' → settlement.income of 's1'.",
    });
    rules.pop();
    await tide.change({ subjects: [tide.subject.rules('kingdom', 'all')] });
    expect(await tide.computed('settlement', 's1')).toMatchObject({ income: null });
  });

  test('that fail give way to the next, and are told', async () => {
    const failing = rule('income', { '/': [1, 0] }, { id: 'failing', priority: 1 });
    const { tide, errors } = world({ source: [INCOME, failing] });
    expect(await tide.computed('settlement', 's1')).toMatchObject({ income: 30 });
    expect(errors).toEqual([expect.stringMatching(/^rule 'failing' of settlement\.income, settlement 's1': /)]);
  });

  test('that fail fail their reader where that is asked for, and are asked again', async () => {
    let rules = [rule('income', { '/': [1, 0] })];
    const { tide } = world({ source: () => rules, failing: 'error' });
    await expect(tide.computed('settlement', 's1')).rejects.toThrow();
    rules = [INCOME];
    await tide.change({ subjects: [tide.subject.rules('settlement', 'all')] });
    expect(await tide.computed('settlement', 's1')).toMatchObject({ income: 30 });
  });

  test('that are no list are refused', async () => {
    const { tide } = world({ source: (() => 'none') as never });
    await expect(tide.computed('settlement', 's1')).rejects.toMatchObject({ code: 'INVALID_RULE' });
  });
});

test('what looks at the time is looked at again after a second', async () => {
  const late = rule('isTradeHub', { '>': [{ var: 'now' }, '1970-01-01T00:00:00.500Z'] });
  const clock = fakeClock();
  const { tide } = world({ source: [late] }, {}, clock);
  const first = await tide.computed('settlement', 's1');
  await clock.advance(1100);
  const second = await tide.computed('settlement', 's1');
  expect([first?.isTradeHub, second?.isTradeHub]).toEqual([
    new Date(clock.wallNow() - 1100).toISOString() > '1970-01-01T00:00:00.500Z',
    true,
  ]);
});

test('a tide without rules has fields that are null', async () => {
  const tide = createTidemark({
    model,
    origin: { settlement: { byIds: () => [{ id: 's', kingdomId: 'k', level: 1 }] } },
  });
  expect(await tide.computed('settlement', 's')).toEqual({ isTradeHub: null, income: null });
});
