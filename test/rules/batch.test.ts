import { describe, expect, test } from 'vitest';
import { compile, tableOf } from '../../src/rules/index.js';

const settlements = Array.from({ length: 2_500 }, (_, i) => ({
  ...{ id: `s${String(i)}`, level: i % 7, tax: (i % 13) / 4, name: i % 3 === 0 ? 'mill' : 'town', open: i % 2 === 0 },
  kingdom: i % 5 === 0 ? null : { level: i % 4 },
  ...(i % 11 === 0 ? {} : { wealth: i }),
  odd: [i, String(i), null, i % 2 === 0, [], { a: 1 }, 'x'][i % 7],
}));

/** Rows that differ in their types, over more than one chunk, and rules that take every way through the columns. */
const rules: readonly unknown[] = [
  1,
  true,
  { var: '' },
  { var: 'open' },
  { var: 'kingdom.level' },
  { var: ['wealth', 5] },
  { '+': [{ var: 'level' }, { var: 'tax' }] },
  { '-': [{ '*': [{ var: 'level' }, 2, { var: 'tax' }] }, { var: 'wealth' }, 1, { var: 'level' }] },
  { '/': [{ var: 'tax' }, { var: 'level' }] },
  { '%': [{ var: 'wealth' }, { var: 'tax' }] },
  { '-': [{ var: 'level' }] },
  { '+': [{ var: 'odd' }, 1] },
  { '>': [{ var: 'level' }, 3] },
  { '<': [1, { var: 'level' }, { var: 'wealth' }] },
  { '<=': [{ var: 'level' }, { var: 'odd' }, 100] },
  { '>=': [{ var: 'kingdom.level' }, 2] },
  { '==': [{ var: 'level' }, { var: 'odd' }] },
  { '!=': [{ var: 'name' }, 'mill'] },
  { '===': [{ var: 'name' }, 'mill'] },
  { '!==': [{ var: 'level' }, 3] },
  { '===': [{ var: 'open' }, true] },
  { '===': [{ var: 'open' }, 1] },
  { '===': [{ var: 'kingdom.level' }, null] },
  { and: [{ '>': [{ var: 'level' }, 1] }, { '<': [{ var: 'tax' }, 2] }, { '!': [{ var: 'open' }] }] },
  { and: [{ var: 'level' }, { var: 'tax' }, { var: 'odd' }] },
  { or: [{ '>': [{ var: 'level' }, 5] }, { '<': [{ var: 'tax' }, 1] }, { var: 'open' }] },
  { or: [{ var: 'kingdom' }, { var: 'wealth' }, { '/': [1, { var: 'level' }] }] },
  { '!': [{ and: [{ '>': [{ var: 'level' }, 1] }, { or: [{ var: 'open' }, { '===': [{ var: 'tax' }, 1] }] }] }] },
  { '!!': [{ var: 'odd' }] },
  { if: [{ '>': [{ var: 'level' }, 0] }, { '/': [{ var: 'tax' }, { var: 'level' }] }, -1] },
  { if: [{ var: 'open' }, { var: 'level' }, { '>': [{ var: 'level' }, 3] }, { var: 'name' }] },
  { if: [{ var: 'open' }, { '>': [{ var: 'level' }, 3] }, { '<': [{ var: 'tax' }, 1] }] },
  { and: [{ if: [{ var: 'open' }, true, { var: 'level' }] }, { '>': [{ var: 'tax' }, 1] }] },
  { '??': [{ var: 'kingdom.level' }, { var: 'level' }] },
  { max: [{ var: 'level' }, { var: 'tax' }, 2] },
  { cat: [{ var: 'name' }, ' ', { var: 'level' }] },
  { in: [{ var: 'name' }, ['mill', 'farm']] },
  { try: [{ '/': [1, { var: 'level' }] }, { val: 'type' }] },
  { if: [{ '>': [{ var: 'level' }, 4] }, { throw: 'too high' }, { '+': [{ var: 'odd' }, { var: 'level' }] }] },
  [{ var: 'level' }, { '+': [{ var: 'tax' }, 1] }],
  { map: [[1, 2], { '*': [{ var: '' }, { val: [[2], 'level'] }] }] },
];

function alone(rule: unknown, row: unknown): unknown {
  try {
    return compile(rule).evaluate(row);
  } catch (error) {
    return (error as Error).message;
  }
}

const plainly = (results: readonly unknown[]): unknown[] =>
  results.map((result) => (result instanceof Error ? result.message : result));

describe('a batch', () => {
  const table = tableOf(settlements);
  test.each(rules.map((rule) => [JSON.stringify(rule), rule]))(
    'gives what single evaluations give: %s',
    (_text, rule) => {
      const expected = settlements.map((row) => alone(rule, row));
      const compiled = compile(rule);
      expect(plainly(compiled.evaluateMany(settlements))).toStrictEqual(expected);
      expect(plainly(compiled.evaluateMany(table))).toStrictEqual(expected);
      expect(plainly(compiled.evaluateMany(settlements.slice(0, 3)))).toStrictEqual(expected.slice(0, 3));
    },
  );
  test('of what is no array is refused', () => {
    for (const rows of [null, { length: 2 }, 'ab', new Set([1])]) {
      const refused = expect.objectContaining({ code: 'INVALID_PARAMS' }) as Error;
      expect(() => compile(1).evaluateMany(rows as never)).toThrow(refused);
      expect(() => tableOf(rows as never)).toThrow(refused);
    }
  });
  test('of no rows is empty', () => {
    expect(compile({ var: 'a' }).evaluateMany([])).toEqual([]);
    expect(compile({ '>': [{ var: 'a' }, 1] }).evaluateMany(tableOf([]))).toEqual([]);
  });
  test('takes rows of any kind', () => {
    const rows = [
      null,
      undefined,
      3,
      'text',
      [1, 2],
      { '': 5 },
      Object.assign(Object.create(null) as object, { length: 7 }),
    ];
    expect(compile({ var: 'length' }).evaluateMany(rows)).toEqual([null, null, null, 4, 2, null, 7]);
    expect(compile({ var: '' }).evaluateMany([undefined, 3])).toEqual([null, 3]);
  });
  test('gives each row its own steps', () => {
    const rule = compile(
      { '+': [{ reduce: [{ var: 'list' }, { '+': [{ var: 'current' }, { var: 'accumulator' }] }, 0] }, 1] },
      { limits: { steps: 40 } },
    );
    const [short, long] = [[1, 2, 3], Array.from({ length: 30 }, () => 1)];
    expect(rule.evaluateMany([{ list: short }, { list: long }, { list: short }])).toEqual([
      7,
      expect.objectContaining({ code: 'RULE_LIMIT' }),
      7,
    ]);
  });
  test('tells paths apart whatever is in them', () => {
    const row = { a: { b: 1 }, 'a\0b': 2, '': { a: 3 }, '1:a': 4, 'a.b': 5 };
    const rule = compile(
      [{ val: ['a', 'b'] }, { val: 'a\0b' }, { var: '.a' }, { val: '1:a' }, { val: 'a.b' }].map((read) => read),
    );
    expect(rule.evaluateMany([row])).toEqual([[1, 2, 3, 4, 5]]);
    const sum = compile({ '+': [{ val: ['a', 'b'] }, { val: 'a\0b' }, { var: '.a' }, { val: '1:a' }, { val: 'a.b' }] });
    expect(sum.evaluateMany([row])).toEqual([15]);
    expect(compile({ and: [{ var: '.a' }, { var: '' }] }).evaluateMany([row])).toEqual([row]);
  });
});
