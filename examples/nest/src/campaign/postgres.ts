import { Pool } from 'pg';
import type { RuleTable, SavedRule } from 'tidemark';
import { pgOrigin } from 'tidemark/postgres';
import { RULES, type Settlement, type Structure, type model } from './model.js';
import { CAMPAIGNS, KINGDOMS, type Rows, SETTLEMENTS, STRUCTURES } from './rows.js';

const SCHEMA = 'tidemark_nest';
const TABLES = `
  create schema if not exists ${SCHEMA};
  create table if not exists ${SCHEMA}.campaign (id text primary key, name text not null);
  create table if not exists ${SCHEMA}.kingdom (id text primary key, campaign_id text not null, name text not null,
    tax_rate double precision not null);
  create table if not exists ${SCHEMA}.settlement (id text primary key, kingdom_id text not null, name text not null,
    level int not null, x double precision not null, y double precision not null);
  create table if not exists ${SCHEMA}.structure (id text primary key, settlement_id text not null, kind text not null,
    level int not null);
  create table if not exists ${SCHEMA}.rule (scope text, branch text, id text, version int not null, rule jsonb not null,
    primary key (scope, branch, id));
  create index if not exists kingdom_of on ${SCHEMA}.kingdom (campaign_id);
  create index if not exists settlement_of on ${SCHEMA}.settlement (kingdom_id);
  create index if not exists structure_of on ${SCHEMA}.structure (settlement_id);`;
const SETTLEMENT = 'id, kingdom_id as "kingdomId", name, level, x, y';
const STRUCTURE = 'id, settlement_id as "settlementId", kind, level';

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
        columns: { settlementId: 'settlement_id', kind: 'kind', level: 'level' },
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
    addStructure: (row) =>
      inTransaction(pool, async (client) => {
        const locked = `select ${STRUCTURE} from ${SCHEMA}.structure where id = $1 for update`;
        const before = (await client.query<Structure>(locked, [row.id])).rows[0] ?? null;
        const put = `insert into ${SCHEMA}.structure values ($1, $2, $3, $4)
          on conflict (id) do update set settlement_id = $2, kind = $3, level = $4`;
        await client.query(put, [row.id, row.settlementId, row.kind, row.level]);
        return { before, after: row };
      }),
    close: () => pool.end(),
  };
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
    const put = async (table: string, values: readonly (readonly unknown[])[]): Promise<void> => {
      for (const row of values)
        await client.query(
          `insert into ${SCHEMA}.${table} values (${row.map((_, at) => `$${String(at + 1)}`).join()})`,
          [...row],
        );
    };
    await put(
      'campaign',
      CAMPAIGNS.map(({ id, name }) => [id, name]),
    );
    await put(
      'kingdom',
      KINGDOMS.map(({ id, campaignId, name, taxRate }) => [id, campaignId, name, taxRate]),
    );
    await put(
      'settlement',
      SETTLEMENTS.map(({ id, kingdomId, name, level, x, y }) => [id, kingdomId, name, level, x, y]),
    );
    await put(
      'structure',
      STRUCTURES.map(({ id, settlementId, kind, level }) => [id, settlementId, kind, level]),
    );
    await put(
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
