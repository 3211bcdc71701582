import type { OriginContext, Sql } from 'tidemark';
import { pgOrigin } from 'tidemark/postgres';
import { KINDS, TYPES } from '../data/kinds.ts';
import type { Mirror } from '../data/tables.ts';
import type { TypeName, WorldModel, WorldOrigin, WorldRow } from '../model.ts';
import { originTables } from './layout.ts';

/** What tidemark asks when it has no fresh value: one statement for all ids of a batch. */

export interface PgWorldOriginOptions {
  readonly sql: Sql;
  readonly schema: string;
  /** Knows what is beneath something deleted, which Postgres holds like any other row; and fills the index of places. */
  readonly mirror: Pick<Mirror, 'all' | 'beneathShown'>;
}

/**
 * Answers as the tables in memory do, but for deleted rows: those are absent. A write is in Postgres before it is in the
 * mirror, and announced once it is in both: what was read in between is stale by then.
 */
export function pgWorldOrigin({ sql, schema, mirror }: PgWorldOriginOptions): WorldOrigin {
  const rows = pgOrigin<WorldModel>({ sql, tables: originTables(schema), statementTimeoutMs: 10_000 });
  return Object.fromEntries(TYPES.map((type) => [type, shownOf(type, rows[type] as Loaders, mirror)]));
}

type Load = (ids: readonly string[], context: OriginContext) => Promise<readonly WorldRow[]>;
interface Loaders {
  readonly byIds: Load;
  readonly childrenOf: Readonly<Record<string, Load>>;
}

function shownOf(type: TypeName, { byIds, childrenOf }: Loaders, mirror: PgWorldOriginOptions['mirror']) {
  const shown = async (load: Load, ids: readonly string[], context: OriginContext): Promise<WorldRow[]> =>
    (await load(ids, context)).filter(mirror.beneathShown(type, context.branch));
  const listed =
    (load: Load): Load =>
    async (ids, context) =>
      (await shown(load, ids, context)).sort(KINDS[type].compare as Compare);
  return {
    byIds: (ids: readonly string[], context: OriginContext) => shown(byIds, ids, context),
    childrenOf: Object.fromEntries(Object.entries(childrenOf).map(([parent, load]) => [parent, listed(load)])),
    all: ({ branch }: OriginContext) => mirror.all(type, branch),
  };
}

/** In the order of names that people expect, which is not that of a database's collation. */
type Compare = (a: WorldRow, b: WorldRow) => number;
