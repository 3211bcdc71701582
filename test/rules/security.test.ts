import { describe, expect, test } from 'vitest';
import { isTidemarkError } from '../../src/errors.js';
import { LIMITS, type RuleOptions, compile, validate } from '../../src/rules/index.js';
import { evaluationsOf } from './evaluations.js';
import { BUILT_IN } from '../../src/rules/operators.js';

const json = (text: string): unknown => JSON.parse(text);

/** A chain of one operator, so many levels deep. */
function nested(levels: number, inner: unknown = 1): unknown {
  let rule = inner;
  for (let i = 1; i < levels; i++) rule = { '!': [rule] };
  return rule;
}

function refusal(rule: unknown, context: unknown, options?: RuleOptions): { code: string; steps: number } {
  const { error, steps } = compile(rule, options).trace(context);
  const [row] = compile(rule, options).evaluateMany([context]);
  if (error === undefined || !isTidemarkError(row)) throw new Error('it was not refused');
  expect(row.code).toBe(error.code);
  expect(() => compile(rule, options).evaluate(context)).toThrow(error.message);
  return { code: error.code, steps };
}

describe('prototypes', () => {
  class Settlement {
    level = 3;
    get secret(): string {
      throw new Error('a getter ran');
    }
    tax(): number {
      return 1;
    }
  }
  const context = { s: 'text', list: [1, 2], nested: { a: 1 }, row: new Settlement(), method: () => 1, none: null };
  const paths = [
    ...['constructor', 'constructor.name', '__proto__', '__proto__.constructor', 'toString', 'hasOwnProperty'],
    ...['s.constructor.constructor', 's.constructor.name', 's.length.constructor', 's.__proto__', 'list.constructor'],
    ...['list.__proto__', 'list.push', 'nested.constructor', 'nested.__proto__.constructor', 'none.constructor'],
    ...['row.secret', 'row.tax', 'row.constructor', 'row.__proto__', 'method', 'method.name', 'method.constructor'],
  ];
  test.each(paths)('hold nothing for a rule: %s', (path) => {
    const segments = path.split('.');
    const computed = { cat: [path.slice(0, 3), path.slice(3)] };
    for (const rule of [{ var: path }, { val: segments }, { var: computed }, { var: [computed, null] }]) {
      const compiled = compile(rule);
      expect(compiled.evaluate(context)).toBeNull();
      expect(compiled.evaluateMany([context, {}])).toEqual([null, null]);
      expect(compiled.trace(context).value).toBeNull();
    }
    expect(compile({ exists: segments }).evaluate(context)).toBe(false);
    expect(compile({ missing: [path] }).evaluate(context)).toEqual([path]);
    expect(compile({ map: [[{ var: '' }], { var: path }] }).evaluate(context)).toEqual([null]);
  });
  test('own fields of a class instance are read, and own keys of any name', () => {
    const own = json('{"constructor": 1, "__proto__": {"a": 2}, "toString": 3}');
    expect(compile({ var: 'row.level' }).evaluate(context)).toBe(3);
    expect(compile([{ var: 'constructor' }, { var: '__proto__.a' }, { var: 'toString' }]).evaluate(own)).toEqual([
      1, 2, 3,
    ]);
    expect(compile({ var: '__proto__' }).evaluateMany([own, {}])).toEqual([{ a: 2 }, null]);
  });
  test('a key that somebody added to every prototype is still not read', () => {
    const rule = compile({ var: 'planted' });
    expect(rule.evaluateMany([{ planted: 1 }])).toEqual([1]);
    Object.defineProperty(Object.prototype, 'planted', { value: 7, configurable: true, enumerable: false });
    try {
      expect(rule.evaluateMany([{}, { planted: 1 }])).toEqual([null, 1]);
      expect(rule.evaluate({})).toBeNull();
    } finally {
      Reflect.deleteProperty(Object.prototype, 'planted');
    }
  });
  test.each(['constructor', 'toString', '__proto__', 'hasOwnProperty', 'valueOf', ''])(
    'name no operator: %j',
    (name) => {
      const rule = json(`{${JSON.stringify(name)}: [1]}`);
      expect(validate(rule)).toMatchObject([{ code: 'RULE_OPERATOR', pointer: '' }]);
      expect(() => compile(rule)).toThrow(/there is no operator/);
    },
  );
  test('of a literal with such keys, the keys are its own', () => {
    const value = compile(json('{"preserve": {"__proto__": {"polluted": true}, "constructor": 1}}')).evaluate(null);
    expect(Object.keys(value as object)).toEqual(['__proto__', 'constructor']);
    expect((value as { polluted?: unknown }).polluted).toBeUndefined();
  });
});

describe('what is no JSON is refused in a rule', () => {
  class Point {
    x = 1;
  }
  const cyclic: unknown[] = [];
  cyclic.push({ '!': cyclic });
  const rules: readonly (readonly [string, unknown, string])[] = [
    ['a function', { '+': [() => 1] }, 'RULE_SYNTAX'],
    ['a date', { preserve: { at: new Date(0) } }, 'RULE_SYNTAX'],
    ['an instance', { '!': [new Point()] }, 'RULE_SYNTAX'],
    ['NaN', [NaN], 'RULE_SYNTAX'],
    ['undefined', { and: [undefined] }, 'RULE_SYNTAX'],
    ['a bigint', { '+': [1n] }, 'RULE_SYNTAX'],
    ['a symbol', { var: Symbol('a') }, 'RULE_SYNTAX'],
    ['a hole', { and: new Array(2) }, 'RULE_SYNTAX'],
    ['two operators', { '+': [1], '-': [1] }, 'RULE_SYNTAX'],
    ['a cycle', cyclic, 'RULE_TOO_LARGE'],
  ];
  test.each(rules)('%s', (_name, rule, code) => {
    expect(validate(rule)[0]?.code).toBe(code);
    expect(() => compile(rule)).toThrow(expect.objectContaining({ code }));
  });
  test('a rule that changes after it was compiled changes nothing', () => {
    const list = [1, 2];
    const rule = { merge: [list, { preserve: [{ a: 1 }] }] };
    const compiled = compile(rule);
    list.push(3);
    expect(compiled.evaluate(null)).toEqual([1, 2, { a: 1 }]);
    const [, , kept] = compiled.evaluate(null) as [1, 2, { a: number }];
    expect(() => (kept.a = 2)).toThrow(TypeError);
  });
});

describe('the size of a rule', () => {
  test('is limited in depth, to the level', () => {
    expect(validate(nested(LIMITS.depth))).toEqual([]);
    expect(validate(nested(LIMITS.depth + 1))).toMatchObject([{ code: 'RULE_TOO_LARGE' }]);
    expect(validate(nested(10_000))).toHaveLength(1);
    expect(validate({ preserve: json('['.repeat(5_000) + ']'.repeat(5_000)) })).toMatchObject([
      { code: 'RULE_TOO_LARGE' },
    ]);
  });
  test('is limited in nodes, to the node', () => {
    const list = (length: number): unknown => Array.from({ length }, () => 0);
    expect(validate(list(LIMITS.nodes - 1))).toEqual([]);
    expect(validate(list(LIMITS.nodes))).toMatchObject([{ code: 'RULE_TOO_LARGE', pointer: '/4999' }]);
    expect(validate({ in: [1, list(2_000_000)] })).toHaveLength(1);
    expect(validate({ preserve: list(2_000_000) })).toHaveLength(1);
  });
  test('is limited in text', () => {
    expect(validate({ '!': ['x'.repeat(65_536)] })).toEqual([]);
    expect(validate({ '!': ['x'.repeat(65_537)] })).toMatchObject([{ code: 'RULE_TOO_LARGE', pointer: '/!/0' }]);
  });
  test('is limited in the keys of its literals', () => {
    expect(validate({ preserve: { ['k'.repeat(1_000)]: 1 } })).toEqual([]);
    expect(validate({ preserve: { a: { ['k'.repeat(1_001)]: 1 } } })).toMatchObject([{ pointer: '/preserve/a' }]);
  });
  test('says no more of it than anybody reads', () => {
    const rule = Array.from({ length: 4_000 }, () => ({ nope: 1 }));
    expect(validate(rule)).toHaveLength(100);
    const types = { a: 'string' } as const;
    expect(validate({ '+': Array.from({ length: 2_000 }, () => ({ var: 'b' })) }, { types })).toHaveLength(100);
    const [problem] = validate(Object.fromEntries(Array.from({ length: 9_999 }, (_, i) => [`key${String(i)}`, 1])));
    expect(problem?.message.length).toBeLessThan(100);
  });
  test('is no way to a read set larger than the rule', () => {
    const reads = (count: number, path: (i: number) => string) =>
      Array.from({ length: count }, (_, i) => ({ var: path(i) }));
    const many = { merge: reads(800, (i) => `a${String(i)}`) };
    const crossed = {
      map: [
        { map: [many, { merge: reads(800, (i) => `b${String(i)}`) }] },
        { cat: reads(800, (i) => `c${String(i)}`) },
      ],
    };
    expect(compile(crossed).reads.length).toBeLessThan(5_000);
    const long = {
      map: [{ var: 'x'.repeat(60_000) }, { cat: reads(800, (i) => `${'y'.repeat(60_000)}${String(i)}`) }],
    };
    expect(compile(long).reads).toEqual(['*']);
    // Few paths are followed exactly.
    expect(compile({ map: [{ merge: reads(2, (i) => `a${String(i)}`) }, { var: 'b' }] }).reads).toEqual([
      'a0.*.b',
      'a0.b',
      'a1.*.b',
      'a1.b',
    ]);
  });
  test('can be limited further, within reason', () => {
    expect(validate(nested(5), { limits: { depth: 4 } })).toHaveLength(1);
    expect(validate([1, 2], { limits: { nodes: 2 } })).toHaveLength(1);
    for (const limits of [{ depth: 0 }, { depth: 1_000 }, { steps: NaN }, { nodes: 1.5 }, { arrayLength: -1 }]) {
      expect(() => compile(1, { limits })).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
    }
  });
});

describe('a rule that runs away is stopped within its steps', () => {
  const thousand = Array.from({ length: 1_000 }, (_, i) => i);
  const forty = thousand.slice(0, 40);
  const acc = { var: 'accumulator' };
  const loops = (levels: number, list: unknown): unknown =>
    levels === 0 ? 1 : { reduce: [list, { '+': [{ var: 'accumulator' }, loops(levels - 1, list)] }, 0] };
  const pairs = (levels: number): unknown =>
    levels === 0 ? 1 : { map: [[pairs(levels - 1)], [{ var: '' }, { var: '' }]] };
  const cases: readonly (readonly [string, unknown, unknown])[] = [
    ['a list that doubles', { reduce: [thousand, { merge: [acc, acc] }, [1]] }, null],
    ['a text that doubles', { reduce: [{ var: 'list' }, { cat: [acc, acc] }, 'x'] }, { list: thousand }],
    ['six loops over forty literals', loops(6, { preserve: forty }), null],
    [
      'three loops over a thousand items',
      {
        map: [
          { var: 'list' },
          { map: [{ val: [[2], 'list'] }, { map: [{ val: [[4], 'list'] }, { '+': [{ var: '' }, 1] }] }] },
        ],
      },
      { list: thousand },
    ],
    [
      'a loop with a large body',
      { map: [{ var: 'list' }, Array.from({ length: 2_000 }, () => ({ var: '' }))] },
      { list: thousand },
    ],
    [
      'some over loops that find nothing',
      { some: [{ var: 'list' }, { some: [{ val: [[2], 'list'] }, { '<': [{ var: '' }, 0] }] }] },
      { list: thousand },
    ],
    ['a value that is endless once it is written out', pairs(20), null],
    ['the same in a reduce', { reduce: [forty, [acc, acc], 1] }, null],
    ['a value deeper than anybody can walk', { reduce: [thousand, [acc], 1] }, null],
    ['an object deeper than anybody can walk', { reduce: [thousand, { var: '' }, 1] }, null],
    ['such a value, thrown', { throw: { reduce: [forty, [acc, acc], 1] } }, null],
    ['such values compared', { reduce: [forty, [acc, acc], 1] }, null],
    ['such a value as a text', { cat: [{ reduce: [thousand.slice(0, 60), [acc, acc], 1] }] }, null],
    [
      'a text looked for in a like one',
      { map: [{ var: 'list' }, { in: [{ val: [[2], 'b'] }, { val: [[2], 'a'] }] }] },
      { list: thousand, a: 'a'.repeat(60_000), b: `${'a'.repeat(30_000)}b` },
    ],
    [
      'errors in a loop',
      { map: [{ var: 'list' }, { map: [{ val: [[2], 'list'] }, { try: [{ throw: 'x' }, { '+': ['x'] }, 1] }] }] },
      { list: thousand },
    ],
    [
      'long paths',
      { map: [{ var: 'list' }, { var: { val: [[2], 'path'] } }] },
      { list: thousand, path: 'a.'.repeat(30_000) },
    ],
    [
      'a list longer than a rule may make',
      { map: [{ var: 'list' }, 1] },
      { list: Array.from({ length: 40_000 }, () => 1) },
    ],
    [
      'a filter that keeps too much',
      { filter: [{ var: 'list' }, true] },
      { list: Array.from({ length: 40_000 }, () => 1) },
    ],
  ];
  test.each(cases)('%s', (_name, rule, context) => {
    const { code, steps } = refusal(rule, context);
    expect(code).toBe('RULE_LIMIT');
    expect(steps).toBeLessThanOrEqual(LIMITS.steps);
    // At most four nodes a step, beside the rule's own.
    expect(evaluationsOf(compile(rule).trace(context))).toBeLessThanOrEqual(LIMITS.nodes + 4 * LIMITS.steps);
    expect(refusal({ try: [rule, 'caught'] }, context).code).toBe('RULE_LIMIT');
  });
  test('a deep context is no deep rule', () => {
    let context: unknown = 1;
    for (let i = 0; i < 100_000; i++) context = { a: context };
    expect(compile({ '!!': [{ var: 'a' }] }).evaluate(context)).toBe(true);
    expect(refusal({ '===': [{ var: 'a' }, { var: 'b' }] }, { a: context, b: structure(100_000) }).code).toBe(
      'RULE_LIMIT',
    );
    expect(refusal({ cat: [{ var: 'a' }] }, { a: lists(100_000) }).code).toBe('RULE_LIMIT');
  });
  test('a context that contains itself is walked no further than the steps go', () => {
    const cycle = (): unknown => {
      const made: Record<string, unknown> = { list: [] };
      return Object.assign(made, { self: made });
    };
    const context = { a: cycle(), b: cycle() };
    expect(compile({ var: 'a.self.self.self.list' }).evaluate(context)).toEqual([]);
    expect(refusal({ '===': [{ var: 'a' }, { var: 'b' }] }, context).code).toBe('RULE_LIMIT');
  });
  test('texts of many digits are no numbers', () => {
    expect(refusal({ '+': [{ var: 'digits' }, 1] }, { digits: '1'.repeat(60_000) }).code).toBe('RULE_NAN');
  });

  function structure(levels: number): unknown {
    let value: unknown = 1;
    for (let i = 0; i < levels; i++) value = { a: value };
    return value;
  }
  function lists(levels: number): unknown {
    let value: unknown = 1;
    for (let i = 0; i < levels; i++) value = [value];
    return value;
  }
});

test('steps are the same wherever a rule runs', () => {
  const rule = compile({ reduce: [{ var: 'list' }, { '+': [{ var: 'current' }, { var: 'accumulator' }] }, 0] });
  const context = { list: Array.from({ length: 500 }, (_, i) => i) };
  const { steps, value } = rule.trace(context);
  expect(value).toBe(124_750);
  const exactly = compile(
    { reduce: [{ var: 'list' }, { '+': [{ var: 'current' }, { var: 'accumulator' }] }, 0] },
    { limits: { steps } },
  );
  expect(exactly.evaluate(context)).toBe(value);
  expect(exactly.evaluateMany([context])).toEqual([value]);
  const less = compile(
    { reduce: [{ var: 'list' }, { '+': [{ var: 'current' }, { var: 'accumulator' }] }, 0] },
    { limits: { steps: steps - 1 } },
  );
  expect(() => less.evaluate(context)).toThrow(/steps/);
  expect(less.evaluateMany([context])).toEqual([expect.objectContaining({ code: 'RULE_LIMIT' })]);
});

test('what is no JSON in a context is equal only to itself', () => {
  const [map, date] = [new Map([[1, 2]]), new Date(5)];
  const same = compile({ '===': [{ var: 'a' }, { var: 'b' }] });
  expect(
    same.evaluateMany([
      { a: map, b: map },
      { a: map, b: new Map() },
      { a: date, b: new Date(5) },
      { a: date, b: {} },
    ]),
  ).toEqual([true, false, true, false]);
  expect(
    same.evaluateMany([
      { a: [1, { b: 2 }], b: [1, { b: 2 }] },
      { a: [], b: {} },
      { a: {}, b: map },
    ]),
  ).toEqual([true, false, false]);
});

test('the table of operators is no object that inherits names', () => {
  expect(BUILT_IN).toBeInstanceOf(Map);
});
