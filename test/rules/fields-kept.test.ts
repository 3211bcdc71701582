import { describe, expect, test } from 'vitest';
import {
  type FieldEngine,
  type FieldFailure,
  type FieldRule,
  type FieldSchema,
  type FieldSet,
  compileFields,
  createFieldEngine,
  defineOperators,
} from '../../src/rules/index.js';
import { fields, read, refusal, rule, schema } from './fields-given.js';

const kingdom = (id: string, level: number): object => ({ id, level });
const settlement = (id: string, kingdomId: string | null, level: number): object => ({ id, kingdomId, level });
const sum = (list: string, path: string): unknown => ({
  reduce: [read(list), { '+': [read(`current.${path}`), read('accumulator')] }, 0],
});

/** Settlements take from their kingdom's level, kingdoms add up what settlements take. */
const taking = [
  rule('settlement.a', { '+': [read('settlement.level'), read('settlement.kingdom.level')] }),
  rule('settlement.open', { '>': [read('settlement.a'), 10] }),
  rule('kingdom.wealth', sum('kingdom.settlements', 'a')),
];
function engineOf(set: FieldSet, failures: FieldFailure[] = []): FieldEngine {
  const engine = createFieldEngine(set, { now: 0, onFailure: (failure) => failures.push(failure) });
  engine.load('settlement', [settlement('s1', 'k1', 1), settlement('s2', 'k1', 2), settlement('s3', 'k2', 3)]);
  engine.load('kingdom', [kingdom('k1', 5), kingdom('k2', 7)]);
  return engine;
}

describe('an engine', () => {
  test('has values of what was loaded, whatever came first', () => {
    const engine = engineOf(fields(...taking));
    expect(engine.valuesOf('kingdom', 'k1')).toEqual({ wealth: 13, rank: null });
    expect(engine.valuesOf('settlement', 's3')).toMatchObject({ a: 10, open: false });
    expect(engine.valuesOf('settlement', 'nobody')).toBeNull();
  });

  test('tells what a change of a field changed, in order', () => {
    const engine = engineOf(fields(...taking));
    expect(engine.change('kingdom', kingdom('k2', 7), kingdom('k2', 8))).toEqual([
      { type: 'settlement', id: 's3', field: 'a', before: 10, after: 11 },
      { type: 'kingdom', id: 'k2', field: 'wealth', before: 10, after: 11 },
      { type: 'settlement', id: 's3', field: 'open', before: false, after: true },
    ]);
    expect(engine.change('kingdom', kingdom('k2', 8), kingdom('k2', 8))).toEqual([]);
  });

  test('tells what a move changed, where it left and where it came to', () => {
    const engine = engineOf(fields(...taking));
    const changes = engine.change('settlement', settlement('s1', 'k1', 1), settlement('s1', 'k2', 1));
    expect(changes.map(({ id, field, before, after }) => [id, field, before, after])).toEqual([
      ['s1', 'a', 6, 8],
      ['k1', 'wealth', 13, 7],
      ['k2', 'wealth', 10, 18],
    ]);
  });

  test('takes an entity that came for one without values before, and one that went for one without values then', () => {
    const engine = engineOf(fields(...taking));
    const born = engine.change('settlement', null, settlement('s4', 'k2', 4));
    expect(born).toEqual([
      { type: 'settlement', id: 's4', field: 'a', before: null, after: 11 },
      { type: 'kingdom', id: 'k2', field: 'wealth', before: 10, after: 21 },
      { type: 'settlement', id: 's4', field: 'open', before: null, after: true },
    ]);
    const gone = engine.change('settlement', settlement('s4', 'k2', 4), null);
    expect(gone).toEqual([
      { type: 'settlement', id: 's4', field: 'a', before: 11, after: null },
      { type: 'settlement', id: 's4', field: 'open', before: true, after: null },
      { type: 'kingdom', id: 'k2', field: 'wealth', before: 21, after: 10 },
    ]);
    expect(engine.valuesOf('settlement', 's4')).toBeNull();
  });

  test('evaluates nothing between changes made at once', () => {
    const engine = engineOf(fields(...taking));
    const changes = engine.changeMany([
      { type: 'settlement', before: settlement('s1', 'k1', 1), after: settlement('s1', 'k1', 2) },
      { type: 'settlement', before: settlement('s2', 'k1', 2), after: settlement('s2', 'k1', 1) },
    ]);
    expect(changes.map(({ id, field }) => `${id} ${field}`)).toEqual(['s1 a', 's2 a']);
  });

  test('refuses a change that makes no sense, and nothing has changed', () => {
    const engine = engineOf(fields(...taking));
    const [before, after] = [settlement('s1', 'k1', 1), settlement('s2', 'k1', 9)];
    expect(refusal(() => engine.change('settlement', before, after))).toEqual({
      code: 'INVALID_CHANGE',
      message: "settlement: expected rows of one id before and after, got 's1' and 's2'.",
    });
    expect(refusal(() => engine.change('settlement', null, null)).code).toBe('INVALID_CHANGE');
    expect(refusal(() => engine.change('planet', null, before)).code).toBe('UNKNOWN_TYPE');
    const half = [
      { type: 'settlement', before, after: settlement('s1', 'k1', 9) },
      { type: 'settlement', before: null, after: { level: 3 } },
    ];
    expect(refusal(() => engine.changeMany(half)).code).toBe('ROW_WITHOUT_ID');
    expect(engine.valuesOf('settlement', 's1')).toMatchObject({ a: 6 });
  });

  test('tells of rules that fail, each time they are asked', () => {
    const failures: FieldFailure[] = [];
    const engine = engineOf(
      fields(rule('settlement.a', { '/': [6, { '-': [read('settlement.level'), 2] }] })),
      failures,
    );
    expect(engine.valuesOf('settlement', 's2')).toMatchObject({ a: null });
    expect(failures).toMatchObject([{ type: 'settlement', id: 's2', field: 'a', rule: 'settlement.a' }]);
    engine.change('settlement', settlement('s3', 'k2', 3), settlement('s3', 'k2', 2));
    expect(failures.map(({ id }) => id)).toEqual(['s2', 's3']);
  });

  test('takes a set of the same schema only', () => {
    const engine = engineOf(fields(...taking));
    const other = compileFields([], { ...schema });
    expect(refusal(() => engine.setRules(other)).code).toBe('INVALID_OPTION');
  });

  test('keeps rows that are in a value current, and what a path led on to from them', () => {
    const listed = { filter: [read('kingdom.settlements'), { '>': [read('kingdom.level'), 2] }] };
    const list: FieldSchema = { ...schema, kingdom: { ...schema['kingdom'], computed: { all: 'json' } } };
    const engine = engineOf(compileFields([rule('kingdom.all', listed)], list));
    const named = { ...kingdom('k2', 7), name: 'North' };
    const [change, ...others] = engine.change('kingdom', kingdom('k2', 7), named);
    expect(change?.after).toEqual([{ ...settlement('s3', 'k2', 3), kingdom: named }]);
    expect(others).toEqual([]);
  });

  test('looks at now only where a rule does', () => {
    const engine = engineOf(fields(...taking, rule('kingdom.rank', { cat: ['year ', read('now')] })));
    expect(engine.setInputs({ now: 12 }).map(({ id, after }) => [id, after])).toEqual([
      ...[
        ['k1', 'year 12'],
        ['k2', 'year 12'],
      ],
    ]);
    expect(engine.setInputs({ now: 12 })).toEqual([]);
  });
});

describe('no more is evaluated than may differ', () => {
  /** How often each rule is asked, by the name that it gives the operator. */
  function counted(make: (count: (name: string, value: unknown) => unknown) => FieldRule[]): {
    readonly engine: FieldEngine;
    readonly set: FieldSet;
    asked(): Record<string, number>;
  } {
    let asked: Record<string, number> = {};
    const operators = defineOperators({
      counted: {
        ...{ arity: 2, reads: () => [] },
        evaluate: ([name, value]) => {
          asked[name as string] = (asked[name as string] ?? 0) + 1;
          return value;
        },
      },
    });
    const rules = make((name, value) => ({ counted: [name, value] }));
    const set = compileFields(rules, schema, { operators });
    const engine = engineOf(set);
    engine.valuesOf('kingdom', 'k1');
    const take = (): Record<string, number> => {
      const taken = asked;
      asked = {};
      return taken;
    };
    take();
    return { engine, set, asked: take };
  }

  test('a value that is the one before ends the spread', () => {
    const { engine, asked } = counted((count) => [
      rule('settlement.open', count('open', { '>': [read('settlement.level'), 2] })),
      rule('settlement.a', count('a', { if: [read('settlement.open'), 1, 0] })),
      rule('kingdom.wealth', count('wealth', sum('kingdom.settlements', 'a'))),
    ]);
    engine.change('settlement', settlement('s1', 'k1', 1), settlement('s1', 'k1', 2));
    expect(asked()).toEqual({ open: 1 });
    engine.change('settlement', settlement('s1', 'k1', 2), settlement('s1', 'k1', 3));
    expect(asked()).toEqual({ open: 1, a: 1, wealth: 1 });
  });

  test('a change asks for its own entity, and a parent for its children', () => {
    const { engine, asked } = counted((count) => [
      rule('settlement.a', count('level', read('settlement.level'))),
      rule('settlement.b', count('kingdom', read('settlement.kingdom.level'))),
      rule('settlement.c', count('name', read('settlement.kingdom.name'))),
      rule('settlement.list', count('whole', read('settlement.kingdom'))),
    ]);
    engine.change('kingdom', kingdom('k1', 5), kingdom('k1', 6));
    expect(asked()).toEqual({ kingdom: 2, whole: 2 });
    engine.change('settlement', settlement('s3', 'k2', 3), settlement('s3', 'k2', 4));
    expect(asked()).toEqual({ level: 1 });
  });

  test('a saved rule asks for its field; one for an entity, for that of the entity', () => {
    const { engine, set, asked } = counted((count) => [
      rule('settlement.a', count('a', 1)),
      rule('settlement.b', count('b', { '+': [read('settlement.a'), 1] })),
    ]);
    const own = set.with(rule('settlement.a', { counted: ['own', 5] }, { id: 'own', entityId: 's2' }));
    expect(engine.setRules(own).map(({ id, field, after }) => [id, field, after])).toEqual([
      ...[
        ['s2', 'a', 5],
        ['s2', 'b', 6],
      ],
    ]);
    expect(asked()).toEqual({ own: 1, b: 1 });
    engine.setRules(own.with(rule('settlement.c', { counted: ['c', 1] })));
    expect(asked()).toEqual({ c: 3 });
    expect(engine.setRules(own.without('settlement.a')).filter(({ field }) => field === 'a')).toHaveLength(2);
  });
});
