import { describe, expect, test } from 'vitest';
import { compile } from '../../src/rules/index.js';

const everywhere = (rule: unknown, context: unknown): unknown => {
  const compiled = compile(rule);
  const value = compiled.evaluate(context);
  expect(compiled.evaluateMany([context, context])).toEqual([value, value]);
  expect(compiled.trace(context).value).toEqual(value);
  return value;
};

describe('val climbs', () => {
  /** Loops in loops over one item each; the innermost reads `name` so many levels up. */
  const nested = (levels: number, up: number): unknown => {
    let rule: unknown = { val: [[up], 'name'] };
    for (let level = levels; level > 0; level--)
      rule = { map: [{ preserve: [{ name: `item ${String(level)}` }] }, rule] };
    return rule;
  };
  const innermost = (value: unknown): unknown => (Array.isArray(value) ? innermost(value[0]) : value);
  // Another engine gives null from the third level on; no shared case has one.
  test.each([1, 2, 3, 4, 5, 6])('out of %i loops, each level by two', (levels) => {
    for (let out = 0; out <= levels; out++) {
      const expected = out === levels ? 'context' : `item ${String(levels - out)}`;
      expect(innermost(everywhere(nested(levels, 2 * out), { name: 'context' }))).toBe(expected);
    }
    expect(innermost(everywhere(nested(levels, 2 * levels + 2), { name: 'context' }))).toBeNull();
  });
  test('to the index of each loop by the odd numbers', () => {
    const rule = {
      map: [[7, 8], { map: [[1, 2], { cat: [{ val: [[1], 'index'] }, { val: [[3], 'index'] }, { val: [[2]] }] }] }],
    };
    expect(everywhere(rule, null)).toEqual([
      ['007', '107'],
      ['018', '118'],
    ]);
  });
  test('out of a reduce, and is back outside after it', () => {
    const sum = {
      reduce: [[1, 2], { '+': [{ var: 'accumulator' }, { '*': [{ var: 'current' }, { val: [[2], 'tax'] }] }] }, 0],
    };
    expect(
      everywhere(
        {
          map: [{ preserve: [{ tax: 3 }, { tax: 5 }] }, [sum, { val: [[2], 'tax'] }, { val: [[1], 'index'] }]],
        },
        { tax: 100 },
      ),
    ).toEqual([
      [9, 100, 0],
      [15, 100, 1],
    ]);
  });
  test('out of handlers, and is back outside after them', () => {
    const caught = {
      try: [{ map: [[1], { throw: 'x' }] }, { cat: [{ val: 'type' }, { val: [[2], 'tax'] }, { val: [[4], 'tax'] }] }],
    };
    expect(
      everywhere(
        { map: [{ preserve: [{ tax: 3 }] }, [caught, { val: [[2], 'tax'] }, { val: [[1], 'index'] }]] },
        { tax: 7 },
      ),
    ).toEqual([['x37', 7, 0]]);
    const twice = { try: [{ throw: 'a' }, { some: [[1], { throw: 'b' }] }, { val: [[2], 'tax'] }] };
    expect(everywhere([twice, { val: 'tax' }], { tax: 7 })).toEqual([7, 7]);
  });
  test('and leaves var in the item it is in', () => {
    expect(everywhere({ map: [{ var: 'list' }, { var: 'tax' }] }, { list: [{}, { tax: 1 }], tax: 9 })).toEqual([
      null,
      1,
    ]);
  });
});
