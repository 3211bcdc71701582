import { readFileSync } from 'node:fs';
import { Client } from 'pg';
import { configFromEnv } from 'tidemark';
import { migrations } from 'tidemark/postgres';

// Run before each deploy: what was made already is left as it is.
const client = new Client({ connectionString: configFromEnv().databaseUrl ?? undefined });
await client.connect();
await client.query("select pg_advisory_lock(hashtext('migrate'))");
await client.query(readFileSync(new URL('schema.sql', import.meta.url), 'utf8'));
const { rows } = await client.query<{ there: boolean }>(
  `select to_regclass('tidemark.migration') is not null as there`,
);
const made =
  rows[0]?.there === true
    ? (await client.query<{ version: number }>('select version from tidemark.migration')).rows
    : [];
for (const { version, sql } of migrations()) {
  if (made.some((one) => one.version === version)) continue;
  await client.query(`begin;\n${sql}\ncommit`);
}
await client.end();
