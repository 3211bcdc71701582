import type { Clock, OutboxInfo, Sql } from '../../contract.js';
import { migrations } from '../../adapters/postgres/migrations.js';
import { outboxInfoSql } from '../../adapters/postgres/outbox.js';
import { DEFAULT_SCHEMA, quotedSchema } from '../../adapters/postgres/schema/name.js';
import { aheadBy } from './figures.js';
import type { PostgresFacts, Setting } from './postgres-state.js';

export interface PostgresReading {
  readonly clock: Clock;
  readonly memoryBytes: number | null;
  readonly replicas: number;
  readonly pool: number;
  readonly schema: string | null;
}

export interface PostgresRead {
  readonly facts: PostgresFacts;
  /** By how much the server's clock is ahead of this machine's. */
  readonly aheadMs: number;
}

const PINGS = 21;

const SETTINGS = `select name, setting, unit, current_setting(name) as "shown", vartype as "kind", context = 'postmaster' as "restart"
from pg_settings`;

const STATE = `select current_setting('server_version_num')::int as "version", pg_is_in_recovery() as "isStandby",
  (select count(*)::int from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()) as "connections",
  (select least(nullif(r.rolconnlimit, -1), nullif(d.datconnlimit, -1)) from pg_roles r, pg_database d
    where r.rolname = current_user and d.datname = current_database()) as "connectionLimit",
  (select extversion from pg_extension where extname = 'postgis') as "postgis",
  exists (select from pg_available_extensions where name = 'postgis') as "isPostgisInstalled",
  to_regclass($1 || '.migration') is not null as "hasMigrations"`;

interface StateRow {
  readonly version: number;
  readonly isStandby: boolean;
  readonly connections: number;
  readonly connectionLimit: number | null;
  readonly postgis: string | null;
  readonly isPostgisInstalled: boolean;
  readonly hasMigrations: boolean;
}

/** Rejects with what the server, or the network, said. */
export async function readPostgres(sql: Sql, reading: PostgresReading): Promise<PostgresRead> {
  const { clock, memoryBytes, replicas, pool } = reading;
  const schema = quotedSchema(reading.schema ?? DEFAULT_SCHEMA);
  const [state] = (await sql.query(STATE, [schema])).rows as readonly [StateRow];
  const pingsMs: number[] = [];
  for (let i = 0; i < PINGS; i++) {
    const sent = clock.now();
    await sql.query('select 1', []);
    pingsMs.push(clock.now() - sent);
  }
  const sent = clock.now();
  const [time] = (await sql.query('select extract(epoch from clock_timestamp())::float8 as "s"', [])).rows;
  const aheadMs = aheadBy((time as { s: number }).s * 1000, clock.wallNow(), clock.now() - sent);
  const facts: PostgresFacts = {
    version: state.version,
    settings: settingsOf((await sql.query(SETTINGS, [])).rows as readonly SettingRow[]),
    isStandby: state.isStandby,
    connections: state.connections,
    connectionLimit: state.connectionLimit,
    postgis: state.postgis === null ? null : { version: state.postgis },
    isPostgisInstalled: state.isPostgisInstalled,
    migrations: state.hasMigrations ? await madeIn(sql, schema) : null,
    outbox: state.hasMigrations ? await outboxIn(sql, schema) : null,
    ...{ pingsMs, memoryBytes },
    needed: { replicas, pool, schema: reading.schema, migrations: migrations().map(({ version }) => version) },
  };
  return { facts, aheadMs };
}

async function madeIn(sql: Sql, schema: string): Promise<readonly number[]> {
  const { rows } = await sql.query(`select version from ${schema}.migration order by version`, []);
  return (rows as readonly { version: number }[]).map(({ version }) => version);
}

/** Null where the table is gone: the migrations then say so, or somebody dropped it on purpose. */
async function outboxIn(sql: Sql, schema: string): Promise<OutboxInfo | null> {
  const { rows } = await sql.query(`select to_regclass($1 || '.outbox') is not null as "is"`, [schema]);
  if (!(rows[0] as { is: boolean }).is) return null;
  return (await sql.query(outboxInfoSql(schema), [])).rows[0] as OutboxInfo;
}

interface SettingRow {
  readonly name: string;
  readonly setting: string;
  readonly unit: string | null;
  readonly shown: string;
  readonly kind: string;
  readonly restart: boolean;
}

const UNITS: Readonly<Record<string, number>> = {
  ...{ B: 1, kB: 1024, '8kB': 8192, '16kB': 16_384, '32kB': 32_768, MB: 1024 ** 2, '16MB': 16 * 1024 ** 2 },
  ...{ ms: 1, s: 1000, min: 60_000 },
};

function settingsOf(rows: readonly SettingRow[]): ReadonlyMap<string, Setting> {
  return new Map(
    rows.map(({ name, setting, unit, shown, kind, restart }) => {
      const value = kind === 'integer' || kind === 'real' ? Number(setting) * (UNITS[unit ?? ''] ?? 1) : null;
      return [name, { shown, value, restart }];
    }),
  );
}
