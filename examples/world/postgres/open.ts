import { Pool, type PoolClient } from 'pg';
import { TYPES } from '../data/kinds.ts';
import { createTables } from '../data/memory-tables.ts';
import type { Mirror, WorldSource, WorldTables } from '../data/tables.ts';
import { BRANCHES, type TypeName, type WorldOrigin } from '../model.ts';
import { copyRows } from './copy.ts';
import { FORMAT, SCHEMA, indexSql, relation, rowOf, selected, tableSql } from './layout.ts';
import { pgWorldOrigin } from './origin.ts';
import { PgTables } from './tables.ts';
import { inTransaction } from './transaction.ts';

/** A world in Postgres: put there if it is not yet, else as earlier runs left it. */

export interface OpenOptions {
  /** Default: `tidemark_world`. Made if it is not there. */
  readonly schema?: string;
  /** Default: the model's. */
  readonly branches?: Readonly<Record<string, { readonly parent?: string }>>;
  /** What becomes of what the schema holds. Default: the same world is kept, with its edits, and another one refused. */
  readonly held?: 'keep' | 'replace' | undefined;
  /** Of the loading and, step by step, of the copying and reading. */
  readonly progress: (step: string, share: number) => void;
  /** Told of a connection that was lost while it was idle. */
  readonly report: (error: unknown) => void;
}

export interface OpenWorld {
  readonly tables: WorldTables;
  readonly origin: WorldOrigin;
  /** Whether it was there before. */
  readonly found: boolean;
  /** Rows in all branches. */
  readonly rows: number;
  close(): Promise<void>;
}

/** The schema holds something else than the world that was asked for. The message says what to do. */
export class OtherWorld extends Error {}

/** Rejects with OtherWorld, and with the error of the database otherwise. */
export async function openWorld(
  connectionString: string,
  source: WorldSource,
  { schema = SCHEMA, branches = BRANCHES, held = 'keep', progress, report }: OpenOptions,
): Promise<OpenWorld> {
  const pool = new Pool({ connectionString, connectionTimeoutMillis: 10_000 });
  pool.on('error', report);
  try {
    const names = rootFirst(branches);
    const kept = await inTransaction(pool, async (client) => {
      const there = await lookInto(client, schema);
      if (there !== undefined && held === 'keep') return checked(there, schema, source);
      if (there?.name === null) throw new OtherWorld(notOurs(schema));
      await copyWorld(client, source, { schema, names, progress });
      return undefined;
    });
    if (kept === undefined) for (const type of TYPES) await pool.query(`analyze ${relation(schema, type)}`);
    const builder = createTables({ branches, words: source.words });
    const rows = await readRows(pool, builder, { schema, names, progress });
    if (rows < (kept?.rows ?? 0)) throw new OtherWorld(tooFew(schema, rows, kept));
    const mirror: Mirror = builder.build();
    return {
      tables: new PgTables({ pool, schema, branches, mirror }),
      origin: pgWorldOrigin({ sql: pool, schema, mirror }),
      ...{ found: kept !== undefined, rows, close: () => pool.end() },
    };
  } catch (error) {
    await pool.end();
    throw error;
  }
}

// ── What is there ───────────────────────────────────────────────────────────────────────────────────────────────

/** What a schema says that it holds; `name` is null if it is nothing of ours. */
interface Held {
  readonly name: string | null;
  readonly format: number;
  /** As many as were copied: none is ever taken away. */
  readonly rows: number;
}

/** Undefined if nothing is there. Whoever else looks waits until this transaction has ended. */
async function lookInto(client: PoolClient, schema: string): Promise<Held | undefined> {
  const world = relation(schema, 'world');
  await client.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [world]);
  const { rows: names } = await client.query<{ readonly name: string }>(
    `select c.relname::text as name from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = $1`,
    [schema],
  );
  if (names.length === 0) return undefined;
  if (!names.some(({ name }) => name === 'world')) return { name: null, format: 0, rows: 0 };
  const { rows } = await client.query<Held>(
    `select name, format, (select sum(value::int)::int from jsonb_each_text(rows)) as rows from ${world}`,
  );
  return rows[0] ?? { name: null, format: 0, rows: 0 };
}

/** What is there, if it is the world that was asked for. */
function checked(held: Held, schema: string, source: WorldSource): Held {
  const { name, format } = held;
  if (name === null) throw new OtherWorld(notOurs(schema));
  if (name !== source.name) {
    throw new OtherWorld(`Schema '${schema}' holds the world '${name}', not '${source.name}'; ${REPLACE}`);
  }
  if (format === FORMAT) return held;
  const formats = `in format ${String(format)}, not ${String(FORMAT)}`;
  throw new OtherWorld(`Schema '${schema}' holds the world '${name}' ${formats}; ${REPLACE}`);
}

const REPLACE = '--replace puts this one in its place, and what was edited there is lost.';
const notOurs = (schema: string): string => `Schema '${schema}' holds what is no world; it is left as it is.`;
const tooFew = (schema: string, rows: number, kept: Held | undefined): string =>
  `Schema '${schema}' holds ${String(rows)} rows of the ${String(kept?.rows)} that were copied to it; ${REPLACE}`;

// ── Copying and reading ─────────────────────────────────────────────────────────────────────────────────────────

interface Copying {
  readonly schema: string;
  readonly names: readonly string[];
  readonly progress: OpenOptions['progress'];
}

/** All or nothing: others see the old world or the whole new one. */
async function copyWorld(client: PoolClient, source: WorldSource, copying: Copying): Promise<void> {
  const { schema, names, progress } = copying;
  const tables = await source.load(progress);
  await client.query(`create schema if not exists ${relation(schema, 'world').split('.')[0] ?? ''}`);
  for (const table of [...TYPES, 'world'] as const)
    await client.query(`drop table if exists ${relation(schema, table)}`);
  const postgis = await schemaOfPostgis(client);
  for (const type of TYPES) await client.query(tableSql(schema, type, postgis));
  const counts = await copyRows(client, tables, {
    ...{ schema, branches: names },
    progress: (share) => {
      progress('Copying to Postgres', share * 0.99);
    },
  });
  for (const type of TYPES) for (const statement of indexSql(schema, type, postgis)) await client.query(statement);
  await client.query(
    `create table ${relation(schema, 'world')} (name text not null, format integer not null, rows jsonb not null,
       copied_at timestamptz not null default now())`,
  );
  await client.query(`insert into ${relation(schema, 'world')} (name, format, rows) values ($1, $2, $3)`, [
    ...[source.name, FORMAT, JSON.stringify(counts)],
  ]);
  progress('Copying to Postgres', 1);
}

async function schemaOfPostgis(client: PoolClient): Promise<string | undefined> {
  const { rows } = await client.query<{ readonly schema: string }>(
    `select n.nspname::text as schema from pg_extension e join pg_namespace n on n.oid = e.extnamespace
     where e.extname = 'postgis'`,
  );
  return rows[0]?.schema;
}

/** Returns how many rows there are. */
async function readRows(
  pool: Pool,
  builder: ReturnType<typeof createTables>,
  { schema, names, progress }: Copying,
): Promise<number> {
  let count = 0;
  const steps = names.length * TYPES.length;
  let step = 0;
  for (const branch of names) {
    for (const type of TYPES) {
      progress('Reading from Postgres', step++ / steps);
      count += await readPart(pool, builder, { schema, branch, type });
    }
  }
  progress('Reading from Postgres', 1);
  return count;
}

async function readPart<T extends TypeName>(
  pool: Pool,
  builder: ReturnType<typeof createTables>,
  { schema, branch, type }: { readonly schema: string; readonly branch: string; readonly type: T },
): Promise<number> {
  const { rows } = await pool.query<object>(
    `select ${selected(type)} from ${relation(schema, type)} where branch = $1`,
    [branch],
  );
  builder.add(type, rows.map(rowOf<T>), branch);
  return rows.length;
}

/** Parents first: what a branch adds may hang beneath what its parent added. */
function rootFirst(branches: NonNullable<OpenOptions['branches']>): readonly string[] {
  const depth = (branch: string): number => {
    const parent = branches[branch]?.parent;
    return parent === undefined ? 0 : 1 + depth(parent);
  };
  return Object.keys(branches).sort((a, b) => depth(a) - depth(b));
}
