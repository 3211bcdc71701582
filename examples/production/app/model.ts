import { defineModel, entity } from 'tidemark';
import type { PostgisTable } from 'tidemark/postgres';
import type { FieldRule } from 'tidemark/rules';

export interface Kingdom {
  readonly id: string;
  readonly name: string;
  readonly tax: number;
}
export interface Settlement {
  readonly id: string;
  readonly kingdomId: string;
  readonly name: string;
  readonly level: number;
}

export const model = defineModel({
  entities: {
    kingdom: entity<Kingdom>()({}),
    settlement: entity<Settlement>()({
      parents: { kingdom: 'kingdomId' },
      computed: { income: 'number' },
      announce: ['name', 'level'],
    }),
  },
});

/** As pgOrigin() takes them, and `npx tidemark doctor --app` too. */
export const tables = {
  kingdom: { table: 'kingdoms', id: 'id', columns: { name: 'name', tax: 'tax' } },
  settlement: {
    table: 'settlements',
    id: 'id',
    deletedAt: 'deleted_at',
    geometry: 'place',
    columns: { kingdomId: 'kingdom_id', name: 'name', level: 'level' },
    parents: { kingdom: 'kingdom_id' },
    orderBy: ['founded_at'],
  },
} as const satisfies { readonly kingdom: object; readonly settlement: PostgisTable };

const income: FieldRule = {
  ...{ id: 'income', entityType: 'settlement', entityId: null, field: 'income', priority: 0, isActive: true },
  expression: { '*': [{ var: 'settlement.level' }, { var: 'settlement.kingdom.tax' }] },
};
export const rules = { source: (): readonly FieldRule[] => [income] };
