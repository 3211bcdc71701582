import { describe, expect, test } from 'vitest';
import {
  type EntityFacts,
  type FieldRule,
  type FieldSchema,
  compileFields,
  createFieldEngine,
} from '../../src/rules/index.js';
import { fields, read, refusal, rule, settlement, valueOf } from './fields-given.js';

/** What a system of the kind was seen to do wrong, and what users of it should be able to rely on. */

const wealthy = { '>=': [read('settlement.population'), 5_000] };
const town = (id: string, population: number, more: object = {}): object => ({ id, population, ...more });

describe('results belong to one entity and one state', () => {
  test('a rule for all of a type never answers for one entity with the value of another', () => {
    const set = fields(rule('settlement.open', wealthy));
    expect(valueOf(set, 'open', { row: town('s1', 6_000) })).toBe(true);
    expect(valueOf(set, 'open', { row: town('s2', 3_000) })).toBe(false);
    const engine = createFieldEngine(set, { now: 0 });
    engine.load('settlement', [town('s1', 6_000), town('s2', 3_000)]);
    expect([engine.valuesOf('settlement', 's1')?.['open'], engine.valuesOf('settlement', 's2')?.['open']]).toEqual([
      ...[true, false],
    ]);
  });
  test('a rule for one entity never answers for another', () => {
    const set = fields(rule('settlement.open', true, { entityId: 's1' }));
    expect(valueOf(set, 'open', { row: town('s1', 0) })).toBe(true);
    expect(valueOf(set, 'open', { row: town('s2', 0) })).toBeNull();
    // Ids are whole texts.
    expect(valueOf(set, 'open', { row: town('s10', 0) })).toBeNull();
  });
  test('an entity that changed has the value of what it is now', () => {
    const engine = createFieldEngine(fields(rule('settlement.open', wealthy)), { now: 0 });
    engine.load('settlement', [town('s1', 6_000)]);
    engine.change('settlement', town('s1', 6_000), town('s1', 4_000));
    expect(engine.valuesOf('settlement', 's1')).toMatchObject({ open: false });
  });
});

describe('circles', () => {
  const circle = [
    rule('settlement.a', { '+': [read('settlement.b'), 1] }),
    rule('settlement.b', { '+': [read('settlement.a'), 1] }),
  ];
  test('are seen through what rules give, not only what they read', () => {
    expect(refusal(() => fields(...circle)).message).toMatch(/settlement\.a → settlement\.b → settlement\.a/);
  });
  test('are refused when they are saved, and are never evaluated', () => {
    const set = fields(circle[0] as FieldRule);
    const engine = createFieldEngine(set, { now: 0 });
    engine.load('settlement', [town('s1', 1)]);
    expect(refusal(() => engine.setRules(set.with(circle[1] as FieldRule))).code).toBe('RULE_CYCLE');
    expect(engine.valuesOf('settlement', 's1')).toMatchObject({ a: 1, b: null });
  });
});

describe('what a rule reads', () => {
  test('is known by its whole path, also of keys that are asked for, and not of items in a loop', () => {
    const set = fields(
      rule('settlement.a', read('settlement.variables.population')),
      rule('settlement.list', { missing: ['settlement.kingdom.ruler'] }),
      rule('settlement.b', { reduce: [read('settlement.structures'), { '+': [read('current.gold'), 1] }, 0] }),
    );
    expect(set.readersOf('settlement', 'variables.population')).toHaveLength(1);
    expect(set.readersOf('settlement', 'variables.gold')).toHaveLength(0);
    expect(set.readersOf('kingdom', 'ruler').map(({ field }) => field)).toEqual(['list']);
    expect(set.readersOf('structure', 'gold').map(({ field }) => field)).toEqual(['b']);
    expect(set.readersOf('settlement', 'gold')).toHaveLength(0);
  });
  test('is bounded while it runs, by what the data make of it', () => {
    const structures = Array.from({ length: 200 }, (_, i) => ({ row: { id: `x${String(i)}` } }));
    const triple = {
      reduce: [
        read('settlement.structures'),
        {
          reduce: [
            { val: [[2], 'settlement', 'structures'] },
            { reduce: [{ val: [[4], 'settlement', 'structures'] }, 1, 0] },
            0,
          ],
        },
        0,
      ],
    };
    const { values, failures } = fields(rule('settlement.a', triple), rule('settlement.b', 2)).evaluate(
      'settlement',
      settlement({}, { hops: { structures } }),
      { now: 0 },
    );
    expect(values).toMatchObject({ a: null, b: 2 });
    expect(failures.map(({ error }) => error.code)).toEqual(['RULE_LIMIT']);
  });
});

describe('sets', () => {
  test('do not know of each other: a rule of one campaign changes nothing in another', () => {
    const [one, other] = [fields(rule('settlement.a', 1)), fields(rule('settlement.a', 2))];
    const engines = [one, other].map((set) => createFieldEngine(set, { now: 0 }));
    for (const engine of engines) engine.load('settlement', [town('s1', 1)]);
    const third = one.with(rule('settlement.a', read('settlement.kingdom.level')));
    expect(engines[0]?.setRules(third)).toMatchObject([{ field: 'a', before: 1, after: null }]);
    expect(engines[1]?.valuesOf('settlement', 's1')).toMatchObject({ a: 2 });
    expect(other.readersOf('kingdom', 'level')).toEqual([]);
    expect(third.readersOf('kingdom', 'level')).toHaveLength(1);
  });

  test.each(['created', 'updated', 'deleted', 'switched off'] as const)('hold once a rule was %s', (what) => {
    const base = rule('settlement.a', 1);
    const set = fields(base, rule('settlement.b', 5));
    const engine = createFieldEngine(set, { now: 0 });
    engine.load('settlement', [town('s1', 1), town('s2', 2)]);
    const next = {
      created: () => set.with(rule('settlement.a', 2, { id: 'new', priority: 1 })),
      updated: () => set.with({ ...base, expression: 2 }),
      deleted: () => set.without(base.id),
      'switched off': () => set.with({ ...base, isActive: false }),
    }[what]();
    const after = what === 'created' || what === 'updated' ? 2 : null;
    expect(engine.setRules(next).map(({ id, field, after: value }) => [id, field, value])).toEqual([
      ...[
        ['s1', 'a', after],
        ['s2', 'a', after],
      ],
    ]);
  });
});

describe('rules for all of a type', () => {
  test('apply, to every entity of it and to those that come later', () => {
    const engine = createFieldEngine(fields(rule('settlement.open', wealthy)), { now: 0 });
    engine.load('settlement', [town('s1', 9_000)]);
    expect(engine.change('settlement', null, town('s2', 9_000))).toMatchObject([{ id: 's2', after: true }]);
  });
});

describe('a rule that gives no result says why', () => {
  const reasons = (rules: readonly FieldRule[]): unknown => {
    const { candidates } = fields(...rules).explain('settlement', 'a', settlement(), { now: 0 });
    return candidates.map(({ outcome, error }) => error?.code ?? outcome);
  };
  test('missing, inactive or failed', () => {
    expect(reasons([])).toEqual([]);
    expect(reasons([rule('settlement.a', 1, { isActive: false })])).toEqual(['inactive']);
    expect(reasons([rule('settlement.a', { '+': ['x'] })])).toEqual(['RULE_NAN']);
  });
  test.each([{}, [], null, undefined])('%o is no expression, and is refused as what it is', (expression) => {
    const { code, message } = refusal(() => fields(rule('settlement.a', expression)));
    expect(code).toBe('INVALID_RULE');
    const said = { undefined: 'nothing', null: 'null', '[]': 'a list of 0', '{}': 'an empty object' };
    expect(message).toContain(`got ${said[(JSON.stringify(expression) ?? 'undefined') as keyof typeof said]}.`);
  });
});

test('the highest priority wins, and of equals the same one whatever order they came in', () => {
  const rules = ['b', 'c', 'a'].map((id, i) => rule('settlement.a', i, { id, priority: 3 }));
  const low = rule('settlement.a', 9, { id: '0', priority: 2 });
  for (const given of [rules, [...rules].reverse(), [low, ...rules]]) {
    expect(fields(...given).evaluate('settlement', settlement(), { now: 0 }).by['a']).toBe('a');
  }
});

test('what one step gives, the steps that depend on it see', () => {
  const set = fields(
    rule('settlement.a', { '*': [read('settlement.b'), 2] }),
    rule('settlement.b', { '+': [read('settlement.c'), 1] }),
    rule('settlement.c', read('settlement.level')),
  );
  expect(set.evaluate('settlement', settlement({ level: 4 }), { now: 0 }).values).toMatchObject({ a: 10, b: 5, c: 4 });
});

describe('state variables', () => {
  const at = (type: string, of: string) => ({
    type: of,
    id: (row: object) => ((row as { scope: string }).scope === type ? (row as { scopeId: string }).scopeId : null),
  });
  const schema: FieldSchema = {
    kingdom: { children: { variables: { type: 'variable' } } },
    settlement: {
      parents: { kingdom: { type: 'kingdom', id: 'kingdomId' } },
      children: { variables: { type: 'variable' } },
      computed: { own: 'number', shared: 'number' },
    },
    variable: { parents: { kingdom: at('kingdom', 'kingdom'), settlement: at('settlement', 'settlement') } },
  };
  const total = (path: string): unknown => ({
    reduce: [read(path), { '+': [read('current.value'), read('accumulator')] }, 0],
  });
  const set = compileFields(
    [
      rule('settlement.own', total('settlement.variables')),
      rule('settlement.shared', total('settlement.kingdom.variables')),
    ],
    schema,
  );
  const variable = (id: string, scope: string, scopeId: string, value: number): object => ({
    id,
    scope,
    scopeId,
    value,
  });

  test('of one settlement change its fields only, of a kingdom those of all that read them', () => {
    const engine = createFieldEngine(set, { now: 0 });
    engine.load('kingdom', [{ id: 'k1' }, { id: 'k2' }]);
    engine.load(
      'settlement',
      ['s1 k1', 's2 k1', 's3 k2'].map((text) => ({ id: text.slice(0, 2), kingdomId: text.slice(3) })),
    );
    const told = (before: object | null, after: object | null): string[] =>
      engine.change('variable', before, after).map(({ id, field, after: value }) => `${id} ${field} ${String(value)}`);
    expect(told(null, variable('v1', 'settlement', 's1', 4))).toEqual(['s1 own 4']);
    expect(told(null, variable('v2', 'kingdom', 'k1', 7))).toEqual(['s1 shared 7', 's2 shared 7']);
    expect(told(variable('v2', 'kingdom', 'k1', 7), variable('v2', 'kingdom', 'k2', 7))).toEqual([
      ...['s1 shared 0', 's2 shared 0', 's3 shared 7'],
    ]);
    expect(told(variable('v1', 'settlement', 's1', 4), null)).toEqual(['s1 own 0']);
  });

  test('are facts like any other', () => {
    const facts: EntityFacts = {
      row: { id: 's1' },
      hops: { variables: [{ row: { id: 'v', value: 3 } }], kingdom: { row: { id: 'k1' }, hops: { variables: [] } } },
    };
    expect(set.evaluate('settlement', facts, { now: 0 }).values).toEqual({ own: 3, shared: 0 });
  });
});
