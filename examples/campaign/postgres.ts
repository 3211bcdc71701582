import { Pool } from 'pg';
import type { RuleTable, SavedRule } from 'tidemark';
import { pgOrigin } from 'tidemark/postgres';
import { RULES, type Settlement, type model } from './model.ts';
import { CAMPAIGNS, KINGDOMS, type Rows, SETTLEMENTS, STATE_VARIABLES, STRUCTURES, type Written } from './rows.ts';

const SCHEMA = 'tidemark_campaign';
const TABLES = `
  create schema if not exists ${SCHEMA};
  create table if not exists ${SCHEMA}.campaign (id text primary key, name text not null);
  create table if not exists ${SCHEMA}.kingdom (id text primary key, campaign_id text not null, name text not null,
    tax_rate double precision not null);
  create table if not exists ${SCHEMA}.settlement (id text primary key, kingdom_id text not null, name text not null,
    level int not null, x double precision not null, y double precision not null);
  create table if not exists ${SCHEMA}.structure (id text primary key, settlement_id text not null, kind text not null,
    level int not null);
  create table if not exists ${SCHEMA}.state_variable (id text primary key, kingdom_id text, settlement_id text,
    key text not null, value double precision not null);
  create table if not exists ${SCHEMA}.rule (scope text, branch text, id text, version int not null, rule jsonb not null,
    primary key (scope, branch, id));
  create index if not exists kingdom_of on ${SCHEMA}.kingdom (campaign_id);
  create index if not exists settlement_of on ${SCHEMA}.settlement (kingdom_id);
  create index if not exists structure_of on ${SCHEMA}.structure (settlement_id);
  create index if not exists variable_of_kingdom on ${SCHEMA}.state_variable (kingdom_id);
  create index if not exists variable_of_settlement on ${SCHEMA}.state_variable (settlement_id);`;
const SETTLEMENT = 'id, kingdom_id as "kingdomId", name, level, x, y';
/** Columns in the order of their table, by the fields of rows. */
const STRUCTURE = { id: 'id', settlementId: 'settlement_id', kind: 'kind', level: 'level' };
const STATE_VARIABLE = {
  ...{ id: 'id', kingdomId: 'kingdom_id', settlementId: 'settlement_id' },
  ...{ key: 'key', value: 'value' },
};

/** In Postgres: put there at the first start, and found by those after it. Several replicas may share them. */
export async function rowsInPostgres(url: string): Promise<Rows> {
  const pool = new Pool({ connectionString: url });
  // A connection that breaks while nobody uses it: the pool takes another.
  pool.on('error', () => undefined);
  await begin(pool);
  const of = pgOrigin<typeof model>({
    sql: pool,
    tables: {
      campaign: { schema: SCHEMA, table: 'campaign', id: 'id', columns: { name: 'name' } },
      kingdom: {
        ...{ schema: SCHEMA, table: 'kingdom', id: 'id', parents: { campaign: 'campaign_id' } },
        columns: { campaignId: 'campaign_id', name: 'name', taxRate: 'tax_rate' },
      },
      settlement: {
        ...{ schema: SCHEMA, table: 'settlement', id: 'id', parents: { kingdom: 'kingdom_id' } },
        columns: { kingdomId: 'kingdom_id', name: 'name', level: 'level', x: 'x', y: 'y' },
      },
      structure: {
        ...{ schema: SCHEMA, table: 'structure', id: 'id', parents: { settlement: 'settlement_id' } },
        columns: columnsOf(STRUCTURE),
      },
      stateVariable: {
        ...{ schema: SCHEMA, table: 'state_variable', id: 'id' },
        ...{ parents: { settlement: 'settlement_id', kingdom: 'kingdom_id' }, columns: columnsOf(STATE_VARIABLE) },
      },
    },
  });
  // What fills the index of the map, which a table of PostGIS would do without.
  const settlements = of.settlement as NonNullable<typeof of.settlement>;
  return {
    origin: {
      ...of,
      settlement: {
        ...settlements,
        all: async function* () {
          yield* (await pool.query<Settlement>(`select ${SETTLEMENT} from ${SCHEMA}.settlement`)).rows;
        },
      },
    },
    rules: rulesIn(pool),
    editSettlement: (id, edit) =>
      inTransaction(pool, async (client) => {
        const locked = `select ${SETTLEMENT} from ${SCHEMA}.settlement where id = $1 for update`;
        const before = (await client.query<Settlement>(locked, [id])).rows[0];
        if (before === undefined) return null;
        const { name, level, x, y } = { ...before, ...edit };
        const set = `update ${SCHEMA}.settlement set name = $2, level = $3, x = $4, y = $5 where id = $1 returning ${SETTLEMENT}`;
        const after = (await client.query<Settlement>(set, [id, name, level, x, y])).rows[0] as Settlement;
        return { before, after };
      }),
    putStructure: (row) => put(pool, { table: 'structure', columns: STRUCTURE, row }),
    putStateVariable: (row) => put(pool, { table: 'state_variable', columns: STATE_VARIABLE, row }),
    close: () => pool.end(),
  };
}

/** All but the id, which has an option of its own. */
const columnsOf = <Columns extends { readonly id: string }>({ id: _, ...others }: Columns) => others;

interface Put<Row> {
  readonly table: string;
  /** By the fields of its rows. */
  readonly columns: Readonly<Record<keyof Row & string, string>>;
  readonly row: Row;
}

/** Writes a row over the one of its id, if there is one, which is locked first. */
function put<Row extends { readonly id: string }>(
  pool: Pool,
  { table, columns, row }: Put<Row>,
): Promise<Written<Row>> {
  const fields = Object.entries<string>(columns);
  const names = fields.map(([, column]) => column);
  const selected = fields.map(([field, column]) => `${column} as "${field}"`).join();
  const numbered = names.map((_, at) => `$${String(at + 1)}`).join();
  const set = names.map((column) => `${column} = excluded.${column}`).join();
  return inTransaction(pool, async (client) => {
    const locked = `select ${selected} from ${SCHEMA}.${table} where id = $1 for update`;
    const before = (await client.query<Row>(locked, [row.id])).rows[0] ?? null;
    const values = fields.map(([field]) => row[field as keyof Row]);
    await client.query(
      `insert into ${SCHEMA}.${table} (${names.join()}) values (${numbered}) on conflict (id) do update set ${set}`,
      values,
    );
    return { before, after: row };
  });
}

interface Client {
  query<Row extends object>(text: string, values?: unknown[]): Promise<{ rows: Row[]; rowCount: number | null }>;
}

async function inTransaction<T>(pool: Pool, run: (client: Client) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  try {
    await client.query('begin');
    const value = await run(client);
    await client.query('commit');
    return value;
  } catch (error) {
    await client.query('rollback');
    throw error;
  } finally {
    client.release();
  }
}

/** One replica at a time makes the tables, and puts into them what is not there. */
async function begin(pool: Pool): Promise<void> {
  await inTransaction(pool, async (client) => {
    await client.query(`select pg_advisory_xact_lock(hashtext('${SCHEMA}'))`);
    await client.query(TABLES);
    const { rows } = await client.query<{ id: string }>(`select id from ${SCHEMA}.campaign limit 1`);
    if (rows.length > 0) return;
    const fill = async (table: string, values: readonly (readonly unknown[])[]): Promise<void> => {
      for (const row of values)
        await client.query(
          `insert into ${SCHEMA}.${table} values (${row.map((_, at) => `$${String(at + 1)}`).join()})`,
          [...row],
        );
    };
    await fill(
      'campaign',
      CAMPAIGNS.map(({ id, name }) => [id, name]),
    );
    await fill(
      'kingdom',
      KINGDOMS.map(({ id, campaignId, name, taxRate }) => [id, campaignId, name, taxRate]),
    );
    await fill(
      'settlement',
      SETTLEMENTS.map(({ id, kingdomId, name, level, x, y }) => [id, kingdomId, name, level, x, y]),
    );
    await fill(
      'structure',
      STRUCTURES.map(({ id, settlementId, kind, level }) => [id, settlementId, kind, level]),
    );
    await fill(
      'state_variable',
      STATE_VARIABLES.map(({ id, kingdomId, settlementId, key, value }) => [id, kingdomId, settlementId, key, value]),
    );
    await fill(
      'rule',
      RULES.map((rule) => ['all', 'main', rule.id, 1, JSON.stringify(rule)]),
    );
  });
}

function rulesIn(pool: Pool): RuleTable {
  const where = `from ${SCHEMA}.rule where scope = $1 and branch = $2`;
  return {
    list: async ({ scope, branch, type }) => {
      const { rows } = await pool.query<{ version: number; rule: SavedRule }>(`select version, rule ${where}`, [
        scope,
        branch,
      ]);
      const rules = rows.map(({ version, rule }) => ({ ...rule, version }));
      return rules.filter(({ entityType }) => type === undefined || entityType === type);
    },
    replace: async (id, { expected, rule }, { scope, branch }) => {
      const place = [scope, branch, id];
      const done = async (text: string, ...values: unknown[]): Promise<boolean> =>
        (await pool.query(text, [...place, ...values])).rowCount === 1;
      if (rule === null) return done(`delete ${where} and id = $3 and version = $4`, expected);
      const { version } = rule;
      if (expected === null)
        return done(
          `insert into ${SCHEMA}.rule values ($1, $2, $3, $4, $5) on conflict do nothing`,
          version,
          JSON.stringify(rule),
        );
      const set = `update ${SCHEMA}.rule set version = $4, rule = $5 where scope = $1 and branch = $2 and id = $3 and version = $6`;
      return done(set, version, JSON.stringify(rule), expected);
    },
  };
}
