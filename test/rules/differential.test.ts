import fc from 'fast-check';
import jsonLogic from 'json-logic-js';
import { expect, test } from 'vitest';
import { isTidemarkError } from '../../src/errors.js';
import { compile } from '../../src/rules/index.js';
import { coreContext, coreRule } from './core-rules.js';

const RUNS = process.env['TIDEMARK_LONG'] === undefined ? 5_000 : 500_000;

/** JSON has one zero; json-logic-js can give the other. */
function withOneZero(value: unknown): unknown {
  if (typeof value === 'number') return value + 0;
  return Array.isArray(value) ? value.map(withOneZero) : value;
}

test('on the core operators it gives what json-logic-js gives, on every back end', () => {
  let failed = 0;
  fc.assert(
    fc.property(coreRule(4), coreContext, (rule, context) => {
      const theirs = withOneZero(jsonLogic.apply(rule, context));
      const compiled = compile(rule);
      const [row, again] = compiled.evaluateMany([context, context]);
      const { value, error } = compiled.trace(context);
      if (error !== undefined) {
        // What json-logic-js goes on with, NaN or Infinity, is an error here.
        expect(error.code).toBe('RULE_NAN');
        expect(() => compiled.evaluate(context)).toThrow(error.message);
        expect(isTidemarkError(row) && row.message).toBe(error.message);
        failed++;
        return;
      }
      expect(compiled.evaluate(context)).toStrictEqual(theirs);
      expect([row, again, value]).toStrictEqual([theirs, theirs, theirs]);
    }),
    { numRuns: RUNS, seed: 20_261_126 },
  );
  expect(failed).toBeLessThan(RUNS / 100);
});
