import { describe, expect, test } from 'vitest';
import { type Changed, type Told, judge } from './judge.js';
import type { EntityName } from './model.js';

/** Changes one after the other, each announced before the next began, at 10, 20, … */
const made = (...names: readonly string[]): Changed[] =>
  names.map((text, i) => {
    const [entity, version] = text.split('#') as [EntityName, string];
    return { entity, version: Number(version), start: 10 * (i + 1), announced: 10 * (i + 1) + 1 };
  });

/** `begun`, `resync`, or a change; at a moment if it matters. */
const told = (...items: readonly string[]): Told[] =>
  items.map((item, i) => {
    const [what = '', when] = item.split('@');
    const at = Number(when ?? i);
    if (what === 'begun') return { kind: 'begun', at, cursor: '' };
    if (what === 'resync') return { kind: 'resync', at, cursor: '', reason: 'gap' };
    const [entity, version] = what.split('#') as [EntityName, string];
    return { kind: 'change', at, cursor: '', entity, version: Number(version) };
  });

const TERMS = { entities: ['s1', 's2'] as const, ordered: true, coalesced: false };
const CHANGES = made('s1#1', 's1#2', 's2#1', 's1#3');

describe('is right', () => {
  test.each([
    ['all, in order', ['begun', 's1#1', 's1#2', 's2#1', 's1#3']],
    ['a resync in the place of what is missing', ['begun', 's1#1', 'resync@35', 's1#3']],
    ['a resync at the end', ['begun', 's1#1', 'resync@45']],
    ['what was changed before it began', ['begun@25', 's2#1', 's1#3']],
    ['what comes again behind a resync', ['begun', 's1#1', 's1#2', 'resync@25', 's1#1', 's1#2', 's2#1', 's1#3']],
  ])('%s', (_, items) => {
    expect(judge(told(...items), CHANGES, TERMS)).toEqual([]);
  });

  test('the newest of each where it stands for those before', () => {
    expect(judge(told('begun', 's2#1', 's1#3'), CHANGES, { ...TERMS, coalesced: true })).toEqual([]);
  });
  test('any order of two entities where there is none of both', () => {
    const items = told('begun', 's2#1', 's1#1', 's1#2', 's1#3');
    expect(judge(items, CHANGES, { ...TERMS, ordered: false })).toEqual([]);
  });
});

describe('is wrong', () => {
  test.each([
    ['a hole', ['begun', 's1#1', 's2#1', 's1#3'], ['s1#2 is missing before s2#1']],
    [
      'a hole of which it is told later',
      ['begun', 's1#1', 's2#1', 'resync@45', 's1#3'],
      ['s1#2 is missing before s2#1'],
    ],
    ['a resync from before the hole', ['begun', 's1#1', 'resync@15', 's2#1', 's1#3'], ['s1#2 is missing before s2#1']],
    ['a silent end', ['begun', 's1#1', 's1#2', 's2#1'], ['s1#3 is missing at the end']],
    ['something twice', ['begun', 's1#1', 's1#1', 's1#2', 's2#1', 's1#3'], ['s1#1 was told twice']],
    ['two turned round', ['begun', 's1#2', 's1#1', 's2#1', 's1#3'], ['s1#1 was told after s1#2']],
    ['what nobody did', ['begun', 's1#1', 's1#2', 's2#1', 's1#3', 's2#2'], ['s2#2 was never made']],
  ])('%s', (_, items, faults) => {
    expect(judge(told(...items), CHANGES, TERMS)).toEqual(expect.arrayContaining(faults));
  });

  test('two entities turned round, where one was over before the other began', () => {
    const items = told('begun', 's1#1', 's2#1', 's1#2', 's1#3');
    expect(judge(items, CHANGES, TERMS)).toContain('s1#2 was told after s2#1, which began when it had been announced');
  });
  test('the last one missing, though the newest of each is enough', () => {
    const items = told('begun', 's1#1', 's1#2', 's2#1');
    expect(judge(items, CHANGES, { ...TERMS, coalesced: true })).toEqual(['s1#3 is missing at the end']);
  });
});
