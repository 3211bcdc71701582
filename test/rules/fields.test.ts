import { describe, expect, test } from 'vitest';
import { isTidemarkError } from '../../src/errors.js';
import { type FieldSet, compileFields, defineOperators } from '../../src/rules/index.js';
import { fields, read, refusal, rule, schema, settlement, valueOf } from './fields-given.js';

describe('rules for one field', () => {
  test('are asked from that of the entity to that of all, from high to low priority, then by id', () => {
    const rules = [
      rule('settlement.a', 1, { id: 'all, low', priority: 1 }),
      rule('settlement.a', 2, { id: 'all, high', priority: 9 }),
      rule('settlement.a', 3, { id: 'own, b', entityId: 's1', priority: -5 }),
      rule('settlement.a', 4, { id: 'own, a', entityId: 's1', priority: -5 }),
    ];
    const order = ['own, a', 'own, b', 'all, high', 'all, low'];
    for (const given of [rules, [...rules].reverse()]) {
      const { candidates } = fields(...given).explain('settlement', 'a', settlement(), { now: 0 });
      expect(candidates.map((one) => one.rule.id)).toEqual(order);
    }
    expect(fields(...rules).evaluate('settlement', settlement(), { now: 0 })).toMatchObject({
      values: { a: 4, b: null },
      by: { a: 'own, a', b: null },
    });
    expect(valueOf(fields(...rules), 'a', { row: { id: 's2' } })).toBe(2);
  });

  test('that fail are told, and the next is asked; or the error stands for the value', () => {
    const rules = [
      rule('settlement.a', { '/': [1, read('settlement.zero')] }, { id: 'divides', priority: 2 }),
      rule('settlement.a', 5, { id: 'constant', priority: 1 }),
      rule('settlement.b', { '+': [read('settlement.a'), 1] }),
    ];
    const facts = settlement({ zero: 0 });
    const next = fields(...rules).evaluate('settlement', facts, { now: 0 });
    expect(next.values).toMatchObject({ a: 5, b: 6 });
    expect(next.failures).toMatchObject([{ type: 'settlement', id: 's1', field: 'a', rule: 'divides' }]);
    expect(next.failures[0]?.error.code).toBe('RULE_NAN');

    const error = compileFields(rules, schema, { failing: 'error' }).evaluate('settlement', facts, { now: 0 });
    expect(error.values['a']).toMatchObject({ code: 'RULE_NAN' });
    expect(error.values['b']).toMatchObject({ code: 'FIELD_FAILED', cause: error.values['a'] });
    expect(error.failures.map((one) => one.rule)).toEqual(['divides', 'settlement.b']);
    expect(error.by).toMatchObject({ a: null, b: null });
  });

  test('give null where all fail, and null is a value', () => {
    const failing = rule('settlement.a', { throw: 'no' }, { id: 'fails', priority: 1 });
    expect(valueOf(fields(failing), 'a')).toBeNull();
    const absent = rule('settlement.a', read('settlement.absent'), { id: 'absent', priority: 1 });
    const set = fields(absent, rule('settlement.a', 3, { id: 'below' }));
    expect(set.evaluate('settlement', settlement(), { now: 0 })).toMatchObject({
      ...{ values: { a: null }, by: { a: 'absent' }, failures: [] },
    });
  });

  const kinds: readonly (readonly [string, unknown, boolean])[] = [
    ...([
      ['a', 3, true],
      ['a', '3', false],
      ['a', true, false],
      ['a', NaN, false],
      ['a', null, true],
    ] as const),
    ...([
      ['open', false, true],
      ['open', 0, false],
      ['list', [{}], true],
      ['list', 'x', true],
    ] as const),
  ];
  test.each(kinds)('settlement.%s of %o: %s', (field, value, fits) => {
    const { values, failures } = fields(rule(`settlement.${field}`, read('settlement.value'))).evaluate(
      'settlement',
      settlement({ value }),
      { now: 0 },
    );
    expect(values[field]).toEqual(fits ? value : null);
    expect(failures.map(({ error }) => error.code)).toEqual(fits ? [] : ['RULE_KIND']);
  });

  test('give no zero with a sign, which is another one to Object.is only', () => {
    const set = fields(rule('settlement.a', { '*': [read('settlement.level'), -1] }));
    expect(valueOf(set, 'a', settlement({ level: 0 }))).toBe(0);
  });
});

describe('what a rule reads', () => {
  const facts = settlement(
    { level: 3, kingdomId: 'k1', a: 'a field of the row' },
    {
      hops: {
        kingdom: { row: { id: 'k1', level: 7 }, computed: { wealth: 100 } },
        structures: [
          { row: { id: 'x2', level: 2 }, computed: { output: 20 } },
          { row: { id: 'x1', level: 1 }, computed: { output: 10 } },
        ],
      },
    },
  );
  const total = (path: string): unknown => ({
    reduce: [read('settlement.structures'), { '+': [read(`current.${path}`), read('accumulator')] }, 0],
  });
  const rules: readonly (readonly [string, unknown, unknown])[] = [
    ['a field of the row', read('settlement.level'), 3],
    ['the parent', read('settlement.kingdom.level'), 7],
    ['a computed field of the parent', read('settlement.kingdom.wealth'), 100],
    ['computed fields of the children', total('output'), 30],
    ['the children, in the order of their ids', read('settlement.structures.0.level'), 1],
    ['how many there are', read('settlement.structures.length'), 2],
    ['a computed field before one of the row', { if: [{ '===': [read('settlement.a'), 8] }, 1, 0] }, 1],
    ['now', { '+': [read('now'), 0] }, 5],
  ];
  test.each(rules)('may be %s', (_name, expression, value) => {
    const set = fields(rule('settlement.a', 8), rule('settlement.b', expression));
    expect(set.evaluate('settlement', facts, { now: 5 })).toMatchObject({ values: { b: value }, failures: [] });
  });

  test('is the own fields of a row that is read as a whole, and what is named besides', () => {
    const set = fields(
      rule('settlement.list', { filter: [read('settlement.structures'), { '>': [read('output'), 10] }] }),
      rule('settlement.a', 8),
    );
    expect(valueOf(set, 'list', facts)).toEqual([{ id: 'x2', level: 2, output: 20 }]);
    expect(valueOf(fields(rule('settlement.list', read('settlement'))), 'list', facts)).toEqual(facts.row);
    expect(valueOf(fields(rule('settlement.list', read('settlement.structures'))), 'list', facts)).toEqual([
      { id: 'x1', level: 1 },
      { id: 'x2', level: 2 },
    ]);
  });

  test('is null where there is no parent, and an error where facts were not loaded', () => {
    const set = fields(rule('settlement.a', read('settlement.kingdom.level')));
    expect(valueOf(set, 'a', settlement({}, { hops: { kingdom: null } }))).toBeNull();
    const { code, message } = refusal(() => valueOf(set, 'a'));
    expect(code).toBe('FACTS_MISSING');
    expect(message).toBe("facts of settlement 's1': expected 'kingdom', as needs() says, got none.");
    const wealth = fields(rule('settlement.a', read('settlement.kingdom.wealth')));
    const kingdom = { row: { id: 'k1' } };
    expect(refusal(() => valueOf(wealth, 'a', settlement({}, { hops: { kingdom } }))).message).toMatch(
      /^facts of kingdom 'k1': expected the value of 'wealth'/,
    );
  });

  test('is named by needs(), for all fields or some', () => {
    const set = fields(
      rule('settlement.a', read('settlement.kingdom.wealth')),
      rule('settlement.b', total('output')),
      rule('settlement.c', { '+': [read('settlement.a'), 1] }),
      rule('settlement.d', read('settlement.kingdom.settlements.0.b'), { isActive: false }),
    );
    const kingdom = { type: 'kingdom', many: false, computed: ['wealth'], hops: {} };
    const structures = { type: 'structure', many: true, computed: ['output'], hops: {} };
    expect(set.needs('settlement')).toEqual({ type: 'settlement', computed: [], hops: { kingdom, structures } });
    expect(set.needs('settlement', ['c'])).toEqual({ type: 'settlement', computed: [], hops: { kingdom } });
    expect(set.needs('kingdom').hops).toEqual({});
    expect(valueOf(set, 'c', facts)).toBe(101);
  });

  test('may be an input that is declared, and nothing else besides the entity', () => {
    const expression = { '*': [read('rates.tax'), read('settlement.level')] };
    const set = compileFields([rule('settlement.a', expression)], schema, { inputs: ['rates'] });
    const options = { now: 0, inputs: { rates: { tax: 0.5 } } };
    expect(set.evaluate('settlement', facts, options).values['a']).toBe(1.5);
    expect(set.inputsOf('settlement')).toEqual(['rates']);
    expect(set.inputsOf('settlement', ['b'])).toEqual([]);
    expect(refusal(() => fields(rule('settlement.a', expression)))).toEqual({
      code: 'RULE_TYPE',
      message: 'rules["settlement.a"].expression: there is no "rates" in the context; it has settlement, now.',
    });
    const unknown = { now: 0, inputs: { x: 1 } };
    expect(refusal(() => set.evaluate('settlement', facts, unknown)).code).toBe('INVALID_OPTION');
  });

  test('is what operators of the host say that they read', () => {
    const operators = defineOperators({
      'kingdom.level': {
        arity: 0,
        reads: () => ['settlement.kingdom.level'],
        evaluate: (_, at) => at('settlement.kingdom.level'),
      },
    });
    const set = compileFields([rule('settlement.a', { 'kingdom.level': [] })], schema, { operators });
    expect(set.needs('settlement').hops).toHaveProperty('kingdom');
    expect(valueOf(set, 'a', facts)).toBe(7);
  });

  test('has at most as many rows as a rule has steps, those read twice counted twice', () => {
    const kingdom = {
      row: { id: 'k1' },
      hops: { settlements: Array.from({ length: 30 }, (_, i) => settlement({ id: `s${String(i)}` })) },
    };
    const set = (steps: number): FieldSet =>
      compileFields([rule('settlement.a', read('settlement.kingdom.settlements.length'))], schema, {
        limits: { steps },
      });
    const given = settlement({}, { hops: { kingdom } });
    expect(valueOf(set(32), 'a', given)).toBe(30);
    expect(set(31).evaluate('settlement', given, { now: 0 }).failures[0]?.error.code).toBe('RULE_LIMIT');
  });
});

describe('explain', () => {
  const rules = [
    rule('settlement.a', { '+': [read('settlement.b'), { throw: 'no' }] }, { id: 'fails', priority: 9 }),
    rule('settlement.a', { '*': [read('settlement.b'), 2] }, { id: 'taken', priority: 8 }),
    rule('settlement.a', 1, { id: 'later', priority: 7 }),
    rule('settlement.a', 1, { id: 'off', priority: 8.5, isActive: false }),
    rule('settlement.a', 1, { id: 'of another', entityId: 's2' }),
    rule('settlement.b', 21),
  ];
  test('says of each rule why it was taken or not, and how the value came about', () => {
    const explained = fields(...rules).explain('settlement', 'a', settlement(), { now: 0 });
    expect(explained).toMatchObject({ value: 42, by: 'taken' });
    expect(explained.candidates.map(({ rule: { id }, outcome }) => `${id}: ${outcome}`)).toEqual([
      ...['fails: failed', 'off: inactive', 'taken: taken', 'later: not asked'],
    ]);
    expect(explained.candidates[0]?.error?.code).toBe('RULE_THREW');
    expect(explained.trace?.root).toMatchObject({ operator: '*', value: 42 });
    expect(explained.trace?.root.children.map(({ value }) => value)).toContain(21);
  });
  test('says where the search ended by an error', () => {
    const set = compileFields(rules, schema, { failing: 'error' });
    const { value, by, candidates } = set.explain('settlement', 'a', settlement(), { now: 0 });
    expect([isTidemarkError(value), by]).toEqual([true, null]);
    expect(candidates.map(({ outcome }) => outcome)).toEqual(['failed', 'inactive', 'not asked', 'not asked']);
  });
  test('has nothing to say of a field without rules', () => {
    expect(fields().explain('settlement', 'a', settlement(), { now: 0 })).toEqual({
      ...{ value: null, by: null, trace: undefined, candidates: [] },
    });
  });
});
