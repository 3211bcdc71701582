import { type Origin, type RuleTable, type TideOptions, ruleTable } from 'tidemark';
import type { Edit } from './bodies.ts';
import { RULES, type Settlement, type StateVariable, type Structure, type model } from './model.ts';
import type { Seed } from './seed.ts';

/** A row before and after it was written, as its own transaction had them. */
export interface Written<Row> {
  readonly before: Row | null;
  readonly after: Row;
}

/** Where the rows of the campaign are kept. */
export interface Rows {
  readonly origin: Origin<typeof model>;
  readonly rules: RuleTable;
  /** What answers where things are; left out where an index in the process does. */
  readonly spatial?: TideOptions<typeof model>['spatial'];
  /** Raises its version by one. Null if there is none. */
  editSettlement(id: string, edit: Edit): Promise<Written<Settlement> | null>;
  putStructure(row: Structure): Promise<Written<Structure>>;
  putStateVariable(row: StateVariable): Promise<Written<StateVariable>>;
  close(): Promise<void>;
}

/** In this process, and gone with it. */
export function rowsInMemory(seed: Seed): Rows {
  const [campaigns, kingdoms, settlements] = [byId(seed.campaign), byId(seed.kingdom), byId(seed.settlement)];
  const [structures, variables] = [byId(seed.structure), byId(seed.stateVariable)];
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
      if (before === undefined) return null;
      return put(settlements, { ...before, ...edit, version: before.version + 1 });
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
  (ids: readonly string[]): Row[] => {
    const parents = new Set(ids);
    return [...rows.values()].filter((row) => parents.has(String(row[field])));
  };

function put<Row extends Identified>(rows: Map<string, Row>, after: Row): Written<Row> {
  const before = rows.get(after.id) ?? null;
  rows.set(after.id, after);
  return { before, after };
}
