import { type FieldRule, type Scope, type Tidemark, defineModel, entity } from 'tidemark';

export interface Campaign {
  readonly id: string;
  readonly name: string;
}
export interface Kingdom {
  readonly id: string;
  readonly campaignId: string;
  readonly name: string;
  readonly taxRate: number;
}
export interface Settlement {
  readonly id: string;
  readonly kingdomId: string;
  readonly name: string;
  readonly level: number;
  readonly x: number;
  readonly y: number;
  /** Raised by one with each write: of two answers it says which is newer. */
  readonly version: number;
}
export interface Structure {
  readonly id: string;
  readonly settlementId: string;
  readonly kind: string;
  readonly level: number;
}
/** A value that designers name and rules may read: of a kingdom, or of a settlement. */
export interface StateVariable {
  readonly id: string;
  readonly kingdomId: string | null;
  readonly settlementId: string | null;
  readonly key: string;
  readonly value: number;
}
export interface User {
  readonly name: string;
}

export const model = defineModel({
  entities: {
    campaign: entity<Campaign>()({}),
    kingdom: entity<Kingdom>()({ parents: { campaign: 'campaignId' } }),
    settlement: entity<Settlement>()({
      parents: { kingdom: 'kingdomId' },
      version: 'version',
      geometry: ({ x, y }) => ({ x, y }),
      computed: { income: 'number', isTradeHub: 'boolean' },
      announce: ['name', 'level', 'x', 'y'],
    }),
    structure: entity<Structure>()({ parents: { settlement: 'settlementId' }, announce: ['kind', 'level'] }),
    stateVariable: entity<StateVariable>()({
      parents: { settlement: 'settlementId', kingdom: 'kingdomId' },
      announce: ['key', 'value'],
    }),
  },
  // A map of nowhere, as large as it is.
  spatial: { srid: 0, extent: { min: { x: 0, y: 0 }, max: { x: 1000, y: 1000 } } },
});
export type Tide = Tidemark<typeof model, User>;
/** What one request reads and writes through. */
export type World = Scope<typeof model, User>;

const ruleOf = (field: string, expression: unknown): FieldRule => ({
  ...{ id: `settlement.${field}`, entityType: 'settlement', entityId: null, field },
  ...{ expression, priority: 0, isActive: true },
});
/** Those that every campaign begins with. */
export const RULES: readonly FieldRule[] = [
  ruleOf('income', { '*': [{ var: 'settlement.level' }, { var: 'settlement.kingdom.taxRate' }] }),
  ruleOf('isTradeHub', {
    or: [
      { '>=': [{ var: 'settlement.income' }, 50] },
      { some: [{ var: 'settlement.structures' }, { '==': [{ var: 'kind' }, 'market'] }] },
    ],
  }),
];
