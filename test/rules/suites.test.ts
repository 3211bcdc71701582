import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { BACK_ENDS, suiteCases } from './suites.js';

/** Cases that are refused, by file and description, with the reason. None is. */
const REFUSED: Readonly<Record<string, string>> = {};

const cases = suiteCases();

test('there are 1,138 shared cases, and every refused one is among them', () => {
  expect(cases).toHaveLength(1_138);
  const names = cases.map(({ file, description }) => `${file}: ${description}`);
  expect(Object.keys(REFUSED).filter((name) => !names.includes(name))).toEqual([]);
});

describe.each(Object.entries(BACK_ENDS))('%s', (_name, outcomeOf) => {
  test('gives what the shared cases expect, values and error types', () => {
    const wrong = cases
      .map(({ file, description, rule, data, expected }) => ({
        ...{ name: `${file}: ${description}`, rule, data, expected },
        got: outcomeOf(rule, data),
      }))
      .filter(({ got, expected }) => !isSame(got, expected));
    expect(wrong.filter(({ name }) => REFUSED[name] === undefined)).toEqual([]);
    expect(wrong).toHaveLength(Object.keys(REFUSED).length);
  });
});

/** Strict: null is not false, 0 is not -0, an absent value is not null. */
function isSame(got: unknown, expected: unknown): boolean {
  try {
    expect(got).toStrictEqual(expected);
    return true;
  } catch {
    return false;
  }
}
