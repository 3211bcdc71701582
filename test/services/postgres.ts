import { Client, Pool } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { reach } from './reach.js';

const postgis = await reach('postgis');

/** A database with PostGIS, and in it a schema that is this file's own. */
export interface Database {
  readonly pool: Pool;
  readonly schema: string;
  readonly connectionString: string;
}

/** Declares tests against a real PostGIS; where there is none they are skipped, loudly. */
export function describePostgis(name: string, declare: (database: () => Database) => void): void {
  const { missing } = postgis;
  if (missing !== undefined) console.warn(`NO POSTGIS: all tests of ${name} are skipped: ${missing}`);
  test.runIf(process.env['CI'] === 'true')(`there is a PostGIS for ${name}`, () => {
    expect(missing).toBeUndefined();
  });
  describe.skipIf(missing !== undefined)(name, () => {
    const connectionString = postgis.missing === undefined ? postgis.url : '';
    const schema = `test_${crypto.randomUUID().replaceAll('-', '')}`;
    let pool: Pool;
    beforeAll(async () => {
      pool = new Pool({ connectionString, max: 4 });
      await pool.query(`create schema ${schema}`);
    });
    afterAll(async () => {
      await pool.end();
      const client = new Client({ connectionString });
      await client.connect();
      await client.query(`drop schema ${schema} cascade`);
      await client.end();
    });
    declare(() => ({ pool, schema, connectionString }));
  });
}
