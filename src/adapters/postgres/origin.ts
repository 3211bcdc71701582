import { systemClock } from '../../clock.js';
import type { OriginContext, Sql } from '../../contract.js';
import { TidemarkError, messageOf } from '../../errors.js';
import { columnTypes } from './origin-catalog.js';
import { type RunOptions, rowsOf } from './origin-run.js';
import { type OriginPlan, byIdsSql, childrenSql, pageSql, planOf, rowOf } from './origin-sql.js';
import { type OriginNames, originTables } from './origin-tables.js';
import type { ModelShape, OriginSettings, PgOrigin, PgOriginOptions } from './origin-types.js';
import type { Statement } from './statement.js';

/**
 * The origin of a model's rows in PostgreSQL: one statement for all ids of a batch, in which every value is a parameter.
 *
 * ```sql
 * select t."id"::text as "id", t."name" as "name", t."kingdom_id"::text as "kingdomId" from "settlements" t
 * where t."id" = any($1::text[]) and t."deleted_at" is null                                      -- byIds
 * where t."kingdom_id" = any($1::text[]) and t."deleted_at" is null order by t."id"              -- childrenOf.kingdom
 * where t."id" > $1::text and t."deleted_at" is null order by t."id" limit $2::bigint            -- all, page by page
 * ```
 *
 * Rows that are deleted softly are left out. In a table with `branch` the row of the nearest branch counts. An id that the
 * column cannot hold, such as a text that is no uuid, is absent; the database is not asked about it. `bigint` columns come as
 * numbers, beyond 2^53 as bigints; every other column as the driver gives it, `numeric` as text for one, unless `as` says
 * otherwise.
 *
 * Within a transaction the handle that it was given is asked: a client of `pg`, or what {@link prismaSql} and the like make of
 * another library's.
 *
 * Throws INVALID_OPTION for names that are none. Its loaders reject with ORIGIN_NOT_READY for a table or column that is not
 * there, which the first one to be called finds out, for all tables in one statement; with ORIGIN_TIMEOUT after
 * `statementTimeoutMs`; with the error of the database otherwise.
 *
 * @example
 * const origin = pgOrigin<typeof model>({
 *   sql: new Pool({ connectionString }),
 *   tables: {
 *     kingdom: { table: 'kingdoms', id: 'id', columns: { name: 'name' } },
 *     settlement: {
 *       ...{ table: 'settlements', id: 'id', deletedAt: 'deleted_at' },
 *       columns: { name: 'name', kingdomId: 'kingdom_id' },
 *       parents: { kingdom: 'kingdom_id' },
 *     },
 *   },
 * });
 */
export function pgOrigin<M extends ModelShape = never>(options: PgOriginOptions<M>): PgOrigin<M> {
  const { sql, replica, statementTimeoutMs, pageSize = 1_000, clock = systemClock }: OriginSettings = options;
  checkSql('sql', sql);
  if (replica !== undefined) checkSql('replica', replica);
  checkCount('statementTimeoutMs', statementTimeoutMs);
  checkCount('pageSize', pageSize);
  const tables = originTables(options.tables);
  const connections: Connections = { sql, replica, run: { clock, statementTimeoutMs }, pageSize };
  const planFor = plans(sql, [...tables.values()]);
  const loaders = [...tables].map(([type, names]) => [type, loadersOf(names, () => planFor(type), connections)]);
  return Object.fromEntries(loaders) as PgOrigin<M>;
}

interface Connections {
  readonly sql: Sql;
  readonly replica: Sql | undefined;
  readonly run: RunOptions;
  readonly pageSize: number;
}

function loadersOf({ type, parents }: OriginNames, planned: () => Promise<OriginPlan>, connections: Connections) {
  const { pageSize, run } = connections;
  const rows = async (
    call: string,
    context: OriginContext,
    statementOf: (plan: OriginPlan) => Statement | null,
  ): Promise<object[]> => {
    const where = `origin.${type}.${call}`;
    const plan = await planned();
    const statement = statementOf(plan);
    if (statement === null) return [];
    const found = await rowsOf(
      handleOf(connections, context, where),
      statement,
      { where, signal: context.signal },
      run,
    );
    return found.map((raw) => rowOf(plan, raw));
  };
  return {
    byIds: (ids: readonly unknown[], context: OriginContext) =>
      rows('byIds', context, (plan) => byIdsSql(plan, ids, context.branches)),
    childrenOf: Object.fromEntries(
      [...parents.keys()].map((parent) => [
        parent,
        (ids: readonly unknown[], context: OriginContext) =>
          rows(`childrenOf.${parent}`, context, (plan) => childrenSql(plan, { parent, ids }, context.branches)),
      ]),
    ),
    all: async function* (this: void, context: OriginContext): AsyncGenerator<object> {
      const { idField } = (await planned()).names;
      for (let after: string | undefined; ;) {
        const page = await rows('all', context, (plan) => pageSql(plan, { after, limit: pageSize }, context.branches));
        yield* page;
        if (page.length < pageSize) return;
        after = String((page.at(-1) as Readonly<Record<string, unknown>>)[idField]);
      }
    },
  };
}

function handleOf({ sql, replica }: Connections, { via, recentlyChanged }: OriginContext, where: string): Sql {
  if (via === undefined) return replica === undefined || recentlyChanged ? sql : replica;
  if (isSql(via)) return via;
  throw new TidemarkError(
    'INVALID_OPTION',
    `${where}: expected 'via' of the transaction to have query(text, values), as a client of pg and what prismaSql(), kyselySql() and the like make, got ${messageOf(via)}.`,
  );
}

/** Looked up once, at the first use, and again only after that has failed. */
function plans(sql: Sql, tables: readonly OriginNames[]): (type: string) => Promise<OriginPlan> {
  type Plans = ReadonlyMap<string, OriginPlan | TidemarkError>;
  const idTypes = new Map(tables.map(({ type, idType }) => [type, idType]));
  const look = async (): Promise<Plans> => {
    const types = await columnTypes(sql, tables);
    return new Map(
      tables.map((names) => {
        const found = types.get(names.type) as Exclude<ReturnType<typeof types.get>, undefined>;
        return [names.type, found instanceof TidemarkError ? found : planned(names, found, idTypes)];
      }),
    );
  };
  let looking: Promise<Plans> | undefined;
  return async (type) => {
    const mine = (looking ??= look());
    const forget = (): void => {
      if (looking === mine) looking = undefined;
    };
    try {
      const plan = (await mine).get(type) as OriginPlan | TidemarkError;
      if (plan instanceof TidemarkError) throw plan;
      return plan;
    } catch (error) {
      forget();
      throw error;
    }
  };
}

function planned(
  names: OriginNames,
  ...[types, idTypes]: [Parameters<typeof planOf>[1], ReadonlyMap<string, OriginNames['idType']>]
): OriginPlan | TidemarkError {
  try {
    return planOf(names, types, (type) => idTypes.get(type));
  } catch (error) {
    return error as TidemarkError;
  }
}

const isSql = (value: unknown): value is Sql =>
  typeof value === 'object' && value !== null && typeof (value as Partial<Sql>).query === 'function';

function checkSql(option: string, value: unknown): void {
  if (isSql(value)) return;
  throw new TidemarkError('INVALID_OPTION', `${option}: expected a Pool or Client of pg, got ${messageOf(value)}.`);
}

function checkCount(option: string, value: number | undefined): void {
  if (value === undefined || (Number.isSafeInteger(value) && value >= 1)) return;
  throw new TidemarkError('INVALID_OPTION', `${option}: expected a whole number of at least 1, got ${String(value)}.`);
}
