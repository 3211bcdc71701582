import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { BACK_ENDS, suiteCases } from './suites.js';

/** Cases that are refused, by file and description, with the reason. None is. */
const REFUSED: Readonly<Record<string, string>> = {};

const cases = suiteCases();

test('without code generation from strings, as under a strict content security policy, all is the same', () => {
  const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
  const flags = ['--disallow-code-generation-from-strings', '--import', at('../faults/resolve.mjs')];
  const child = spawnSync(process.execPath, [...flags, at('suites-in-child.ts')], { encoding: 'utf8' });
  expect(child.stderr).toBe('');
  const said = JSON.parse(child.stdout) as { evalIsRefused: boolean; outcomes: Record<string, unknown[]> };
  expect(said.evalIsRefused).toBe(true);
  expect(Object.keys(said.outcomes)).toEqual(Object.keys(BACK_ENDS));
  for (const outcomes of Object.values(said.outcomes)) expect(outcomes).toEqual(cases.map(({ expected }) => expected));
});

test('a difference would be seen', () => {
  const [same, others] = [{ value: [null, 0] }, [{ value: [false, 0] }, { value: [null, -0] }, { error: 'NaN' }]];
  expect(isSame({ value: [null, 0] }, same)).toBe(true);
  expect(others.filter((other) => isSame(other, same))).toEqual([]);
  expect(BACK_ENDS['batch']?.({ '+': ['x'] }, null)).toEqual({ error: 'NaN' });
});

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
