import { PrismaPg } from '@prisma/adapter-pg';
import { type GetPrismaClientConfig, getPrismaClient } from '@prisma/client/runtime/client';
import { sql as drizzleTag } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import knex from 'knex';
import { CamelCasePlugin, Kysely, PostgresDialect } from 'kysely';
import { Pool } from 'pg';
import { drizzleSql, kyselySql, knexSql, pgSql, prismaSql } from '../../../src/adapters/postgres/index.js';
import type { Sql } from '../../../src/contract.js';

/** A library that a host may use, as the host has it. */
export interface Library {
  /** Outside of any transaction. */
  readonly sql: Sql;
  /** Commits; rolls back if `work` throws. */
  transaction<T>(work: (sql: Sql) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

export const LIBRARIES: Readonly<Record<string, (connectionString: string) => Library>> = {
  pg: (connectionString) => {
    const pool = new Pool({ connectionString });
    return {
      sql: pgSql(pool),
      transaction: async (work) => {
        const client = await pool.connect();
        try {
          await client.query('begin');
          const value = await work(pgSql(client));
          await client.query('commit');
          return value;
        } catch (error) {
          await client.query('rollback');
          throw error;
        } finally {
          client.release();
        }
      },
      close: () => pool.end(),
    };
  },
  Prisma: (connectionString) => {
    const prisma = prismaOf(connectionString);
    return {
      sql: prismaSql(prisma),
      transaction: (work) => prisma.$transaction((tx) => work(prismaSql(tx))),
      close: () => prisma.$disconnect(),
    };
  },
  Kysely: (connectionString) => {
    const dialect = new PostgresDialect({ pool: new Pool({ connectionString }) });
    const db = new Kysely<object>({ dialect, plugins: [new CamelCasePlugin()] });
    return {
      sql: kyselySql(db),
      transaction: (work) => db.transaction().execute((trx) => work(kyselySql(trx))),
      close: () => db.destroy(),
    };
  },
  Knex: (connectionString) => {
    const db = knex({ client: 'pg', connection: connectionString });
    return {
      sql: knexSql(db),
      transaction: (work) => db.transaction((trx) => work(knexSql(trx))),
      close: () => db.destroy(),
    };
  },
  Drizzle: (connectionString) => {
    const pool = new Pool({ connectionString });
    const db = drizzle(pool);
    return {
      sql: drizzleSql(db, drizzleTag),
      transaction: (work) => db.transaction((tx) => work(drizzleSql(tx, drizzleTag))),
      close: () => pool.end(),
    };
  },
};

interface Prisma {
  $queryRawUnsafe(text: string, ...values: unknown[]): Promise<unknown>;
  $transaction<T>(work: (tx: Prisma) => Promise<T>): Promise<T>;
  $disconnect(): Promise<void>;
}

/** What `prisma generate` writes for a schema without models. */
function prismaOf(connectionString: string): Prisma {
  const config: GetPrismaClientConfig = {
    previewFeatures: [],
    clientVersion: '7.10.0',
    engineVersion: '',
    activeProvider: 'postgresql',
    inlineSchema:
      'generator client {\n  provider = "prisma-client"\n}\n\ndatasource db {\n  provider = "postgresql"\n}\n',
    runtimeDataModel: { models: {}, enums: {}, types: {} },
    parameterizationSchema: { strings: [], graph: 'AAAA' },
    compilerWasm: {
      getRuntime: () => import('@prisma/client/runtime/query_compiler_fast_bg.postgresql.mjs') as never,
      getQueryCompilerWasmModule: async () => {
        const { wasm } =
          (await import('@prisma/client/runtime/query_compiler_fast_bg.postgresql.wasm-base64.mjs')) as unknown as {
            wasm: string;
          };
        return new WebAssembly.Module(Buffer.from(wasm, 'base64'));
      },
      importName: './query_compiler_fast_bg.js',
    },
  };
  const Client = getPrismaClient(config) as unknown as new (options: object) => Prisma;
  return new Client({ adapter: new PrismaPg({ connectionString }) });
}
