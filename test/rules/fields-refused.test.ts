import { describe, expect, test } from 'vitest';
import { type FieldRule, type FieldSchema, compileFields, defineOperators } from '../../src/rules/index.js';
import { fields, read, refusal, rule, schema, valueOf } from './fields-given.js';

describe('a rule that cannot be', () => {
  const wrong: readonly (readonly [string, Partial<FieldRule>, string, RegExp])[] = [
    [
      'no type of the schema',
      { entityType: 'planet' },
      'UNKNOWN_TYPE',
      /entityType: expected one of kingdom, settlement/,
    ],
    ['no field of its type', { field: 'wealth' }, 'INVALID_RULE', /a computed field of settlement, which has a, b, c/],
    ['no priority', { priority: NaN }, 'INVALID_RULE', /priority: expected a finite number, got NaN/],
    ['a blank id', { id: ' ' }, 'INVALID_RULE', /id: expected a text that is not blank/],
    ['a blank entity', { entityId: '' }, 'INVALID_RULE', /entityId: expected an id as text, or null/],
    [
      'nobody knows whether active',
      { isActive: 1 as never },
      'INVALID_RULE',
      /isActive: expected true or false, got 1/,
    ],
    ['no expression', { expression: undefined }, 'INVALID_RULE', /an operation or a plain value, got nothing/],
    ['a null expression', { expression: null }, 'INVALID_RULE', /got null/],
    ['an empty object', { expression: {} }, 'INVALID_RULE', /got an empty object/],
    ['a list', { expression: [] }, 'INVALID_RULE', /got a list of 0/],
    ['no operator', { expression: { plus: [1] } }, 'RULE_OPERATOR', /rules\["r"\]\.expression: rule \(whole\): .*plus/],
    [
      'a text for a number',
      { expression: { cat: ['a'] } },
      'RULE_KIND',
      /settlement\.a: expected a number or null, got a string/,
    ],
    ['a list for a number', { expression: { map: [read('settlement.structures'), 1] } }, 'RULE_KIND', /got a list/],
    ['another root', { expression: read('kingdom.level') }, 'RULE_TYPE', /there is no "kingdom" in the context/],
  ];
  test.each(wrong)('%s', (_name, given, code, message) => {
    const given1 = rule('settlement.a', 1, { id: 'r', ...given });
    const refused = refusal(() => fields(given1));
    expect(refused.code).toBe(code);
    expect(refused.message).toMatch(message);
    expect(fields().check(given1)[0]?.code).toBe(code);
  });

  test('is named with all its problems by check(), with their pointers', () => {
    const problems = fields().check(rule('settlement.a', { '+': [{ no: 1 }, { neither: 2 }] }));
    expect(problems.map(({ pointer }) => pointer)).toEqual(['/+/0', '/+/1']);
    expect(fields().check(rule('settlement.a', 1))).toEqual([]);
  });

  test('is one whose id another has', () => {
    expect(refusal(() => fields(rule('settlement.a', 1), rule('settlement.a', 2))).message).toMatch(/ids once each/);
  });

  const schemas: readonly (readonly [FieldSchema, RegExp])[] = [
    [{ now: {} }, /schema\.now: expected a name that is no input/],
    [
      { a: { parents: { b: { type: 'b', id: 'x' } } } },
      /schema\.a\.parents\.b: expected a type of the schema, got "b"/,
    ],
    [
      { a: {}, b: { children: { as: { type: 'a' } } } },
      /schema\.b\.children\.as: expected 'by' to name one of the parents/,
    ],
    [
      { a: { parents: { up: { type: 'a', id: 'x' } }, computed: { up: 'number' } } },
      /expected a name that is no parent/,
    ],
    [{ a: { computed: { x: 'date' as never } } }, /expected one of boolean, number, string, json, got "date"/],
    [{ a: { computed: { 'x.y': 'number' } } }, /expected a name that a path can have/],
  ];
  test.each(schemas)('schema %o', (given, message) => {
    const refused = refusal(() => compileFields([], given));
    expect(refused.code).toBe('INVALID_MODEL');
    expect(refused.message).toMatch(message);
  });
});

describe('a saved or removed rule', () => {
  const first = fields(rule('settlement.a', 1), rule('settlement.b', { '+': [read('settlement.a'), 1] }));

  test('gives another set, and the one before stays', () => {
    const second = first.with(rule('settlement.a', 10));
    const third = second.without('settlement.b');
    expect([first, second, third].map((set) => [valueOf(set, 'a'), valueOf(set, 'b')])).toEqual([
      ...[
        [1, 2],
        [10, 11],
      ],
      [10, null],
    ]);
    expect(third.rules.map(({ id }) => id)).toEqual(['settlement.a']);
  });
  test('may go to another field', () => {
    const moved = first.with(rule('settlement.c', 7, { id: 'settlement.a' }));
    expect([valueOf(moved, 'a'), valueOf(moved, 'c'), moved.rules.length]).toEqual([null, 7, 2]);
  });
  test('is refused if it closes a circle, and nothing has changed', () => {
    const circle = rule('settlement.a', read('settlement.b'));
    expect(refusal(() => first.with(circle)).code).toBe('RULE_CYCLE');
    expect(first.check(circle)).toMatchObject([{ code: 'RULE_CYCLE', pointer: '' }]);
    expect(valueOf(first, 'b')).toBe(2);
  });
  test('is one of the set', () => {
    expect(refusal(() => first.without('nobody')).message).toMatch(
      /expected the id of a rule of the set, got "nobody"/,
    );
  });
  test('compiles no other one again', () => {
    let compiled = 0;
    const operators = defineOperators({
      seen: { arity: 0, reads: () => (compiled++, []), evaluate: () => 1 },
    });
    const set = compileFields([rule('settlement.a', { seen: [] })], schema, { operators });
    const before = compiled;
    set.with(rule('settlement.b', 1)).without('settlement.b');
    expect([before > 0, compiled]).toEqual([true, before]);
  });
});
