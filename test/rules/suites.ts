import { readFileSync } from 'node:fs';
import { isTidemarkError } from '../../src/errors.js';
import { compile } from '../../src/rules/index.js';

/** The shared suites, and the three back ends to run them on. No test runner: a child process runs them too. */

export interface SuiteCase {
  readonly file: string;
  readonly description: string;
  readonly rule: unknown;
  readonly data: unknown;
  /** What the rule gives, or the type of its error. */
  readonly expected: Outcome;
}
export type Outcome = { readonly value: unknown } | { readonly error: unknown };

interface Written {
  readonly description: string;
  readonly rule: unknown;
  readonly data?: unknown;
  readonly result?: unknown;
  readonly error?: { readonly type: unknown };
}

const folder = new URL('../suites/jsonlogic/', import.meta.url);
const readJson = (path: string): unknown => JSON.parse(readFileSync(new URL(path, folder), 'utf8'));

export function suiteCases(): readonly SuiteCase[] {
  return (readJson('index.json') as string[]).flatMap((file) =>
    (readJson(file) as (string | Written)[]).flatMap((written) => {
      if (typeof written === 'string') return [];
      const { description, rule, data = null, result, error } = written;
      return [
        { file, description, rule, data, expected: error === undefined ? { value: result } : { error: error.type } },
      ];
    }),
  );
}

/** What the suites call an error, by our codes. */
function typeOf(error: unknown): unknown {
  if (!isTidemarkError(error)) throw error;
  if (error.code === 'RULE_ARGUMENTS') return 'Invalid Arguments';
  if (error.code === 'RULE_NAN') return 'NaN';
  if (error.code === 'RULE_THREW') return (error.cause as { type: unknown }).type;
  return error.code;
}

function outcomeOf(evaluate: () => unknown): Outcome {
  try {
    return { value: evaluate() };
  } catch (error) {
    return { error: typeOf(error) };
  }
}

export const BACK_ENDS: Readonly<Record<string, (rule: unknown, data: unknown) => Outcome>> = {
  scalar: (rule, data) => outcomeOf(() => compile(rule).evaluate(data)),
  batch: (rule, data) =>
    outcomeOf(() => {
      const [first] = compile(rule).evaluateMany([data]);
      if (isTidemarkError(first)) throw first;
      return first;
    }),
  trace: (rule, data) =>
    outcomeOf(() => {
      const { error, value } = compile(rule).trace(data);
      if (error !== undefined) throw error;
      return value;
    }),
};
