import { describe, expect, test } from 'vitest';
import { compile, explainRule } from '../../src/rules/index.js';
import { evaluationsOf } from './evaluations.js';

const isTradeHub = {
  and: [
    { '>=': [{ var: 'settlement.level' }, 3] },
    {
      if: [
        { var: 'settlement.port' },
        { '>': [{ var: 'settlement.trade' }, 10] },
        { '>': [{ var: 'settlement.trade' }, 50] },
      ],
    },
  ],
};

describe('a trace', () => {
  test('has the value of each node that ran, with its place and the branch taken', () => {
    const { value, steps, root } = compile(isTradeHub).trace({ settlement: { level: 4, port: false, trade: 60 } });
    expect([value, steps]).toEqual([true, 0]);
    expect(root).toMatchObject({
      ...{ pointer: '', operator: 'and', value: true, taken: '/and/1' },
      children: [
        {
          pointer: '/and/0',
          operator: '>=',
          value: true,
          children: [{ pointer: '/and/0/>=/0', operator: 'var', value: 4, children: [] }],
        },
        {
          ...{ pointer: '/and/1', operator: 'if', value: true, taken: '/and/1/if/2' },
          children: [
            { pointer: '/and/1/if/0', operator: 'var', value: false },
            { pointer: '/and/1/if/2', operator: '>', value: true, children: [{ value: 60 }] },
          ],
        },
      ],
    });
    expect(JSON.stringify(root)).not.toContain('/and/1/if/1');
  });
  test('names a branch that is a plain value, and none where there is none', () => {
    const rule = compile({ if: [{ var: 'a' }, 'yes', { var: 'b' }, { or: [{ var: 'a' }, 'both'] }] });
    expect(rule.trace({ a: true }).root.taken).toBe('/if/1');
    const { root } = rule.trace({ b: true });
    expect([root.taken, root.children.at(-1)?.taken]).toEqual(['/if/3', '/if/3/or/1']);
    expect(rule.trace({ a: false, b: false }).root).toMatchObject({ value: null });
    expect(rule.trace({ a: false, b: false }).root.taken).toBeUndefined();
    expect(compile({ or: [] }).trace(null).root.taken).toBeUndefined();
  });
  test('ends where the rule ended', () => {
    const { root } = compile(isTradeHub).trace({ settlement: { level: 1 } });
    expect(root).toMatchObject({ value: false, taken: '/and/0', children: [{ value: false }] });
    expect(root.children).toHaveLength(1);
  });
  test('has the body of a loop once per item, and the steps of each', () => {
    const rule = compile({ map: [{ var: 'list' }, { '*': [{ var: '' }, 2] }] });
    const { root, steps } = rule.trace({ list: [1, 2, 3] });
    expect(root.children.map(({ pointer, value }) => [pointer, value])).toEqual([
      ['/map/0', [1, 2, 3]],
      ...[2, 4, 6].map((value) => ['/map/1', value]),
    ]);
    expect(root.steps).toBe(steps);
    expect(steps).toBe(3);
    expect(root.taken).toBeUndefined();
  });
  test('of a rule that fails says which node did, and what came before', () => {
    const { error, root } = compile({ '+': [{ var: 'a' }, { '/': [{ var: 'b' }, 0] }] }).trace({ a: 1, b: 2 });
    expect(error).toMatchObject({
      code: 'RULE_NAN',
      message: "rule /+/1: '/' expected a finite result, got Infinity.",
    });
    expect(root).toMatchObject({
      pointer: '',
      error,
      children: [{ value: 1 }, { pointer: '/+/1', error, children: [{ value: 2 }] }],
    });
    expect('value' in root).toBe(false);
  });
  test('shows what a try caught', () => {
    const { root } = compile({ try: [{ throw: 'x' }, { val: 'type' }] }).trace(null);
    expect(root).toMatchObject({
      ...{ value: 'x', taken: '/try/1' },
      children: [
        { operator: 'throw', error: { code: 'RULE_THREW' } },
        { operator: 'val', value: 'x' },
      ],
    });
  });
  test('keeps no more than a page can show, and says how much it left out', () => {
    const trace = compile({ map: [{ var: 'list' }, { '!': [{ var: '' }] }] }).trace({ list: new Array(8_000).fill(1) });
    const count = ({ children }: { children: readonly (typeof trace.root)[] }): number =>
      children.reduce((sum, child) => sum + count(child), 1);
    expect(count(trace.root)).toBe(10_000);
    expect(evaluationsOf(trace)).toBe(2 + 2 * 8_000);
    expect(trace.value).toHaveLength(8_000);
  });
  test('of a constant is one node', () => {
    expect(compile(5).trace(null)).toMatchObject({ value: 5, root: { pointer: '', value: 5, children: [] } });
  });
});

test('explainRule writes a trace as lines', () => {
  const said = explainRule(isTradeHub, { settlement: { level: 4, port: false, trade: 60 } });
  expect(said.split('\n')).toEqual([
    '/ and: true, by /and/1',
    '  /and/0 >=: true',
    '    /and/0/>=/0 var: 4',
    '  /and/1 if: true, by /and/1/if/2',
    '    /and/1/if/0 var: false',
    '    /and/1/if/2 >: true',
    '      /and/1/if/2/>/0 var: 60',
    '0 steps',
  ]);
  expect(explainRule({ '/': [1, { var: 'a' }] }, { a: 0 })).toBe(
    ["/ /: failed: rule (whole): '/' expected a finite result, got Infinity.", '  /~1/1 var: 0', '0 steps'].join('\n'),
  );
});
