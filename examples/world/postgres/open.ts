import { Pool, type PoolClient } from 'pg';
import type { Outbox } from 'tidemark';
import { migrations, pgOutbox } from 'tidemark/postgres';
import { TYPES } from '../data/kinds.ts';
import { createTables } from '../data/memory-tables.ts';
import type { Mirror, WorldSource, WorldTables } from '../data/tables.ts';
import { BRANCHES, type TypeName, type WorldOrigin } from '../model.ts';
import { copyRows } from './copy.ts';
import { indexesSql, relation, rowOf, selected, tablesSql } from './layout.ts';
import { pgWorldOrigin } from './origin.ts';
import { PgTables } from './tables.ts';
import { inTransaction } from './transaction.ts';

/** A world in Postgres: put there if it is not yet, else as earlier runs left it. */

export interface OpenOptions {
  /** Default: `tidemark_world`. Made if it is not there, and one for the outbox beside it. */
  readonly schema?: string;
  /** Whether another world that is there, or this one with its edits, gives way. Default: this one is kept, another refused. */
  readonly replace?: boolean;
  /** Of the loading and, step by step, of the copying and reading. */
  readonly progress: (step: string, share: number) => void;
  /** Told of a connection that was lost while it was idle. */
  readonly report: (error: unknown) => void;
}

export interface OpenWorld {
  readonly tables: WorldTables;
  readonly origin: WorldOrigin;
  /** Takes changes within the transactions of the tables. */
  readonly outbox: Outbox;
  /** Whether it was there before. */
  readonly found: boolean;
  /** In all branches. */
  readonly rows: number;
  close(): Promise<void>;
}

/** Rejects with a sentence that says what to do if the schema holds something else, else with the error of the database. */
export async function openWorld(
  connectionString: string,
  source: WorldSource,
  { schema = 'tidemark_world', replace = false, progress, report }: OpenOptions,
): Promise<OpenWorld> {
  const pool = new Pool({ connectionString, connectionTimeoutMillis: 10_000 });
  pool.on('error', report);
  try {
    const found = await inTransaction(pool, async (client) => {
      const held = await heldBy(client, schema);
      await migrate(client, outboxSchema(schema));
      if (held === source.name && !replace) return true;
      if (held !== null && !replace) throw new Error(otherWorld(schema, held, source.name));
      await copyWorld(client, schema, source, progress);
      return false;
    });
    const { mirror, rows } = await readWorld(pool, schema, source, progress);
    return {
      tables: new PgTables({ pool, schema, mirror }),
      outbox: pgOutbox({ pool, schema: outboxSchema(schema) }),
      origin: pgWorldOrigin({ sql: pool, schema, mirror }),
      ...{ found, rows, close: () => pool.end() },
    };
  } catch (error) {
    await pool.end();
    throw error;
  }
}

const otherWorld = (schema: string, held: string, wanted: string): string =>
  `Schema '${schema}' holds the world '${held}', not '${wanted}'; --replace puts this one in its place, and what was edited there is lost.`;

/** The name of the world that is there, if there is one. Whoever else looks waits until this transaction has ended. */
async function heldBy(client: PoolClient, schema: string): Promise<string | null> {
  const world = relation(schema, 'world');
  await client.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [world]);
  const { rows: there } = await client.query<{ readonly name: string }>(
    'select table_name as name from information_schema.tables where table_schema = $1',
    [schema],
  );
  if (there.length === 0) return null;
  if (!there.some(({ name }) => name === 'world')) {
    throw new Error(`Schema '${schema}' holds what is no world; it is left as it is.`);
  }
  const { rows } = await client.query<{ readonly name: string }>(`select name from ${world}`);
  return rows[0]?.name ?? null;
}

const outboxSchema = (schema: string): string => `${schema}_outbox`;

async function migrate(client: PoolClient, schema: string): Promise<void> {
  const { rows } = await client.query('select from information_schema.schemata where schema_name = $1', [schema]);
  if (rows.length === 0) for (const { sql } of migrations({ schema })) await client.query(sql);
}

/** All or nothing: others see the old world or the whole new one. */
async function copyWorld(
  client: PoolClient,
  schema: string,
  source: WorldSource,
  progress: OpenOptions['progress'],
): Promise<void> {
  const tables = await source.load(progress);
  for (const table of ['world', ...TYPES] as const) {
    await client.query(`drop table if exists ${relation(schema, table)}`);
  }
  await client.query(tablesSql(schema));
  await copyRows(client, schema, tables, (share) => {
    progress('Copying to Postgres', share * 0.99);
  });
  await client.query(indexesSql(schema));
  await client.query(`insert into ${relation(schema, 'world')} values ($1)`, [source.name]);
  progress('Copying to Postgres', 1);
}

/** The mirror, and how many rows went into it. Branches are read as the model lists them, parents first: a row may hang beneath one of the parent's. */
async function readWorld(
  pool: Pool,
  schema: string,
  { words }: WorldSource,
  progress: OpenOptions['progress'],
): Promise<{ readonly mirror: Mirror; readonly rows: number }> {
  const builder = createTables({ words });
  let count = 0;
  const parts = Object.keys(BRANCHES).flatMap((branch) => TYPES.map((type) => ({ branch, type })));
  for (const [at, { branch, type }] of parts.entries()) {
    progress('Reading from Postgres', at / parts.length);
    const { rows } = await pool.query<object>(
      `select ${selected(type)} from ${relation(schema, type)} where branch = $1`,
      [branch],
    );
    builder.add(type, rows.map(rowOf<TypeName>), branch);
    count += rows.length;
  }
  progress('Reading from Postgres', 1);
  return { mirror: builder.build(), rows: count };
}
