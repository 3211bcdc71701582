import { describe, expect, test } from 'vitest';
import type { Facts } from '../../examples/rules/facts.js';
import { worldOperators } from '../../examples/rules/operators.js';
import { isTidemarkError } from '../../src/errors.js';
import { compile, validate } from '../../src/rules/index.js';

const NOW = Date.UTC(2026, 10, 26);
const facts: Facts = {
  now: NOW,
  settlement: {
    ...{ level: 3, kingdomId: 'k1', locationId: 'l1', place: { x: 3, y: 4 } },
    variables: { population: 1_200, founded: '2026-11-20T12:00:00Z' },
    structures: [{ type: 'market' }, { type: 'mill' }, { type: 'market' }],
  },
  structure: { level: 2, type: 'mill', operational: true, settlementId: 's1', variables: { output: 7 } },
  regions: {
    north: {
      ring: [
        { x: 0, y: 0 },
        { x: 10, y: 0 },
        { x: 10, y: 10 },
        { x: 0, y: 10 },
      ],
    },
    notch: {
      ring: [
        { x: 0, y: 0 },
        { x: 10, y: 0 },
        { x: 3.5, y: 3 },
        { x: 0, y: 10 },
      ],
    },
  },
  locations: { capital: { x: 0, y: 0 } },
};
const evaluate = (rule: unknown, context: Facts = facts): unknown =>
  compile(rule, { operators: worldOperators }).evaluate(context);

describe('the operators of a world', () => {
  const rules: readonly (readonly [unknown, unknown, readonly string[]])[] = [
    [{ 'settlement.level': [] }, 3, ['settlement.level']],
    [{ 'settlement.var': ['population'] }, 1_200, ['settlement.variables.population']],
    [{ 'settlement.var': 'absent' }, null, ['settlement.variables.absent']],
    [{ 'settlement.hasStructureType': ['market'] }, true, ['settlement.structures']],
    [{ 'settlement.hasStructureType': ['temple'] }, false, ['settlement.structures']],
    [{ 'settlement.structureCount': [] }, 3, ['settlement.structures']],
    [{ 'settlement.structureCount': ['market'] }, 2, ['settlement.structures']],
    [{ 'settlement.inKingdom': ['k1'] }, true, ['settlement.kingdomId']],
    [{ 'settlement.atLocation': ['l2'] }, false, ['settlement.locationId']],
    [{ 'structure.level': [] }, 2, ['structure.level']],
    [{ 'structure.type': [] }, 'mill', ['structure.type']],
    [{ 'structure.var': ['output'] }, 7, ['structure.variables.output']],
    [{ 'structure.isOperational': [] }, true, ['structure.operational']],
    [{ 'structure.inSettlement': ['s1'] }, true, ['structure.settlementId']],
    [{ 'spatial.inside': ['north'] }, true, ['regions.north', 'settlement.place']],
    [{ 'spatial.inside': ['notch'] }, false, ['regions.notch', 'settlement.place']],
    [{ 'spatial.inside': ['nowhere'] }, false, ['regions.nowhere', 'settlement.place']],
    [{ 'spatial.distanceFrom': ['capital'] }, 5, ['locations.capital', 'settlement.place']],
    [{ 'spatial.distanceFrom': ['nowhere'] }, null, ['locations.nowhere', 'settlement.place']],
    [{ 'temporal.daysSince': [{ 'settlement.var': ['founded'] }] }, 5, ['now', 'settlement.variables.founded']],
    [{ 'temporal.daysSince': [NOW - 86_400_000] }, 1, ['now']],
    [{ 'temporal.daysSince': ['no date'] }, null, ['now']],
    [{ 'settlement.var': [{ var: 'wanted' }] }, null, ['settlement.variables', 'wanted']],
    [{ 'settlement.var': ['a.b'] }, null, ['settlement.variables']],
  ];
  test.each(rules)('%j is %j', (rule, value, reads) => {
    const compiled = compile(rule, { operators: worldOperators });
    expect(compiled.evaluate(facts)).toBe(value);
    expect(compiled.evaluateMany([facts, facts])).toEqual([value, value]);
    expect(compiled.trace(facts).value).toBe(value);
    expect(compiled.reads).toEqual(reads);
  });
  test('are all tried above', () => {
    const tried = rules.map(([rule]) => Object.keys(rule as object)[0]);
    expect(worldOperators.names.filter((name) => !tried.includes(name))).toEqual([]);
  });
  test('are compared by value, not as promises', () => {
    // In the system these come from they were asynchronous in an engine that was not: a comparison saw a promise.
    const isTradeHub = {
      and: [{ '>=': [{ 'settlement.level': [] }, 3] }, { '>': [{ 'settlement.structureCount': ['market'] }, 1] }],
    };
    expect(evaluate(isTradeHub)).toBe(true);
    expect(evaluate({ '<': [{ 'settlement.level': [] }, 3] })).toBe(false);
    expect(evaluate({ map: [['market', 'mill'], { 'settlement.structureCount': [{ var: '' }] }] })).toEqual([2, 1]);
  });
  test('give null for facts that were not loaded, and say which one they cannot do without', () => {
    expect(evaluate({ 'settlement.level': [] }, {})).toBeNull();
    expect(evaluate({ 'settlement.structureCount': [] }, { settlement: null })).toBe(0);
    expect(() => evaluate({ 'temporal.daysSince': [0] }, {})).toThrow(
      "'temporal.daysSince' threw: the fact `now` is missing",
    );
    const [row] = compile({ 'temporal.daysSince': [0] }, { operators: worldOperators }).evaluateMany([{}]);
    expect(isTidemarkError(row) && row.code).toBe('OPERATOR_FAILED');
  });
  test('are unknown without being registered', () => {
    expect(validate({ 'settlement.level': [] })).toMatchObject([{ code: 'RULE_OPERATOR' }]);
    expect(validate({ 'settlement.level': [1] }, { operators: worldOperators })).toMatchObject([
      { code: 'RULE_ARGUMENTS' },
    ]);
  });
});
