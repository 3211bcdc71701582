import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type TidemarkError, isTidemarkError } from '../../src/errors.js';
import { compile, validate } from '../../src/rules/index.js';
import { evaluationsOf } from './evaluations.js';
import { NAMES, hostileContext, hostileRule } from './hostile-rules.js';
import { BUILT_IN } from '../../src/rules/operators.js';

const RUNS = process.env['TIDEMARK_LONG'] === undefined ? 4_000 : 400_000;
const NODES = 5_000;
/** Small ones, so that many rules run into them in many places. */
const budget = fc.constantFrom(1, 4, 30, 200, 5_000);
const contextLists = fc.array(hostileContext, { minLength: 1, maxLength: 4 });

/** Reads of something that only a prototype has. */
let secretsRead = 0;
beforeAll(() => {
  Object.defineProperty(Object.prototype, 'secret', { configurable: true, get: () => ++secretsRead });
});
afterAll(() => {
  Reflect.deleteProperty(Object.prototype, 'secret');
});

test('the fuzzer knows every operator', () => {
  expect([...BUILT_IN.keys(), 'preserve'].sort()).toEqual([...NAMES].sort());
});

test('no rule hangs, crashes or reads a prototype, and all back ends agree on value, error and steps', () => {
  const seen = { values: 0, codes: new Set<string>() };
  fc.assert(
    fc.property(hostileRule, contextLists, budget, (rule, contexts, steps) => {
      const limits = { steps };
      const problems = validate(rule, { limits });
      if (problems.length > 0) {
        expect(() => compile(rule, { limits })).toThrow(problems[0]?.message);
        problems.forEach(({ code }) => seen.codes.add(code));
        return;
      }
      const compiled = compile(rule, { limits });
      const rows = compiled.evaluateMany(contexts);
      contexts.forEach((context, i) => {
        const before = JSON.stringify(context);
        const trace = compiled.trace(context);
        const alone = outcomeOf(() => compiled.evaluate(context));
        const row = rows[i];
        expectSame(isTidemarkError(row) ? { error: saidBy(row) } : { value: row }, alone);
        expectSame(trace.error === undefined ? { value: trace.value } : { error: saidBy(trace.error) }, alone);
        // At most four nodes a step, beside the rule's own.
        expect(evaluationsOf(trace)).toBeLessThanOrEqual(NODES + 8 * (steps + 32));
        if ('value' in alone) {
          seen.values++;
          checkPlain(alone.value);
        } else seen.codes.add(alone.error.code);
        expect(JSON.stringify(context)).toBe(before);
      });
    }),
    { numRuns: RUNS, seed: 611 },
  );
  expect(secretsRead).toBe(0);
  expect(seen.values).toBeGreaterThan(RUNS / 4);
  const codes = ['RULE_ARGUMENTS', 'RULE_LIMIT', 'RULE_NAN', 'RULE_OPERATOR', 'RULE_THREW'];
  expect([...seen.codes].sort()).toEqual(codes);
});

/** Not by toStrictEqual, which takes an own key 'constructor' for the class. */
function expectSame(one: unknown, other: unknown): void {
  if (!isDeepStrictEqual(one, other)) expect(one).toBe(other);
}

function outcomeOf(evaluate: () => unknown): { value: unknown } | { error: ReturnType<typeof saidBy> } {
  try {
    return { value: evaluate() };
  } catch (error) {
    if (!isTidemarkError(error)) throw error;
    return { error: saidBy(error) };
  }
}

function saidBy({ code, message, cause }: TidemarkError) {
  return { code, message, cause };
}

/** Throws unless a value is JSON, without anything of the platform's. */
function checkPlain(value: unknown): void {
  if (typeof value === 'number') return;
  expect(typeof value).toMatch(/^(string|boolean|object)$/);
  if (typeof value !== 'object' || value === null) return;
  // Not by toContain, which would look into the prototypes itself.
  const prototype: unknown = Object.getPrototypeOf(value);
  expect(prototype === Object.prototype || prototype === Array.prototype).toBe(true);
  expect(value === Object.prototype || value === Array.prototype).toBe(false);
  Object.values(value).forEach(checkPlain);
}
