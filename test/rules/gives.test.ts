import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isTidemarkError } from '../../src/errors.js';
import { type CompiledRule, type Type, compile, validate } from '../../src/rules/index.js';
import { coreContext, coreRule } from './core-rules.js';
import { hostileContext, hostileRule } from './hostile-rules.js';

const known: readonly (readonly [unknown, Type])[] = [
  [{ '+': [1, { var: 'a' }] }, 'number'],
  [{ cat: ['a', { var: 'a' }] }, 'string'],
  [{ '>': [{ var: 'a' }, 1] }, 'boolean'],
  [{ if: [{ var: 'a' }, 1, 2] }, 'number'],
  [{ if: [{ var: 'a' }, 1, 'b'] }, 'any'],
  [{ var: 'a' }, 'any'],
];
test.each(known)('%j gives %j', (rule, type) => {
  expect(compile(rule).gives).toEqual(type);
});

function fits(value: unknown, type: Type): boolean {
  if (type === 'any' || value === null) return true;
  if (Array.isArray(type)) return Array.isArray(value);
  return typeof type === 'string' ? typeof value === type : typeof value === 'object';
}

const RUNS = process.env['TIDEMARK_LONG'] === undefined ? 3_000 : 300_000;
const generated = { core: [coreRule(3), coreContext], hostile: [hostileRule, hostileContext] } as const;

test.each(['core', 'hostile'] as const)(
  'what a rule gives is null or of the type that it is said to give: %s',
  (name) => {
    const [rules, contexts] = generated[name] as readonly [fc.Arbitrary<unknown>, fc.Arbitrary<unknown>];
    let looked = 0;
    const property = fc.property(rules, contexts, (rule, context) => {
      if (validate(rule).length > 0) return;
      const compiled: CompiledRule = compile(rule, { limits: { steps: 2_000 } });
      if (compiled.gives === 'any') return;
      try {
        const value = compiled.evaluate(context);
        looked++;
        expect(fits(value, compiled.gives), `${JSON.stringify(compiled.gives)}, got ${typeof value}`).toBe(true);
      } catch (error) {
        if (!isTidemarkError(error)) throw error;
      }
    });
    fc.assert(property, { numRuns: RUNS, seed: 8 });
    expect(looked).toBeGreaterThan(RUNS / 20);
  },
);
