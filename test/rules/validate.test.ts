import { describe, expect, test } from 'vitest';
import { compile, validate } from '../../src/rules/index.js';

describe('validation', () => {
  const cases: readonly (readonly [unknown, readonly (readonly [pointer: string, code: string, said: string])[]])[] = [
    [{ var: 'a' }, []],
    [{ any: [{}, {}, { with: [1, 2, 3] }] }, [['', 'RULE_OPERATOR', `there is no operator "any"`]]],
    [{ or: [1, 2, { in: [1, 2, 3] }] }, [['/or/2', 'RULE_ARGUMENTS', "'in' takes 2 arguments, got 3."]]],
    [{ and: true }, [['', 'RULE_ARGUMENTS', "'and' takes a list of arguments, got true."]]],
    [{ '!': [1, 2] }, [['', 'RULE_ARGUMENTS', "'!' takes 0 to 1 arguments, got 2."]]],
    [{ '<': [1] }, [['', 'RULE_ARGUMENTS', "'<' takes at least 2 arguments, got 1."]]],
    [{ throw: [] }, [['', 'RULE_ARGUMENTS', "'throw' takes 1 argument, got 0."]]],
    [
      { map: [{ var: 'a' }, null] },
      [['', 'RULE_ARGUMENTS', 'expected an expression as its second argument, got null']],
    ],
    [{ all: [7, true] }, [['', 'RULE_ARGUMENTS', 'expected a list as its first argument, got 7']]],
    [{ var: [['a']] }, [['', 'RULE_ARGUMENTS', "'var' expected a path of names with dots, got a list of 1."]]],
    [{ val: [['x'], 'a'] }, [['', 'RULE_ARGUMENTS', 'how far to climb']]],
    [
      { exists: ['a', { preserve: {} }] },
      [['', 'RULE_ARGUMENTS', 'expected names and numbers as its path, got an object']],
    ],
    [
      { '/': [{ '~': [] }, { 'a/b': [] }, { x: 1, y: 2 }] },
      [
        ['/~1/0', 'RULE_OPERATOR', '"~"'],
        ['/~1/1', 'RULE_OPERATOR', '"a/b"'],
        ['/~1/2', 'RULE_SYNTAX', 'expected one operator, got 2: "x", "y"'],
      ],
    ],
    [{ '!': { '+': [{ '-': [] }] } }, [['/!/+/0', 'RULE_ARGUMENTS', "'-' takes at least 1 argument"]]],
    [{ map: [{ nope: 1 }, { var: '' }] }, [['/map/0', 'RULE_OPERATOR', '"nope"']]],
    [{ preserve: { a: [1, () => 1] } }, [['/preserve/a/1', 'RULE_SYNTAX', 'expected JSON, got a function']]],
  ];
  test.each(cases)('of %j', (rule, expected) => {
    const problems = validate(rule);
    expect(problems.map(({ pointer, code }) => [pointer, code])).toEqual(
      expected.map(([pointer, code]) => [pointer, code]),
    );
    expected.forEach(([pointer, , said], i) => {
      expect(problems[i]?.message).toContain(said);
      expect(problems[i]?.message.startsWith(`rule ${pointer || '(whole)'}: `)).toBe(true);
    });
  });
  test('refuses what compile refuses, with the first problem and how many more there are', () => {
    const rule = { or: [{ nope: 1 }, { in: [] }, { '-': [] }] };
    expect(validate(rule)).toHaveLength(3);
    expect(() => compile(rule)).toThrow(
      expect.objectContaining({
        code: 'RULE_OPERATOR',
        message: 'rule /or/0: there is no operator "nope". (and 2 more)',
      }),
    );
  });
  test('is one limit of depth, whatever a rule is made of', () => {
    // The system these rules come from had two, of 10 and of 50, for the same rules.
    const rule = (levels: number): unknown =>
      levels === 1 ? 1 : levels % 2 === 0 ? [rule(levels - 1)] : { '!': [rule(levels - 1)] };
    expect(validate(rule(64))).toEqual([]);
    expect(validate(rule(65))).toMatchObject([{ code: 'RULE_TOO_LARGE' }]);
  });
});

describe('the type check', () => {
  const types = {
    settlement: {
      name: 'string',
      level: 'number',
      open: 'boolean',
      founded: 'date',
      tags: ['string'],
      kingdom: { level: 'number' },
    },
    items: [{ kind: 'string', cost: 'number' }],
    free: 'any',
  } as const;
  const right: readonly unknown[] = [
    { '>=': [{ var: 'settlement.level' }, 3] },
    { '+': [{ var: 'settlement.level' }, { var: 'settlement.open' }, '7', { var: 'free.whatever' }] },
    { '==': [{ var: 'settlement.name' }, 'Harrow'] },
    { '==': [{ var: 'settlement.level' }, '3'] },
    { map: [{ var: 'items' }, { '*': [{ var: 'cost' }, { val: [[2], 'settlement', 'level'] }] }] },
    { reduce: [{ var: 'items' }, { '+': [{ var: 'current.cost' }, { var: 'accumulator' }] }, 0] },
    { '>': [{ var: 'settlement.tags.length' }, { var: 'settlement.name.length' }] },
    { map: [{ filter: [{ var: 'items' }, true] }, { var: 'kind' }] },
    { cat: [{ var: 'items.0.kind' }, { var: 'settlement.tags.1' }] },
  ];
  test.each(right.map((rule) => [JSON.stringify(rule), rule]))('accepts %s', (_text, rule) => {
    expect(validate(rule, { types })).toEqual([]);
  });
  const wrong: readonly (readonly [unknown, string, string])[] = [
    [
      { var: 'settlement.levle' },
      '',
      `there is no "levle" in 'settlement', an object; it has name, level, open, founded, tags, kingdom.`,
    ],
    [{ var: 'setlement' }, '', 'there is no "setlement" in an object; it has settlement, items, free.'],
    [{ var: 'settlement.name.first' }, '', `there is no "first" in 'settlement.name', a string.`],
    [{ '+': [1, { var: 'settlement.name' }] }, '/+/1', 'expected a number, got a string.'],
    [{ '*': [{ var: 'settlement.tags' }, 2] }, '/*/0', 'expected a number, got a list.'],
    [{ '-': ['x', 2] }, '/-/0', 'expected a number, got a string.'],
    [
      { '<': [{ var: 'settlement.name' }, 3] },
      '',
      "'<' expected numbers, or strings, to compare, got a string and a number.",
    ],
    [{ '==': [{ var: 'settlement.kingdom' }, 3] }, '', "'==' expected numbers, or strings, to compare, got an object."],
    [{ map: [{ var: 'items' }, { '+': [{ var: 'kind' }, 1] }] }, '/map/1/+/0', 'expected a number, got a string.'],
    [{ map: [{ var: 'items' }, { var: 'price' }] }, '/map/1', 'there is no "price" in an object; it has kind, cost.'],
    [{ map: [{ var: 'items' }, { val: [[2], 'itms'] }] }, '/map/1', 'there is no "itms" in an object'],
    [{ filter: [{ var: 'settlement' }, true] }, '/filter/0', 'expected a list, got an object.'],
    [{ '+': [{ cat: ['a'] }, 1] }, '/+/0', 'expected a number, got a string.'],
  ];
  test.each(wrong)('refuses %j', (rule, pointer, said) => {
    expect(validate(rule, { types })).toEqual([
      { code: 'RULE_TYPE', pointer, message: expect.stringContaining(said) as string },
    ]);
    expect(() => compile(rule, { types })).toThrow(expect.objectContaining({ code: 'RULE_TYPE' }));
    expect(validate(rule)).toEqual([]);
  });
});
