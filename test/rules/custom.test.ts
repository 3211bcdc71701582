import { describe, expect, test } from 'vitest';
import { type CustomOperator, compile, defineOperators, validate } from '../../src/rules/index.js';

const base: CustomOperator = { arity: 0, reads: () => [], evaluate: () => 1 };
const withOne = (operator: Partial<CustomOperator>, name = 'own') =>
  defineOperators({ [name]: { ...base, ...operator } });

describe('an operator of the host', () => {
  test.each<[string, string, Partial<CustomOperator>]>([
    ['a blank name', ' ', {}],
    ['a name that is built in', 'map', {}],
    ['the name of preserve', 'preserve', {}],
    ['a negative arity', 'own', { arity: -1 }],
    ['an arity the wrong way round', 'own', { arity: [2, 1] }],
    ['half an argument', 'own', { arity: [0, 0.5] }],
    ['a cost below a step', 'own', { cost: -1 }],
    ['a cost that is no number', 'own', { cost: NaN }],
    ['no reads()', 'own', { reads: undefined as never }],
  ])('is refused with %s', (_what, name, operator) => {
    expect(() => withOne(operator, name)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
  });
  test('may be named like something that objects inherit', () => {
    const operators = defineOperators(
      Object.fromEntries([
        ['constructor', base],
        ['__proto__', base],
      ]),
    );
    expect(operators.names).toEqual(['constructor', '__proto__']);
    expect(compile({ constructor: [] }, { operators }).evaluate(null)).toBe(1);
  });
  test('is asked for its reads once per call, with what is known of the arguments', () => {
    const asked: unknown[] = [];
    const operators = withOne({
      arity: 2,
      reads: (args) => {
        asked.push(args);
        return [`facts.${typeof args[0] === 'string' ? args[0] : '*'}`];
      },
      evaluate: (_args, read) => read('facts.a.b'),
    });
    const rule = compile({ own: ['a', { var: 'x' }] }, { operators });
    expect(rule.reads).toEqual(['facts.a', 'x']);
    expect(asked).toEqual([['a', undefined]]);
    expect([rule.evaluate({ facts: { a: { b: 5 } } }), rule.evaluate({ facts: {} }), rule.evaluate(null)]).toEqual([
      5,
      null,
      null,
    ]);
    expect(asked).toHaveLength(1);
    expect(compile({ own: [{ var: 'x' }, 1] }, { operators }).reads).toEqual(['facts.*', 'x']);
  });
  test('reads only what it declares', () => {
    const reading = (declared: string, path: string) =>
      compile({ own: [] }, { operators: withOne({ reads: () => [declared], evaluate: (_args, read) => read(path) }) });
    const context = { a: { b: 1, c: [{ d: 2 }] }, ab: 3 };
    for (const [declared, path, value] of [
      ['a.b', 'a.b', 1],
      ['a', 'a.b', 1],
      ['*', 'ab', 3],
      ['a.c.*.d', 'a.c.0.d', 2],
      ['', 'ab', 3],
    ] as const) {
      expect(reading(declared, path).evaluate(context)).toBe(value);
    }
    for (const [declared, path] of [
      ['a.b', 'a'],
      ['a.b', 'ab'],
      ['a', 'ab'],
      ['a.c.*.d', 'a.c'],
      ['b.*', 'a.b'],
    ] as const) {
      expect(() => reading(declared, path).evaluate(context)).toThrow(
        `'own' read '${path}', which its reads() does not name.`,
      );
    }
    expect(reading('constructor', 'constructor.name').evaluate(context)).toBeNull();
  });
  test('gets the context, not the item of a loop', () => {
    const operators = withOne({
      arity: 1,
      reads: () => ['tax'],
      evaluate: ([item], read) => (item as number) * (read('tax') as number),
    });
    const rule = compile({ map: [{ var: 'list' }, { own: [{ var: '' }] }] }, { operators });
    expect(
      rule.evaluateMany([
        { list: [1, 2], tax: 3 },
        { list: [4], tax: 5 },
      ]),
    ).toEqual([[3, 6], [20]]);
    expect(rule.reads).toEqual(['list.*', 'tax']);
  });
  test('is charged its cost', () => {
    const rule = (steps: number) =>
      compile({ map: [[1, 2, 3], { own: [] }] }, { operators: withOne({ cost: 7 }), limits: { steps } });
    const { steps } = rule(1_000).trace(null);
    expect(steps).toBe(3 * 7 + 3);
    expect(rule(steps).evaluate(null)).toEqual([1, 1, 1]);
    expect(() => rule(steps - 1).evaluate(null)).toThrow(/steps/);
    expect(rule(1_000).cost).toBeGreaterThan(3 * 7);
  });
  test.each<[string, unknown, RegExp]>([
    ['a promise', Promise.resolve(1), /gave a promise: what it needs is to be loaded before/],
    ['NaN', NaN, /finite result/],
    ['infinity', Infinity, /finite result/],
    ['a function', () => 1, /gave a function/],
    ['a bigint', 1n, /gave a bigint/],
    ['too long a text', 'x'.repeat(70_000), /65536 characters/],
    ['too long a list', new Array(40_000).fill(0), /32768 items/],
  ])('may not give %s', (_what, value, said) => {
    const rule = compile({ own: [] }, { operators: withOne({ evaluate: () => value }) });
    expect(() => rule.evaluate(null)).toThrow(said);
    expect(rule.evaluateMany([null])[0]).toBeInstanceOf(Error);
  });
  test('gives null for undefined, and one zero', () => {
    expect(compile({ own: [] }, { operators: withOne({ evaluate: () => undefined }) }).evaluate(null)).toBeNull();
    expect(compile({ own: [] }, { operators: withOne({ evaluate: () => -0 }) }).evaluate(null)).toBe(0);
  });
  test('that throws is an error with its place, which a rule may catch', () => {
    const cause = new Error('no such region');
    const operators = withOne({
      evaluate: () => {
        throw cause;
      },
    });
    expect(() => compile({ '!': [{ own: [] }] }, { operators }).evaluate(null)).toThrow(
      expect.objectContaining({ code: 'OPERATOR_FAILED', message: "rule /!/0: 'own' threw: no such region", cause }),
    );
    expect(compile({ try: [{ own: [] }, { val: 'type' }] }, { operators }).evaluate(null)).toBe('Operator Failed');
  });
  test('may take its arguments from a list that the data gives', () => {
    const operators = withOne({ arity: [1, 2], evaluate: (args) => args.length });
    const rule = compile({ own: { var: 'list' } }, { operators });
    expect(rule.evaluateMany([{ list: [1, 2] }, { list: 5 }])).toEqual([2, 1]);
    expect(() => rule.evaluate({ list: [] })).toThrow("'own' takes 1 to 2 arguments, got 0.");
  });
  test('may evaluate the very rule that it is in, one row or many', () => {
    const holder: { rule?: ReturnType<typeof compile<number>> } = {};
    const operators = withOne({
      reads: () => ['depth', 'n'],
      evaluate: (_args, read) => {
        const [depth, n] = [read('depth') as number, read('n') as number];
        if (depth === 0) return 0;
        const rows = [1, 2].map((i) => ({ depth: depth - 1, n: n + i }));
        return (holder.rule?.evaluateMany(rows) as number[]).reduce((sum, value) => sum + value, 0);
      },
    });
    const rule = compile<number>({ '+': [{ '*': [{ var: 'n' }, 2] }, { own: [] }, { var: 'n' }] }, { operators });
    holder.rule = rule;
    const expected = (depth: number, n: number): number =>
      3 * n + (depth === 0 ? 0 : expected(depth - 1, n + 1) + expected(depth - 1, n + 2));
    const rows = [0, 1, 2, 3].map((depth) => ({ depth, n: 10 * depth }));
    expect(rule.evaluateMany(rows)).toEqual(rows.map(({ depth, n }) => expected(depth, n)));
  });
  test('is checked against the types it declares', () => {
    const operators = withOne({ arity: 1, types: { takes: ['number'], gives: 'string' } });
    const types = { name: 'string', level: 'number' } as const;
    expect(validate({ own: [{ var: 'level' }] }, { operators, types })).toEqual([]);
    expect(validate({ own: [{ var: 'name' }] }, { operators, types })).toMatchObject([
      { code: 'RULE_TYPE', pointer: '/own/0' },
    ]);
    expect(validate({ '+': [{ own: [1] }, 1] }, { operators, types })).toMatchObject([
      { code: 'RULE_TYPE', pointer: '/+/0' },
    ]);
  });
});
