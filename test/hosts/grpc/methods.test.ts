import { describe, expect, test } from 'vitest';
import { read, rule as pure } from '../../rules/fields-given.js';
import { rule, world } from './world.js';

// What a server answers and what the engine in this process answers is the same: each case runs on both.
const engines = [
  ['in this process', async () => ({ ...(await world()), pick: 'local' as const })],
  ['over gRPC', async () => ({ ...(await world()), pick: 'remote' as const })],
] as const;

describe.each(engines)('%s', (_, open) => {
  const opened = async () => {
    const all = await open();
    return { ...all, engine: all[all.pick] };
  };

  describe('evaluateCondition', () => {
    test('gives a computed field of an entity', async () => {
      const { engine } = await opened();
      expect(await engine.evaluateCondition({ type: 'settlement', id: 's1', field: 'income' })).toEqual({
        value: 120,
        found: true,
      });
    });

    test('knows ids that are no texts, and says when there is no such entity', async () => {
      const { engine } = await opened();
      const worth = await engine.evaluateCondition({ type: 'structure', id: 7, field: 'worth' });
      const none = await engine.evaluateCondition({ type: 'settlement', id: 'none', field: 'income' });
      expect([worth, none]).toEqual([
        { value: 8, found: true },
        { value: null, found: false },
      ]);
    });

    test('gives null for a field that no rule gives a value', async () => {
      const { engine } = await opened();
      expect(await engine.evaluateCondition({ type: 'settlement', id: 's1', field: 'report' })).toEqual({
        value: null,
        found: true,
      });
    });

    test('evaluates a rule that is nowhere saved, over a context', async () => {
      const { engine } = await opened();
      const asked = { expression: { '>': [{ var: 'level' }, 3] }, context: { level: 4 } };
      expect(await engine.evaluateCondition(asked)).toEqual({ value: true, found: true });
      const traced = await engine.evaluateCondition(asked, { trace: true });
      expect(traced).toMatchObject({ value: true, trace: { value: true, root: { operator: '>', pointer: '' } } });
    });

    const refused = [
      ['an unknown type', { type: 'planet', id: '1', field: 'x' }, 'UNKNOWN_TYPE'],
      ['an unknown field', { type: 'settlement', id: 's1', field: 'name' }, 'INVALID_RULE'],
      ['a blank id', { type: 'settlement', id: ' ', field: 'income' }, 'BLANK_ID'],
      ['an unknown operator', { expression: { nothing: 1 } }, 'RULE_OPERATOR'],
      ['a rule that throws', { expression: { throw: 'enough' } }, 'RULE_THREW'],
      ['what JSON has not', { expression: { var: 'a' }, context: { a: 1n } }, 'UNENCODABLE'],
    ] as const;
    test.each(refused)('refuses %s', async (_name, condition, code) => {
      const { engine } = await opened();
      await expect(engine.evaluateCondition(condition)).rejects.toMatchObject({ code });
    });

    test('says which rule gave a field its value, and how', async () => {
      const { engine } = await opened();
      const field = { type: 'settlement', id: 's1', field: 'income' };
      const { value, trace } = await engine.evaluateCondition(field, { trace: true });
      expect(value).toBe(120);
      expect(trace).toMatchObject({
        value: 120,
        candidates: [{ outcome: 'taken' }],
        trace: { root: { operator: '*' } },
      });
      const none = await engine.evaluateCondition({ ...field, id: 'none' }, { trace: true });
      expect(none).toEqual({ value: null, found: false });
    });

    test('refuses a receipt that is none, and a blank scope', async () => {
      const { engine } = await opened();
      const field = { type: 'settlement', id: 's1', field: 'income' };
      await expect(engine.evaluateCondition(field, { after: 'x' })).rejects.toMatchObject({ code: 'INVALID_RECEIPT' });
      await expect(engine.getEvaluationOrder({ scope: ' ' })).rejects.toMatchObject({ code: 'BLANK_ID' });
    });
  });

  describe('evaluateConditions', () => {
    const income = { key: 'income', type: 'settlement', id: 's1', field: 'income' };
    const hub = { key: 'hub', type: 'settlement', id: 's1', field: 'isTradeHub' };
    const wealth = { key: 'wealth', type: 'kingdom', id: 'k1', field: 'wealth' };
    const sum = { key: 'sum', expression: { '+': [1, 2] } };

    test('answers in the order of the question, and fails only what fails', async () => {
      const { engine } = await opened();
      const broken = { key: 'broken', expression: { nothing: 1 } };
      const { results, evaluationOrder } = await engine.evaluateConditions([hub, broken, sum]);
      expect(results).toEqual([
        { key: 'hub', value: true, found: true },
        { key: 'broken', error: expect.objectContaining({ code: 'RULE_OPERATOR' }) as object },
        { key: 'sum', value: 3, found: true },
      ]);
      expect(evaluationOrder).toEqual(['hub', 'broken', 'sum']);
    });

    test('evaluates fields after those that they read if asked to, expressions last', async () => {
      const { engine } = await opened();
      const asked = [sum, hub, wealth, income];
      const { results, evaluationOrder } = await engine.evaluateConditions(asked, { order: 'dependencies' });
      expect(results.map(({ key }) => key)).toEqual(['sum', 'hub', 'wealth', 'income']);
      expect(evaluationOrder.indexOf('income')).toBeLessThan(evaluationOrder.indexOf('hub'));
      expect(evaluationOrder.indexOf('income')).toBeLessThan(evaluationOrder.indexOf('wealth'));
      expect(evaluationOrder.at(-1)).toBe('sum');
      expect(results.map((one) => ('value' in one ? one.value : one.error))).toEqual([3, true, 150, 120]);
    });

    test('numbers those without a key, and refuses one key twice', async () => {
      const { engine } = await opened();
      const { key: _key, ...unnamed } = sum;
      const { results } = await engine.evaluateConditions([unnamed, unnamed]);
      expect(results.map(({ key }) => key)).toEqual(['0', '1']);
      await expect(engine.evaluateConditions([sum, sum])).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
    });

    test('rejects as a whole where the origin cannot be reached: another replica may answer', async () => {
      const { engine, db, pick } = await opened();
      db.state.down = new Error('connection refused');
      const code = pick === 'local' ? 'ORIGIN_FAILED' : 'RULES_UNAVAILABLE';
      await expect(engine.evaluateConditions([sum, income])).rejects.toMatchObject({ code });
    });
  });

  describe('getEvaluationOrder', () => {
    test('has every field after those that it reads, or some of them', async () => {
      const { engine } = await opened();
      const { fields, total } = await engine.getEvaluationOrder();
      expect(total).toBe(5);
      expect([...fields].sort()).toEqual([
        ...['kingdom.wealth', 'settlement.income', 'settlement.isTradeHub', 'settlement.report', 'structure.worth'],
      ]);
      for (const later of ['kingdom.wealth', 'settlement.isTradeHub'])
        expect(fields.indexOf('settlement.income')).toBeLessThan(fields.indexOf(later));
      const only = ['settlement.isTradeHub', 'settlement.income'];
      expect(await engine.getEvaluationOrder({ only })).toEqual({
        ...{ total: 5, fields: ['settlement.income', 'settlement.isTradeHub'] },
      });
    });

    test('rejects where rules read each other in a circle, with the path', async () => {
      const { engine, db } = await opened();
      db.rules.set('settlement.income', rule('settlement.income', { var: 'settlement.kingdom.wealth' }));
      await expect(engine.getEvaluationOrder()).rejects.toMatchObject({
        code: 'RULE_CYCLE',
        message: expect.stringContaining('kingdom.wealth → kingdom.settlements.*.income') as string,
      });
    });
  });

  describe('validateDependencies', () => {
    test('finds nothing in rules that are right', async () => {
      const { engine } = await opened();
      expect(await engine.validateDependencies()).toEqual({
        ...{ valid: true, cycles: [], moreCycles: false, problems: [] },
      });
    });

    test('finds what others would break if they were saved, and saves nothing', async () => {
      const { engine } = await opened();
      const rules = [
        rule('settlement.income', { var: 'settlement.kingdom.wealth' }),
        pure('settlement.a', { '+': [read('settlement.a')] }),
        rule('settlement.report', { and: [{ nothing: 1 }] }),
      ];
      const found = await engine.validateDependencies({ rules });
      expect(found.valid).toBe(false);
      expect(found.cycles).toEqual([['kingdom.wealth', 'kingdom.settlements.*.income', 'settlement.kingdom.wealth']]);
      expect(found.problems.map(({ rule: id, pointer, code }) => [id, pointer, code])).toEqual([
        ['settlement.a', '', 'INVALID_RULE'],
        ['settlement.report', '/and/0', 'RULE_OPERATOR'],
      ]);
      expect(await engine.validateDependencies()).toMatchObject({ valid: true });
    });
  });

  test('invalidateCache makes the computed fields of a scope stale, and tells their number', async () => {
    const { engine, db, tide } = await opened();
    for (const id of ['s1', 's2']) await engine.evaluateCondition({ type: 'settlement', id, field: 'income' });
    db.rules.set('settlement.income', rule('settlement.income', 5));
    expect(await engine.invalidateCache({ scope: 'elsewhere' })).toMatchObject({ state: 'done', keys: 0 });
    const { receipt, state, keys } = await engine.invalidateCache({ types: ['settlement'] });
    expect([state, keys]).toEqual(['done', 2]);
    const asked = { type: 'settlement', id: 's1', field: 'income' };
    expect(await engine.evaluateCondition(asked, { after: receipt })).toMatchObject({ value: 5 });
    expect((await tide.computed('settlement', 's1'))?.income).toBe(5);
    await expect(engine.invalidateCache({ types: ['planet'] })).rejects.toMatchObject({ code: 'UNKNOWN_TYPE' });
  });

  test('getCacheStats counts reads of computed fields and what is held, with some keys', async () => {
    const { engine } = await opened();
    for (const id of ['s1', 's1', 's2']) await engine.evaluateCondition({ type: 'settlement', id, field: 'income' });
    const keys = ['computed-fields:settlement:s1:main', 'computed-fields:settlement:s2:main'];
    expect(await engine.getCacheStats({ sample: 1 })).toEqual({
      ...{ hits: 1, misses: 2, hitRate: 1 / 3, keys: 2, vsize: null },
      ksize: keys.join('').length,
      sampleKeys: keys.slice(0, 1),
    });
    expect(await engine.getCacheStats({ scope: 'elsewhere' })).toMatchObject({ keys: 0, sampleKeys: [] });
  });
});
