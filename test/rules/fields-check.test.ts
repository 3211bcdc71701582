import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isTidemarkError } from '../../src/errors.js';
import { type FieldRule, checkFields, compileFields } from '../../src/rules/index.js';
import { read, rule, schema } from './fields-given.js';

const NOTHING = { problems: [], cycles: { paths: [], fields: [], more: false } };

describe('a check of rules', () => {
  test('of which nothing is wrong is empty', () => {
    expect(checkFields([rule('settlement.a', 1), rule('settlement.b', read('settlement.a'))], schema)).toEqual(NOTHING);
  });

  test('finds what is wrong with every rule, each place of it, and two of one id', () => {
    const { problems } = checkFields(
      [
        rule('settlement.a', { and: [{ nothing: 1 }, { in: [1] }] }),
        rule('settlement.b', 1),
        rule('settlement.b', 2),
        rule('planet.a', 1),
      ],
      schema,
    );
    expect(problems.map(({ rule: id, pointer, code }) => `${id} ${pointer} ${code}`)).toEqual([
      'settlement.a /and/0 RULE_OPERATOR',
      'settlement.a /and/1 RULE_ARGUMENTS',
      'settlement.b  INVALID_RULE',
      'planet.a  UNKNOWN_TYPE',
    ]);
  });

  test('gives circles as paths, through relations too, whatever else is wrong', () => {
    const { problems, cycles } = checkFields(
      [
        rule('settlement.a', read('settlement.kingdom.wealth')),
        rule('kingdom.wealth', { '+': [{ map: [read('kingdom.settlements'), read('a')] }] }),
        rule('settlement.b', { nothing: 1 }),
      ],
      schema,
    );
    expect(cycles).toEqual({
      paths: [['kingdom.wealth', 'kingdom.settlements.*.a', 'settlement.kingdom.wealth']],
      fields: [['kingdom.wealth', 'settlement.a']],
      more: false,
    });
    expect(problems).toHaveLength(1);
  });

  test('finds something exactly where compiling refuses, and what it refuses first', () => {
    const names = ['a', 'b', 'c', 'd'] as const;
    const some = fc.record({
      field: fc.constantFrom(...names, 'nowhere'),
      id: fc.constantFrom('1', '2', '3', '4', '5', ' '),
      reads: fc.array(fc.constantFrom(...names), { maxLength: 2 }),
      operator: fc.constantFrom('+', '+', '+', 'nothing'),
    });
    fc.assert(
      fc.property(fc.array(some, { maxLength: 6 }), (all) => {
        const rules = all.map(({ field, id, reads, operator }): FieldRule =>
          rule(`settlement.${field}`, { [operator]: [1, ...reads.map((one) => read(`settlement.${one}`))] }, { id }),
        );
        const { problems, cycles } = checkFields(rules, schema);
        const codes = [...problems.map(({ code }) => code), ...cycles.paths.map(() => 'RULE_CYCLE')];
        let refused: string | undefined;
        try {
          compileFields(rules, schema);
        } catch (error) {
          if (!isTidemarkError(error)) throw error;
          refused = error.code;
        }
        expect(codes[0]).toBe(refused);
      }),
    );
  });
});
