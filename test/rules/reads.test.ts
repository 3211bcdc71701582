import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isTidemarkError } from '../../src/errors.js';
import { compile, validate } from '../../src/rules/index.js';
import { coreContext, coreRule } from './core-rules.js';
import { hostileContext, hostileRule } from './hostile-rules.js';

describe('the read set', () => {
  const sets: readonly (readonly [string, unknown, readonly string[]])[] = [
    [
      'has full paths',
      { '>=': [{ var: 'settlement.kingdom.level' }, { val: ['settlement', 'level'] }] },
      ['settlement.kingdom.level', 'settlement.level'],
    ],
    ['has each path once, sorted', { '+': [{ var: 'b' }, { var: 'a' }, { var: 'b' }] }, ['a', 'b']],
    ['is empty for a rule that reads nothing', { '+': [1, 2] }, []],
    ['has all branches, taken or not', { if: [{ var: 'a' }, { var: 'b' }, { var: 'c' }] }, ['a', 'b', 'c']],
    ['has the default of a path', { var: ['a', { var: 'b' }] }, ['a', 'b']],
    ['is everything for the whole context', { var: '' }, ['*']],
    ['escapes dots and stars in keys', { val: ['a.b', '*'] }, ['a\\.b.\\*']],
    // The elements of a list are under `*`, and no paths of the context.
    ['has fields of items under the list', { map: [{ var: 'items' }, { var: 'qty' }] }, ['items.*.qty']],
    ['has items themselves', { some: [{ var: 'scores' }, { '>': [{ var: '' }, 3] }] }, ['scores.*']],
    ['has how many there are', { map: [{ var: 'items' }, 1] }, ['items.*']],
    [
      'has what is outside of a loop',
      { map: [{ var: 'items' }, { '*': [{ var: 'qty' }, { val: [[2], 'tax'] }] }] },
      ['items.*.qty', 'tax'],
    ],
    ['knows no index of a loop', { map: [{ var: 'items' }, { val: [[1], 'index'] }] }, ['items.*']],
    [
      'follows loops in loops',
      {
        map: [
          { var: 'kingdoms' },
          { map: [{ var: 'towns' }, { '+': [{ var: 'level' }, { val: [[2], 'tax'] }, { val: [[4], 'year'] }] }] },
        ],
      },
      ['kingdoms.*.tax', 'kingdoms.*.towns.*.level', 'year'],
    ],
    [
      'follows items through filter',
      { map: [{ filter: [{ var: 'items' }, { var: 'open' }] }, { var: 'cost' }] },
      ['items.*.cost', 'items.*.open'],
    ],
    [
      'has whole items if they are the result',
      { filter: [{ var: 'items' }, { var: 'open' }] },
      ['items.*', 'items.*.open'],
    ],
    [
      'follows items through map',
      { all: [{ map: [{ var: 'items' }, { var: 'owner' }] }, { var: 'rich' }] },
      ['items.*.owner.rich'],
    ],
    [
      'follows items through merge',
      { map: [{ merge: [{ var: 'a' }, { filter: [{ var: 'b' }, true] }] }, { var: 'x' }] },
      ['a.*.x', 'a.x', 'b.*.x'],
    ],
    [
      'follows both branches',
      { map: [{ if: [{ var: 'c' }, { var: 'a' }, { var: 'b' }] }, { var: 'x' }] },
      ['a.*.x', 'b.*.x', 'c'],
    ],
    [
      'has what a reduce reads of its items',
      { reduce: [{ var: 'items' }, { '+': [{ var: 'current.cost' }, { var: 'accumulator' }] }, { var: 'start' }] },
      ['items.*.cost', 'start'],
    ],
    [
      'has items that an accumulator keeps',
      {
        reduce: [
          { var: 'items' },
          {
            if: [{ '>': [{ var: 'current.a' }, { var: 'accumulator.a' }] }, { var: 'current' }, { var: 'accumulator' }],
          },
          null,
        ],
      },
      ['items.*', 'items.*.a'],
    ],
    // Paths that only the data knows are widened to what is known.
    [
      'has every path that a choice may give',
      { var: [{ if: [{ var: 'c' }, 'pie.filling', 'pie.eta'] }] },
      ['c', 'pie.eta', 'pie.filling'],
    ],
    [
      'widens a path made at run time',
      { var: { cat: ['settlement.tags.', { var: 'wanted' }] } },
      ['settlement.tags', 'wanted'],
    ],
    ['widens only to whole segments', { var: { cat: ['settlement.ta', { var: 'wanted' }] } }, ['settlement', 'wanted']],
    ['widens to everything without a beginning', { var: { var: 'path' } }, ['*', 'path']],
    ['widens segments', { val: ['a', 'b', { var: 'key' }, 'c'] }, ['a.b', 'key']],
    [
      'widens to all that is outside',
      { map: [{ var: 'items' }, { val: [{ var: 'x' }] }] },
      ['*', 'items.*', 'items.*.x'],
    ],
    ['widens a list taken at a path made at run time', { map: [{ var: { var: 'p' } }, { var: 'x' }] }, ['*', 'p']],
    ['has keys that are asked for', { missing: ['vin', 'a.b'] }, ['a.b', 'vin']],
    [
      'has keys in lists and branches',
      { missing: { merge: ['vin', { if: [{ var: 'financing' }, ['apr'], []] }] } },
      ['apr', 'financing', 'vin'],
    ],
    ['has keys of which some must be there', { missing_some: [1, ['a', 'b']] }, ['a', 'b']],
    ['widens keys made at run time', { missing: [{ var: 'key' }] }, ['*', 'key']],
    ['has what is only tested', { exists: ['a', 'b'] }, ['a.b']],
    [
      'keeps handlers apart from the context',
      { try: [{ var: 'a' }, { cat: [{ val: 'type' }, { val: [[2], 'b'] }] }] },
      ['a', 'b'],
    ],
  ];
  test.each(sets)('%s', (_name, rule, reads) => {
    expect(compile(rule).reads).toEqual(reads);
  });
});

/** The leaves of a context by the path of each, as segments. */
function leavesOf(value: unknown, path: readonly string[] = []): string[][] {
  if (typeof value !== 'object' || value === null) return [[...path]];
  return Object.keys(value).flatMap((key) => leavesOf((value as Record<string, unknown>)[key], [...path, key]));
}

function isRead(path: readonly string[], reads: readonly string[]): boolean {
  return reads.some((read) => {
    if (read === '*') return true;
    const segments = read.split('.');
    return segments.slice(0, path.length).every((segment, i) => segment === '*' || segment === path[i]);
  });
}

/** A copy in which the value at a path is another one. */
function changed(value: unknown, [key, ...rest]: readonly string[], to: unknown): unknown {
  if (key === undefined) return to;
  const copy = Array.isArray(value) ? [...(value as unknown[])] : { ...(value as object) };
  return Object.defineProperty(copy, key, {
    value: changed((value as Record<string, unknown>)[key], rest, to),
    enumerable: true,
  });
}

function outcomeOf(rule: unknown, context: unknown): unknown {
  try {
    return { value: compile(rule, { limits: { steps: 2_000 } }).evaluate(context) };
  } catch (error) {
    if (!isTidemarkError(error)) throw error;
    return { code: error.code };
  }
}

const RUNS = process.env['TIDEMARK_LONG'] === undefined ? 3_000 : 200_000;
const other = fc.constantFrom<unknown>('another', 17, null, true, [], { a: 1 });

describe('what is not in the read set', () => {
  const holds = (rule: unknown, context: unknown, pick: number, to: unknown): boolean => {
    if (validate(rule).length > 0) return false;
    const leaves = leavesOf(context).filter(
      (leaf) => leaf.length > 0 && leaf.every((key) => !/[.*\\]/.test(key) && key !== ''),
    );
    const unread = leaves.filter((leaf) => !isRead(leaf, compile(rule).reads));
    const leaf = unread[pick % Math.max(1, unread.length)];
    if (leaf === undefined) return false;
    // Not by toStrictEqual, which takes an own key 'constructor' for the class.
    expect(isDeepStrictEqual(outcomeOf(rule, changed(context, leaf, to)), outcomeOf(rule, context))).toBe(true);
    return true;
  };
  test('never changes what a rule of the core gives', () => {
    let looked = 0;
    const property = fc.property(coreRule(3), coreContext, fc.nat(), other, (rule, context, pick, to) => {
      looked += holds(rule, context, pick, to) ? 1 : 0;
    });
    fc.assert(property, { numRuns: RUNS, seed: 4 });
    expect(looked).toBeGreaterThan(RUNS / 4);
  });
  test('never changes what a senseless rule gives', () => {
    let looked = 0;
    const property = fc.property(hostileRule, hostileContext, fc.nat(), other, (rule, context, pick, to) => {
      looked += holds(rule, context, pick, to) ? 1 : 0;
    });
    fc.assert(property, { numRuns: 2 * RUNS, seed: 5 });
    expect(looked).toBeGreaterThan(RUNS / 8);
  });
});
