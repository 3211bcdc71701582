import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isTidemarkError } from '../../src/errors.js';
import {
  type FieldRule,
  type FieldSchema,
  type FieldSet,
  compileFields,
  createFieldEngine,
} from '../../src/rules/index.js';
import { fields, read, refusal, rule, settlement } from './fields-given.js';
import { INHERITED, hostileContext, hostileRule } from './hostile-rules.js';

const failuresOf = (set: FieldSet, facts = settlement()): string[] =>
  set.evaluate('settlement', facts, { now: 0 }).failures.map(({ error }) => error.code);

describe('a rule of a field', () => {
  test('hops only so far', () => {
    const far = (hops: number): FieldRule =>
      rule('settlement.a', read(`settlement${'.kingdom.settlements.0'.repeat(hops / 2)}.level`));
    expect(fields().check(far(16))).toEqual([]);
    expect(fields().check(far(18))).toMatchObject([{ code: 'RULE_TOO_LARGE' }]);
    const wide = { merge: Array.from({ length: 4_000 }, () => far(3_000).expression) };
    expect(refusal(() => fields(rule('settlement.list', wide))).code).toBe('RULE_TOO_LARGE');
  });

  test('does not multiply what it looks at beyond its steps', () => {
    const settlements = Array.from({ length: 400 }, (_, i) => settlement({ id: `s${String(i)}` }));
    const kingdom = { row: { id: 'k1' }, hops: { settlements } };
    for (const one of settlements) Object.assign(one, { hops: { kingdom } });
    const path = (n: number): string => `settlement${'.kingdom.settlements.0'.repeat(n)}.level`;
    const facts = settlement({}, { hops: { kingdom } });
    expect(failuresOf(fields(rule('settlement.list', read(path(1)))), facts)).toEqual([]);
    // 400 times 400.
    expect(failuresOf(fields(rule('settlement.list', read(path(2)))), facts)).toEqual(['RULE_LIMIT']);
    expect(failuresOf(fields(rule('settlement.list', read(path(8)))), facts)).toEqual(['RULE_LIMIT']);
  });

  test('reads nothing that is inherited, of rows, inputs and what it hops to', () => {
    for (const name of INHERITED) {
      const set = fields(
        rule(
          'settlement.list',
          [read(`settlement.${name}`), read(`settlement.kingdom.${name}.name`)].reduce((a, b) => ({ merge: [a, b] })),
        ),
        rule('settlement.open', { '!!': [read(`now.${name}`)] }),
      );
      const facts = settlement({}, { hops: { kingdom: { row: { id: 'k1' } } } });
      expect(set.evaluate('settlement', facts, { now: 0 }).values).toMatchObject({ list: [null, null], open: false });
    }
  });

  test('has a field of a row by any name, __proto__ too', () => {
    const row = JSON.parse('{ "id": "s1", "__proto__": { "level": 3 }, "constructor": 5 }') as object;
    const sum = { '+': [read('settlement.__proto__.level'), read('settlement.constructor'), read('settlement.b')] };
    const set = fields(rule('settlement.a', sum), rule('settlement.b', 1));
    expect(set.evaluate('settlement', { row }, { now: 0 })).toMatchObject({ values: { a: 9 }, failures: [] });
  });
});

describe('rules that make no sense', () => {
  const schema: FieldSchema = {
    a: {
      parents: { b: { type: 'a', id: 'up' } },
      children: { items: { type: 'a', by: 'b' } },
      computed: { list: 'json', current: 'number', type: 'string' },
    },
  };
  const inputs = [
    'b',
    'list',
    'items',
    'length',
    '0',
    '1',
    'index',
    'current',
    'accumulator',
    'type',
    '',
    ...INHERITED,
  ];
  const hostile = fc
    .tuple(hostileRule, fc.constantFrom('list', 'current', 'type'))
    .map(([expression, field]) => rule(`a.${field}`, expression));
  const rows = fc.array(fc.tuple(fc.nat(3), fc.option(fc.nat(3)), hostileContext), { minLength: 1, maxLength: 5 });

  const RUNS = process.env['TIDEMARK_LONG'] === undefined ? 3_000 : 300_000;
  test('are refused or fail with a code, alike for one entity and for many kept current', () => {
    let evaluated = 0;
    const property = fc.property(
      fc.array(hostile, { minLength: 1, maxLength: 3 }),
      rows,
      hostileContext,
      (rules, all, input) => {
        const options = { inputs, limits: { steps: 2_000 } };
        const set = rules.reduce(
          (before, one) => {
            try {
              return before.with(one);
            } catch (error) {
              if (!isTidemarkError(error)) throw error;
              return before;
            }
          },
          compileFields([], schema, options),
        );
        const given = { now: 0, inputs: { list: input, items: input, 0: input } };
        const engine = createFieldEngine(set, given);
        engine.load(
          'a',
          all.map(([id, up, value]) => ({ ...(value as object), id: String(id), up: up && String(up) })),
        );
        evaluated += set.rules.length;
        const again = createFieldEngine(set, given);
        for (const [id, up, value] of all) {
          again.change('a', null, { ...(value as object), id: String(id), up: up && String(up) });
        }
        for (const [id] of all) {
          expect(isDeepStrictEqual(again.valuesOf('a', String(id)), engine.valuesOf('a', String(id)))).toBe(true);
        }
      },
    );
    fc.assert(property, { numRuns: RUNS, seed: 9 });
    expect(evaluated).toBeGreaterThan(RUNS / 4);
  });
});
