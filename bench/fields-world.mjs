import assert from 'node:assert/strict';
import { compileFields, createFieldEngine } from 'tidemark/rules';
import { seeded } from './random.mjs';

/** Worlds of rows with computed fields, and the same values computed from nothing. */

const read = (path) => ({ var: path });
const sum = (list, path) => ({
  reduce: [read(list), { '+': [read(`current.${path}`), read('accumulator')] }, 0],
});
export const rule = (place, expression) => {
  const [entityType, field] = place.split('.');
  return { id: place, entityType, entityId: null, field, expression, priority: 0, isActive: true };
};

// ── A tree of 10,000 entities ───────────────────────────────────────────────────────────────────────────────────

const KINGDOMS = 20;
const SETTLEMENTS = 50;
const STRUCTURES = 9;

const treeSchema = {
  kingdom: {
    children: { settlements: { type: 'settlement' } },
    computed: { wealth: 'number', power: 'number', rank: 'string' },
  },
  settlement: {
    parents: { kingdom: { type: 'kingdom', id: 'kingdomId' } },
    children: { structures: { type: 'structure' } },
    computed: { income: 'number', defence: 'number', isTradeHub: 'boolean', tax: 'number', title: 'string' },
  },
  structure: {
    parents: { settlement: { type: 'settlement', id: 'settlementId' } },
    computed: { output: 'number', upkeep: 'number', safe: 'boolean' },
  },
};
const treeRules = [
  rule('structure.output', { '*': [read('structure.level'), { '+': [read('structure.settlement.level'), 1] }] }),
  rule('structure.upkeep', { '+': [read('structure.level'), read('structure.settlement.kingdom.taxRate')] }),
  rule('structure.safe', { '>=': [read('structure.integrity'), 50] }),
  rule('settlement.income', sum('settlement.structures', 'output')),
  rule('settlement.defence', sum('settlement.structures', 'level')),
  rule('settlement.tax', { '*': [read('settlement.income'), read('settlement.kingdom.taxRate')] }),
  rule('settlement.isTradeHub', {
    and: [{ '>': [read('settlement.income'), 200] }, { '>=': [read('settlement.level'), 5] }],
  }),
  rule('settlement.title', { if: [read('settlement.isTradeHub'), 'hub', 'town'] }),
  rule('kingdom.wealth', sum('kingdom.settlements', 'tax')),
  rule('kingdom.power', sum('kingdom.settlements', 'defence')),
  rule('kingdom.rank', { if: [{ '>': [read('kingdom.wealth'), 20_000] }, 'great', 'small'] }),
];

export function treeOf() {
  const random = seeded(11);
  const upTo = (most) => 1 + Math.floor(random() * most);
  const kingdom = Array.from({ length: KINGDOMS }, (_, i) => ({ id: `k${i}`, name: `K${i}`, taxRate: upTo(5) }));
  const settlement = Array.from({ length: KINGDOMS * SETTLEMENTS }, (_, i) => ({
    ...{ id: `s${i}`, kingdomId: `k${Math.floor(i / SETTLEMENTS)}`, name: `S${i}`, level: upTo(10) },
  }));
  const structure = Array.from({ length: settlement.length * STRUCTURES }, (_, i) => ({
    ...{
      id: `x${i}`,
      settlementId: `s${Math.floor(i / STRUCTURES)}`,
      kind: 'mill',
      level: upTo(5),
      integrity: upTo(100),
    },
  }));
  return { rows: { kingdom, settlement, structure }, set: compileFields(treeRules, treeSchema) };
}

/** Entities, and from how many places of others and of itself their values are made. */
export function sizesOf({ rows, set }) {
  let dependencies = 0;
  for (const type of Object.keys(rows)) {
    for (const { type: of, hops } of set.parts.order.flatMap((field) => (field.type === type ? field.reads : []))) {
      // As many values are read as there are rows at either end, whichever are more.
      dependencies += hops.length === 0 ? rows[type].length : Math.max(rows[type].length, rows[of].length);
    }
  }
  return { entities: Object.values(rows).reduce((all, { length }) => all + length, 0), dependencies };
}

export function engineOf({ rows, set }) {
  const failures = [];
  const engine = createFieldEngine(set, { now: 0, onFailure: (failure) => failures.push(failure) });
  for (const [type, all] of Object.entries(rows)) engine.load(type, all);
  engine.valuesOf(Object.keys(rows)[0], '');
  assert.deepEqual(failures, []);
  return engine;
}

/** Compares every value with that of an engine that was given the rows as they are now. */
export function verify(engine, { rows, set }) {
  const anew = engineOf({ rows, set });
  for (const [type, all] of Object.entries(rows)) {
    for (const { id } of all) assert.deepEqual(engine.valuesOf(type, id), anew.valuesOf(type, id));
  }
}

// ── 100 rules over 1,000 entities ───────────────────────────────────────────────────────────────────────────────

const FIELDS = 100;
const ENTITIES = 1000;
const NUMBERS = ['population', 'level', 'wealth', 'food', 'defence', 'morale', 'trade', 'age', 'roads', 'faith'];

/** Each a few comparisons and sums of three of ten numbers of the row; every fifth reads the one before as well. */
export function wideOf() {
  const random = seeded(12);
  const pick = () => read(`settlement.${NUMBERS[Math.floor(random() * NUMBERS.length)]}`);
  const rules = Array.from({ length: FIELDS }, (_, i) => {
    const more = i % 5 === 4 ? read(`settlement.f${i - 1}`) : pick();
    const number = { '+': [{ '*': [pick(), 2] }, more] };
    return rule(`settlement.f${i}`, { if: [{ and: [{ '>': [pick(), 40] }, { '<': [pick(), 90] }] }, number, 0] });
  });
  const computed = Object.fromEntries(rules.map(({ field }) => [field, 'number']));
  const rows = Array.from({ length: ENTITIES }, (_, i) => ({
    id: `s${i}`,
    ...Object.fromEntries(NUMBERS.map((name) => [name, Math.floor(random() * 100)])),
  }));
  return { rows: { settlement: rows }, set: compileFields(rules, { settlement: { computed } }) };
}
