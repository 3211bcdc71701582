import { isTidemarkError } from '../../src/errors.js';
import {
  type EntityFacts,
  type FieldRule,
  type FieldSchema,
  type FieldSet,
  compileFields,
} from '../../src/rules/index.js';

/** A schema, rules for it in a line each, and facts of one settlement. */

export const schema: FieldSchema = {
  kingdom: { children: { settlements: { type: 'settlement' } }, computed: { wealth: 'number', rank: 'string' } },
  settlement: {
    parents: { kingdom: { type: 'kingdom', id: 'kingdomId' } },
    children: { structures: { type: 'structure' } },
    computed: { a: 'number', b: 'number', c: 'number', d: 'number', open: 'boolean', list: 'json' },
  },
  structure: {
    parents: { settlement: { type: 'settlement', id: (row) => (row as { settlementId: string }).settlementId } },
    computed: { output: 'number' },
  },
};

export const read = (path: string): unknown => ({ var: path });
/** A rule for 'settlement.a', of id 'settlement.a' unless told otherwise. */
export function rule(place: string, expression: unknown, more: Partial<FieldRule> = {}): FieldRule {
  const [entityType, field] = place.split('.') as [string, string];
  return { ...{ id: place, entityType, entityId: null, field, expression, priority: 0, isActive: true }, ...more };
}
export const fields = (...rules: FieldRule[]): FieldSet => compileFields(rules, schema);
export const settlement = (row: object = {}, more: Partial<EntityFacts> = {}): EntityFacts => ({
  row: { id: 's1', ...row },
  ...more,
});
export const valueOf = (set: FieldSet, field: string, facts: EntityFacts = settlement()): unknown =>
  set.evaluate('settlement', facts, { now: 0 }).values[field];

export function refusal(make: () => unknown): { readonly code: string; readonly message: string } {
  try {
    make();
  } catch (error) {
    if (isTidemarkError(error)) return { code: error.code, message: error.message };
    throw error;
  }
  throw new Error('nothing was refused');
}
