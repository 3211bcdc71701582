import { type Origin, type RuleTable, ruleTable } from 'tidemark';
import {
  type Campaign,
  type Kingdom,
  RULES,
  type Settlement,
  type StateVariable,
  type Structure,
  type model,
} from './model.ts';

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
  putStructure(row: Structure): Promise<Written<Structure>>;
  putStateVariable(row: StateVariable): Promise<Written<StateVariable>>;
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
export const STATE_VARIABLES: readonly StateVariable[] = [
  { id: 'v1', kingdomId: 'k1', settlementId: null, key: 'treasury', value: 400 },
  { id: 'v2', kingdomId: null, settlementId: 's1', key: 'walls', value: 2 },
];

/** In this process, and gone with it. */
export function rowsInMemory(): Rows {
  const [campaigns, kingdoms] = [byId(CAMPAIGNS), byId(KINGDOMS)];
  const [settlements, structures, variables] = [byId(SETTLEMENTS), byId(STRUCTURES), byId(STATE_VARIABLES)];
  return {
    origin: {
      campaign: { byIds: found(campaigns) },
      kingdom: { byIds: found(kingdoms), childrenOf: { campaign: under(kingdoms, 'campaignId') } },
      settlement: {
        byIds: found(settlements),
        childrenOf: { kingdom: under(settlements, 'kingdomId') },
        all: () => settlements.values(),
      },
      structure: { byIds: found(structures), childrenOf: { settlement: under(structures, 'settlementId') } },
      stateVariable: {
        byIds: found(variables),
        childrenOf: { settlement: under(variables, 'settlementId'), kingdom: under(variables, 'kingdomId') },
      },
    },
    rules: ruleTable(RULES),
    editSettlement: async (id, edit) => {
      const before = settlements.get(id);
      return before === undefined ? null : put(settlements, { ...before, ...edit });
    },
    putStructure: async (row) => put(structures, row),
    putStateVariable: async (row) => put(variables, row),
    close: async () => undefined,
  };
}

interface Identified {
  readonly id: string;
}
const byId = <Row extends Identified>(rows: readonly Row[]): Map<string, Row> =>
  new Map(rows.map((row) => [row.id, row]));

/** Those of the ids that there are. */
const found =
  <Row>(rows: ReadonlyMap<string, Row>) =>
  (ids: readonly string[]): Row[] =>
    ids.flatMap((id) => rows.get(id) ?? []);

/** Those that name one of the parents in this field. */
const under =
  <Row, Field extends keyof Row>(rows: ReadonlyMap<string, Row>, field: Field) =>
  (ids: readonly string[]): Row[] =>
    [...rows.values()].filter((row) => ids.includes(String(row[field])));

function put<Row extends Identified>(rows: Map<string, Row>, after: Row): Written<Row> {
  const before = rows.get(after.id) ?? null;
  rows.set(after.id, after);
  return { before, after };
}
