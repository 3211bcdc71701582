import { type Origin, type RuleTable, ruleTable } from 'tidemark';
import { type Campaign, type Kingdom, RULES, type Settlement, type Structure, type model } from './model.js';

/** A row before and after it was written, as its own transaction had them. */
export interface Written<Row> {
  readonly before: Row | null;
  readonly after: Row;
}

/** Where the rows of the campaign are kept. */
export interface Rows {
  readonly origin: Origin<typeof model>;
  readonly rules: RuleTable;
  /** Null if there is none. */
  editSettlement(
    id: string,
    edit: Partial<Pick<Settlement, 'name' | 'level' | 'x' | 'y'>>,
  ): Promise<Written<Settlement> | null>;
  addStructure(row: Structure): Promise<Written<Structure>>;
  close(): Promise<void>;
}

export const CAMPAIGNS: readonly Campaign[] = [{ id: 'c1', name: 'The Northmarch' }];
export const KINGDOMS: readonly Kingdom[] = [
  { id: 'k1', campaignId: 'c1', name: 'Aldermoor', taxRate: 10 },
  { id: 'k2', campaignId: 'c1', name: 'Brack', taxRate: 5 },
];
export const SETTLEMENTS: readonly Settlement[] = [
  { id: 's1', kingdomId: 'k1', name: 'Harrow', level: 3, x: 10, y: 10 },
  { id: 's2', kingdomId: 'k1', name: 'Mora', level: 6, x: 13, y: 14 },
  { id: 's3', kingdomId: 'k2', name: 'Tarn', level: 4, x: 300, y: 200 },
];
export const STRUCTURES: readonly Structure[] = [
  { id: 'm1', settlementId: 's1', kind: 'mill', level: 1 },
  { id: 'm2', settlementId: 's2', kind: 'market', level: 2 },
];

/** In this process, and gone with it. */
export function rowsInMemory(): Rows {
  const settlements = new Map(SETTLEMENTS.map((row) => [row.id, row]));
  const structures = new Map(STRUCTURES.map((row) => [row.id, row]));
  const found = <Row>(rows: ReadonlyMap<string, Row>, ids: readonly string[]): Row[] =>
    ids.flatMap((id) => rows.get(id) ?? []);
  const byId = <Row extends { readonly id: string }>(rows: readonly Row[]) => new Map(rows.map((row) => [row.id, row]));
  const [campaigns, kingdoms] = [byId(CAMPAIGNS), byId(KINGDOMS)];
  return {
    origin: {
      campaign: { byIds: (ids) => found(campaigns, ids) },
      kingdom: {
        byIds: (ids) => found(kingdoms, ids),
        childrenOf: { campaign: (ids) => KINGDOMS.filter(({ campaignId }) => ids.includes(campaignId)) },
      },
      settlement: {
        byIds: (ids) => found(settlements, ids),
        childrenOf: { kingdom: (ids) => [...settlements.values()].filter(({ kingdomId }) => ids.includes(kingdomId)) },
        all: () => settlements.values(),
      },
      structure: {
        byIds: (ids) => found(structures, ids),
        childrenOf: {
          settlement: (ids) => [...structures.values()].filter(({ settlementId }) => ids.includes(settlementId)),
        },
      },
    },
    rules: ruleTable(RULES),
    editSettlement: async (id, edit) => {
      const before = settlements.get(id);
      if (before === undefined) return null;
      const after = { ...before, ...edit };
      settlements.set(id, after);
      return { before, after };
    },
    addStructure: async (row) => {
      const before = structures.get(row.id) ?? null;
      structures.set(row.id, row);
      return { before, after: row };
    },
    close: async () => undefined,
  };
}
