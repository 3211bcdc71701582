import { Pool, type PoolClient } from 'pg';
import { TYPES } from '../data/kinds.ts';
import { createTables } from '../data/memory-tables.ts';
import type { Mirror, WorldSource, WorldTables } from '../data/tables.ts';
import { BRANCHES, type TypeName, type WorldOrigin } from '../model.ts';
import { copyRows } from './copy.ts';
import { SCHEMA, indexSql, relation, rowOf, selected, tableSql } from './layout.ts';
import { pgWorldOrigin } from './origin.ts';
import { PgTables } from './tables.ts';
import { inTransaction } from './transaction.ts';

/** A world in Postgres: put there if it is not yet, else as earlier runs left it. */

export interface OpenOptions {
  /** Default: `tidemark_world`. Made if it is not there. */
  readonly schema?: string;
  /** Default: the model's. */
  readonly branches?: Readonly<Record<string, { readonly parent?: string }>>;
  /** Default: what the schema holds is kept, with its edits, if it is the same world, and refused if it is another. */
  readonly replace?: boolean | undefined;
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

/** The schema holds another world than the one that was asked for. The message says what to do. */
export class OtherWorld extends Error {}

/** Rejects with OtherWorld, and with the error of the database otherwise. */
export async function openWorld(
  connectionString: string,
  source: WorldSource,
  { schema = SCHEMA, branches = BRANCHES, replace = false, progress, report }: OpenOptions,
): Promise<OpenWorld> {
  const pool = new Pool({ connectionString, connectionTimeoutMillis: 10_000 });
  pool.on('error', report);
  try {
    const names = rootFirst(branches);
    const found = await inTransaction(pool, async (client) => {
      const held = await heldIn(client, schema);
      if (held !== undefined && !replace) {
        if (held === source.name) return true;
        throw new OtherWorld(`Schema '${schema}' holds the world '${held}', not '${source.name}'; ${REPLACE}`);
      }
      await copyWorld(client, source, { schema, names, progress });
      return false;
    });
    if (!found) for (const type of TYPES) await pool.query(`analyze ${relation(schema, type)}`);
    const builder = createTables({ branches, words: source.words });
    const rows = await readRows(pool, builder, { schema, names, progress });
    const mirror: Mirror = builder.build();
    return {
      tables: new PgTables({ pool, schema, branches, mirror }),
      origin: pgWorldOrigin({ sql: pool, schema, mirror }),
      ...{ found, rows, close: () => pool.end() },
    };
  } catch (error) {
    await pool.end();
    throw error;
  }
}

const REPLACE = '--replace puts this one in its place, and what was edited there is lost.';

/** The name of the world that is there. Whoever else looks waits until this transaction has ended. */
async function heldIn(client: PoolClient, schema: string): Promise<string | undefined> {
  const world = relation(schema, 'world');
  await client.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [world]);
  const { rows: tables } = await client.query<{ readonly is: boolean }>('select to_regclass($1) is not null as is', [
    world,
  ]);
  if (tables[0]?.is !== true) return undefined;
  return (await client.query<{ readonly name: string }>(`select name from ${world}`)).rows[0]?.name;
}

// ── Copying and reading ─────────────────────────────────────────────────────────────────────────────────────────

interface Copying {
  readonly schema: string;
  readonly names: readonly string[];
  readonly progress: OpenOptions['progress'];
}

/** All or nothing: others see the old world or the whole new one. */
async function copyWorld(client: PoolClient, source: WorldSource, copying: Copying): Promise<void> {
  const { schema, names, progress } = copying;
  const world = relation(schema, 'world');
  const tables = await source.load(progress);
  await client.query(`create schema if not exists ${world.split('.')[0] ?? ''}`);
  for (const table of [...TYPES, 'world'] as const) {
    await client.query(`drop table if exists ${relation(schema, table)}`);
  }
  for (const type of TYPES) await client.query(tableSql(schema, type));
  await copyRows(client, tables, {
    ...{ schema, branches: names },
    progress: (share) => {
      progress('Copying to Postgres', share * 0.99);
    },
  });
  for (const type of TYPES) for (const statement of indexSql(schema, type)) await client.query(statement);
  await client.query(`create table ${world} (name text not null)`);
  await client.query(`insert into ${world} (name) values ($1)`, [source.name]);
  progress('Copying to Postgres', 1);
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
