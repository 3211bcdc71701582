import { describe, test } from 'vitest';
import { postgis } from '../../src/adapters/postgres/index.js';
import { casesFor, spatialCases } from '../../src/testing/index.js';
import { describePostgis } from '../services/postgres.js';
import { embeddedSpatial } from './embedded-spatial.js';

describe('the index in the process', () => {
  for (const { name, run } of casesFor(spatialCases)) test(name, () => run(embeddedSpatial));
});

describePostgis('the spatial contract on PostGIS', (database) => {
  const make = async () => {
    const { pool, schema } = database();
    const table = `t${crypto.randomUUID().replaceAll('-', '')}`;
    const name = `${schema}.${table}`;
    await pool.query(`create table ${name} (id text, branch text, level int, gone boolean, geom geometry(Geometry, 0),
      primary key (id, branch))`);
    await pool.query(`create index on ${name} using gist (geom)`);
    const columns = { id: 'id', geometry: 'geom', deleted: 'gone', branch: 'branch', columns: { level: 'level' } };
    return {
      spatial: postgis({ sql: pool, tables: { place: { schema, table, ...columns } } }),
      put: async (rows: readonly object[]): Promise<void> => {
        await pool.query(`truncate ${name}`);
        await pool.query(
          `insert into ${name} select id, coalesce(branch, 'main'), level, coalesce(deleted, false),
             ST_SetSRID(ST_GeomFromGeoJSON(geometry::text), 0)
           from jsonb_to_recordset($1) as r(id text, branch text, level int, deleted boolean, geometry jsonb)`,
          [JSON.stringify(rows)],
        );
      },
    };
  };
  for (const { name, run } of casesFor(spatialCases)) test(name, () => run(make));
});
