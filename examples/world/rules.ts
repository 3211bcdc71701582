import type { FieldRule } from 'tidemark';
import type { FieldSchema } from 'tidemark/rules';
import { model } from './model.ts';

/** What the world begins with: rules of the computed fields of a settlement, which the page lets people edit. */
export const RULES: readonly FieldRule[] = [
  rule('isTradeHub', 'Many people, and a way to fly out', {
    and: [
      { '>=': [{ var: 'settlement.population' }, 250_000] },
      { some: [{ var: 'settlement.structures' }, { '===': [{ var: 'kind' }, 'airport'] }] },
    ],
  }),
  rule('standing', 'What people would call it', {
    if: [
      { '>=': [{ var: 'settlement.population' }, 1_000_000] },
      'metropolis',
      { '>=': [{ var: 'settlement.population' }, 100_000] },
      'city',
      { '>=': [{ var: 'settlement.population' }, 5_000] },
      'town',
      'village',
    ],
  }),
  rule('income', 'Trade hubs earn a fifth more, each level of the kingdom a tenth', {
    '*': [
      { '/': [{ var: 'settlement.population' }, 1000] },
      { if: [{ var: 'settlement.isTradeHub' }, 1.2, 1] },
      { '+': [1, { '/': [{ var: 'settlement.kingdom.level' }, 10] }] },
    ],
  }),
];

function rule(field: string, description: string, expression: unknown): FieldRule {
  const all = { entityType: 'settlement', entityId: null, priority: 0, isActive: true };
  return { ...all, id: `settlement.${field}`, field, description, expression };
}

/** How far rules can see, for an engine of their own; the tide reads the same off the model. */
export const schema: FieldSchema = {
  kingdom: {},
  settlement: {
    parents: { kingdom: { type: 'kingdom', id: 'kingdomId' } },
    children: { structures: { type: 'structure', by: 'settlement' } },
    computed: model.topology.types.get('settlement')?.computed ?? {},
  },
  structure: { parents: { settlement: { type: 'settlement', id: 'settlementId' } } },
};
