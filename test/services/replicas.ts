import { Pool } from 'pg';
import { afterAll, beforeAll } from 'vitest';
import type { PgPool } from '../../src/adapters/postgres/client.js';
import { migrations } from '../../src/adapters/postgres/migrations.js';
import { type Database, describePostgis } from './postgres.js';

/** A database with what replicas share in it, and two ways to it. */
export interface SharedDatabase {
  readonly here: Pool;
  readonly there: Pool;
  readonly schema: string;
  /** Makes it lose all, as a crash does. */
  readonly wipe: () => Promise<void>;
  /** As after the migrations. */
  readonly reset: () => Promise<void>;
}

/** A pool that notes the statements sent through it, and the codes of those that failed: what is tried again is seen here. */
export function recording(pool: Pool): {
  readonly pool: PgPool;
  readonly texts: string[];
  readonly failures: unknown[];
} {
  const [texts, failures]: [string[], unknown[]] = [[], []];
  const query = async (text: string, values?: readonly unknown[]) => {
    texts.push(text);
    try {
      return await pool.query<Record<string, unknown>>(text, values && [...values]);
    } catch (error) {
      failures.push((error as { readonly code?: unknown }).code);
      throw error;
    }
  };
  const recorded: PgPool = {
    query,
    connect: () => pool.connect(),
    on: (event, listener) => pool.on(event, listener),
    off: (event, listener) => pool.off(event, listener),
  };
  return { pool: recorded, texts, failures };
}

export async function migrate(pool: Pool, schema?: string): Promise<void> {
  for (const { sql } of migrations({ schema })) await pool.query(`begin;\n${sql}\ncommit`);
}

/** Declares tests against a real Postgres in which the migrations were made; skipped, loudly, where there is none. */
export function describeReplicas(name: string, declare: (shared: () => SharedDatabase) => void): void {
  describePostgis(name, (database: () => Database) => {
    let there: Pool;
    beforeAll(async () => {
      const { pool, schema, connectionString } = database();
      there = new Pool({ connectionString, max: 4 });
      await migrate(pool, schema);
    });
    afterAll(() => there.end());
    declare(() => {
      const { pool: here, schema } = database();
      const wipe = async (): Promise<void> => {
        await here.query(`truncate ${schema}.partition, ${schema}.mark, ${schema}.entry`);
      };
      const reset = async (): Promise<void> => {
        await wipe();
        await here.query(`delete from ${schema}.settings`);
      };
      return { here, there, schema, wipe, reset };
    });
  });
}
