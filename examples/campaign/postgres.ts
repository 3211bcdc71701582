import { Pool } from 'pg';
import type { RuleTable, SavedRule } from 'tidemark';
import { pgOrigin, postgis } from 'tidemark/postgres';
import { RULES, type Settlement, type model } from './model.ts';
import type { Rows, Written } from './rows.ts';
import type { Seed } from './seed.ts';

const SCHEMA = 'tidemark_campaign';
const TABLES = `
  create schema if not exists ${SCHEMA};
  create table if not exists ${SCHEMA}.campaign (id text primary key, name text not null);
  create table if not exists ${SCHEMA}.kingdom (id text primary key, campaign_id text not null, name text not null,
    tax_rate double precision not null);
  create table if not exists ${SCHEMA}.settlement (id text primary key, kingdom_id text not null, name text not null,
    level int not null, x double precision not null, y double precision not null, version int not null);
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
/** Where a settlement lies, for PostGIS: from its x and y, by the database itself. */
const PLACES = `
  create extension if not exists postgis;
  alter table ${SCHEMA}.settlement add column if not exists place geometry(Point, 0)
    generated always as (ST_MakePoint(x, y)) stored;
  create index if not exists settlement_place on ${SCHEMA}.settlement using gist (place);`;
/** Columns by the fields of rows. */
const COLUMNS = {
  campaign: { id: 'id', name: 'name' },
  kingdom: { id: 'id', campaignId: 'campaign_id', name: 'name', taxRate: 'tax_rate' },
  settlement: {
    ...{ id: 'id', kingdomId: 'kingdom_id', name: 'name', level: 'level' },
    ...{ x: 'x', y: 'y', version: 'version' },
  },
  structure: { id: 'id', settlementId: 'settlement_id', kind: 'kind', level: 'level' },
  stateVariable: { id: 'id', kingdomId: 'kingdom_id', settlementId: 'settlement_id', key: 'key', value: 'value' },
} as const satisfies { readonly [T in keyof Seed]: Readonly<Record<keyof Seed[T][number], string>> };
/** Tables by the type of their rows. */
const TABLE = {
  ...{ campaign: 'campaign', kingdom: 'kingdom', settlement: 'settlement' },
  ...{ structure: 'structure', stateVariable: 'state_variable' },
} as const;

/** In Postgres: put there at the first start, and found by those after it. Several replicas may share them. */
export async function rowsInPostgres(url: string, seed: Seed): Promise<Rows> {
  const pool = new Pool({ connectionString: url });
  // A connection that breaks while nobody uses it: the pool takes another.
  pool.on('error', () => undefined);
  const hasPlaces = await begin(pool, seed);
  const settlement = tableOf('settlement', { kingdom: 'kingdom_id' });
  return {
    // Without PostGIS an index in this process answers what is near.
    ...(hasPlaces
      ? { spatial: postgis({ sql: pool, tables: { settlement: { ...settlement, geometry: 'place' } } }) }
      : {}),
    origin: pgOrigin<typeof model>({
      sql: pool,
      tables: {
        campaign: tableOf('campaign', {}),
        kingdom: tableOf('kingdom', { campaign: 'campaign_id' }),
        settlement,
        structure: tableOf('structure', { settlement: 'settlement_id' }),
        stateVariable: tableOf('stateVariable', { settlement: 'settlement_id', kingdom: 'kingdom_id' }),
      },
    }),
    rules: rulesIn(pool),
    editSettlement: (id, edit) =>
      inTransaction(pool, async (client) => {
        const columns = selected(COLUMNS.settlement);
        const locked = `select ${columns} from ${SCHEMA}.settlement where id = $1 for update`;
        const before = (await client.query<Settlement>(locked, [id])).rows[0];
        if (before === undefined) return null;
        const { name, level, x, y } = { ...before, ...edit };
        const set = `update ${SCHEMA}.settlement set name = $2, level = $3, x = $4, y = $5, version = version + 1
          where id = $1 returning ${columns}`;
        const after = (await client.query<Settlement>(set, [id, name, level, x, y])).rows[0] as Settlement;
        return { before, after };
      }),
    putStructure: (row) => put(pool, 'structure', row),
    putStateVariable: (row) => put(pool, 'stateVariable', row),
    close: () => pool.end(),
  };
}

/** As an origin takes it: the id has an option of its own. */
function tableOf<T extends keyof Seed, Parents extends object>(type: T, parents: Parents) {
  const { id, ...columns } = COLUMNS[type];
  return { schema: SCHEMA, table: TABLE[type], id, parents, columns };
}

/** A list of columns that gives rows by their fields. */
const selected = (columns: Readonly<Record<string, string>>): string =>
  Object.entries(columns)
    .map(([field, column]) => `${column} as "${field}"`)
    .join();

/** Writes a row over the one of its id, if there is one, which is locked first. */
function put<T extends keyof Seed>(pool: Pool, type: T, row: Seed[T][number]): Promise<Written<Seed[T][number]>> {
  const columns: Readonly<Record<string, string>> = COLUMNS[type];
  const names = Object.values(columns);
  const numbered = names.map((_, at) => `$${String(at + 1)}`).join();
  const set = names.map((column) => `${column} = excluded.${column}`).join();
  const table = `${SCHEMA}.${TABLE[type]}`;
  return inTransaction(pool, async (client) => {
    const locked = `select ${selected(columns)} from ${table} where id = $1 for update`;
    const before = (await client.query<Seed[T][number]>(locked, [row.id])).rows[0] ?? null;
    const values = Object.keys(columns).map((field) => row[field as keyof typeof row]);
    await client.query(
      `insert into ${table} (${names.join()}) values (${numbered}) on conflict (id) do update set ${set}`,
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

/** One replica at a time makes the tables, and puts into them what is not there. Resolves with whether the server has PostGIS. */
function begin(pool: Pool, seed: Seed): Promise<boolean> {
  return inTransaction(pool, async (client) => {
    await client.query(`select pg_advisory_xact_lock(hashtext('${SCHEMA}'))`);
    await client.query(TABLES);
    const { rows: extensions } = await client.query(`select from pg_available_extensions where name = 'postgis'`);
    const hasPlaces = extensions.length > 0;
    if (hasPlaces) await client.query(PLACES);
    const { rows } = await client.query<{ id: string }>(`select id from ${SCHEMA}.campaign limit 1`);
    if (rows.length > 0) return hasPlaces;
    // A statement for a whole table: there may be many rows.
    const fill = (table: string, filled: readonly object[]) => {
      const columns = Object.keys(filled[0] ?? {}).join();
      const from = `select ${columns} from jsonb_populate_recordset(null::${SCHEMA}.${table}, $1::jsonb)`;
      return (
        filled.length > 0 &&
        client.query(`insert into ${SCHEMA}.${table} (${columns}) ${from}`, [JSON.stringify(filled)])
      );
    };
    for (const type of Object.keys(TABLE) as (keyof Seed)[]) await fill(TABLE[type], inColumns(type, seed[type]));
    const rules = RULES.map((rule) => ({ scope: 'all', branch: 'main', id: rule.id, version: 1, rule }));
    await fill('rule', rules);
    return hasPlaces;
  });
}

/** Rows by their columns. */
function inColumns(type: keyof Seed, rows: readonly object[]): object[] {
  const columns: Readonly<Record<string, string>> = COLUMNS[type];
  return rows.map((row) => {
    const fields = Object.entries<unknown>({ ...row });
    return Object.fromEntries(fields.map(([field, value]) => [columns[field], value])) as object;
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
