import { busSql } from './schema/bus.js';
import { marksSql } from './schema/marks.js';
import { quotedSchema } from './schema/name.js';
import { outboxSql } from './schema/outbox.js';
import { storeSql } from './schema/store.js';

export interface Migration {
  /** From 1, without a hole. */
  readonly version: number;
  readonly name: string;
  /** Statements to be run together, in one transaction. */
  readonly sql: string;
}

export interface MigrationsOptions {
  /** Where the tables are to be, and nothing else. Default 'tidemark'. */
  readonly schema?: string | undefined;
}

/**
 * What `postgres()` and `pgOutbox()` need in the database, as SQL for your own migrations: each once, in order. Nothing of it runs by itself.
 * `npx tidemark migrate --print` prints the same. Throws INVALID_OPTION for a schema that is no name.
 *
 * @example
 * for (const { sql } of migrations()) await client.query(sql); // each in a transaction
 */
export function migrations(options: MigrationsOptions = {}): readonly Migration[] {
  const schema = quotedSchema(options.schema);
  return [
    migration(schema, 1, 'marks, store, bus and outbox', [
      created(schema),
      marksSql(schema),
      storeSql(schema),
      busSql(schema),
      outboxSql(schema),
    ]),
  ];
}

const created = (schema: string): string => `create schema if not exists ${schema};

-- Which of these migrations were made here.
create table ${schema}.migration (
  version int primary key,
  name text not null,
  made_at timestamptz not null default now()
);
`;

function migration(schema: string, version: number, name: string, parts: readonly string[]): Migration {
  const noted = `insert into ${schema}.migration (version, name) values (${String(version)}, '${name}');\n`;
  return { version, name, sql: [...parts, noted].join('\n') };
}
