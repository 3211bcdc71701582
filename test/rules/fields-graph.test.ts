import { describe, expect, test } from 'vitest';
import { type FieldRule, type FieldSchema, type FieldSet, compileFields } from '../../src/rules/index.js';
import { fields, read, refusal, rule, valueOf } from './fields-given.js';

describe('the graph of fields', () => {
  const plus = (field: string, ...reads: string[]): FieldRule =>
    rule(`settlement.${field}`, { '+': [1, ...reads.map((one) => read(`settlement.${one}`))] });
  const settlementOrder = ({ order }: FieldSet): string[] =>
    order.filter((key) => /^settlement\.[abcd]$/.test(key)).map((key) => key.slice(-1));

  test('orders a chain', () => {
    const set = fields(plus('a', 'b'), plus('b', 'c'), plus('c', 'd'), plus('d'));
    expect(settlementOrder(set)).toEqual(['d', 'c', 'b', 'a']);
    expect(valueOf(set, 'a')).toBe(4);
  });
  test('orders a diamond', () => {
    const set = fields(plus('a', 'b', 'c'), plus('b', 'd'), plus('c', 'd'), plus('d'));
    expect(settlementOrder(set)).toEqual(['d', 'b', 'c', 'a']);
    expect(valueOf(set, 'a')).toBe(5);
  });
  test('orders across entities', () => {
    const set = fields(
      rule('settlement.a', read('settlement.kingdom.wealth')),
      rule('kingdom.wealth', { '+': [{ map: [read('kingdom.settlements'), read('b')] }] }),
      rule('settlement.b', { '+': [{ map: [read('settlement.structures'), read('output')] }] }),
    );
    const keys = ['structure.output', 'settlement.b', 'kingdom.wealth', 'settlement.a'];
    expect(set.order.filter((key) => keys.includes(key))).toEqual(keys);
  });

  const circles: readonly (readonly [string, readonly FieldRule[], readonly string[]])[] = [
    ['of two', [plus('a', 'b'), plus('b', 'a'), plus('c')], ['settlement.a → settlement.b → settlement.a']],
    ['of one', [plus('a', 'a')], ['settlement.a → settlement.a']],
    [
      'beside each other, each of them',
      [plus('a', 'b'), plus('b', 'a'), plus('c', 'd'), plus('d', 'c')],
      ['settlement.a → settlement.b → settlement.a', 'settlement.c → settlement.d → settlement.c'],
    ],
    [
      'through each other, each of them',
      [plus('a', 'b', 'c'), plus('b', 'a', 'c'), plus('c', 'a')],
      [
        'settlement.a → settlement.b → settlement.a',
        'settlement.a → settlement.b → settlement.c → settlement.a',
        'settlement.a → settlement.c → settlement.a',
      ],
    ],
    [
      'through relations',
      [
        rule('settlement.a', read('settlement.kingdom.wealth')),
        rule('kingdom.wealth', { '+': [{ map: [read('kingdom.settlements'), read('a')] }] }),
      ],
      ['kingdom.wealth → kingdom.settlements.*.a → settlement.kingdom.wealth'],
    ],
    [
      'of one field through its siblings',
      [rule('settlement.a', read('settlement.kingdom.settlements.0.a'))],
      ['settlement.a → settlement.kingdom.settlements.0.a'],
    ],
    [
      'of rules for single entities',
      [
        { ...plus('a', 'b'), entityId: 's1' },
        { ...plus('b', 'a'), entityId: 's2' },
      ],
      ['settlement.a → settlement.b → settlement.a'],
    ],
  ];
  test.each(circles)('refuses circles %s', (_name, rules, paths) => {
    const { code, message } = refusal(() => fields(...rules));
    expect(code).toBe('RULE_CYCLE');
    expect(message).toBe(`rules: fields read each other in a circle: ${paths.join('; ')}.`);
  });

  test('refuses countless circles with some of them', () => {
    const names = Array.from({ length: 30 }, (_, i) => `f${String(i)}`);
    const wide: FieldSchema = { t: { computed: Object.fromEntries(names.map((name) => [name, 'number'])) } };
    const rules = names.map((name) => rule(`t.${name}`, { '+': names.map((other) => read(`t.${other}`)) }));
    const { code, message } = refusal(() => compileFields(rules, wide));
    expect(code).toBe('RULE_CYCLE');
    expect(message.split('; ').length).toBe(21);
    expect(message).toMatch(/; and more\.$/);
  });

  test('knows no circle through rules that are not active', () => {
    expect(valueOf(fields({ ...plus('a', 'b'), isActive: false }, plus('b', 'a')), 'b')).toBe(1);
  });
});

describe('readersOf', () => {
  const set = fields(
    rule('settlement.a', read('settlement.kingdom.level')),
    rule('settlement.b', read('settlement.kingdom.wealth')),
    rule('kingdom.wealth', { '+': [{ map: [read('kingdom.settlements'), read('variables.gold')] }] }),
    rule('structure.output', read('structure.settlement.kingdom.level')),
  );
  const found = (type: string, path?: string): string[] =>
    set
      .readersOf(type, path)
      .map(({ type: of, field, hops }) => [of, field, ...hops].join(' '))
      .sort();

  test('names the fields that depend on one, with the way', () => {
    expect(found('kingdom', 'level')).toEqual(['settlement a kingdom', 'structure output settlement kingdom']);
    expect(found('kingdom', 'wealth')).toEqual(['settlement b kingdom']);
    expect(found('settlement', 'variables')).toEqual(['kingdom wealth settlements']);
    expect(found('settlement', 'variables.gold.coins')).toEqual(['kingdom wealth settlements']);
    expect(found('settlement', 'variables.silver')).toEqual([]);
    expect(found('settlement', 'name')).toEqual([]);
  });
  test('counts the links that lead there', () => {
    const moved = ['kingdom wealth settlements', 'settlement a', 'settlement b', 'structure output settlement'];
    expect(found('settlement', 'kingdomId')).toEqual(moved);
    // What a function looks into is not known.
    expect(found('structure', 'anything')).toEqual(['structure output']);
  });
  test('names all that depends on rows that come and go', () => {
    expect(found('settlement')).toEqual([
      ...['kingdom wealth settlements', 'settlement a', 'settlement b', 'structure output settlement'],
    ]);
  });
  test('says how to come back from there', () => {
    const [reader] = set.readersOf('kingdom', 'level').filter(({ type }) => type === 'structure');
    expect(reader?.back).toEqual([
      { type: 'settlement', to: 'children', link: 'kingdom' },
      { type: 'structure', to: 'children', link: 'settlement' },
    ]);
    expect(set.readersOf('settlement', 'variables')[0]?.back).toEqual([
      { type: 'kingdom', to: 'parents', link: 'kingdom' },
    ]);
  });
});
