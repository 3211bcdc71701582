import fc from 'fast-check';
import { expect, test } from 'vitest';
import { postgis } from '../../src/adapters/postgres/index.js';
import * as library from '../../src/index.js';
import { describePostgis } from '../services/postgres.js';
import { type Outside, history, play } from './grid.js';

const RUNS = process.env['TIDEMARK_LONG'] === undefined ? 40 : 1000;

describePostgis('spatial answers of PostGIS', (database) => {
  test('after any change are what looking at everything gives, on every replica', { timeout: 3_600_000 }, async () => {
    const { pool, schema } = database();
    for (const type of ['town', 'region']) {
      await pool.query(
        `create table ${schema}.${type} (id text primary key, level int, gone boolean not null, geom geometry(Geometry, 0))`,
      );
      await pool.query(`create index on ${schema}.${type} using gist (geom)`);
    }
    const table = { schema, id: 'id', geometry: 'geom', deleted: 'gone', columns: { level: 'level' } };
    const outside: Outside = {
      spatial: postgis({
        sql: pool,
        tables: { town: { ...table, table: 'town' }, region: { ...table, table: 'region' } },
      }),
      put: async (type, id, { geometry, level, deleted }) => {
        await pool.query(
          `insert into ${schema}.${type} values ($1, $2, $3, ST_SetSRID(ST_GeomFromGeoJSON($4), 0))
           on conflict (id) do update set level = excluded.level, gone = excluded.gone, geom = excluded.geom`,
          [id, level, deleted, geometry === null ? null : JSON.stringify(geometry)],
        );
      },
    };
    let hits = 0;
    await fc.assert(
      fc.asyncProperty(history, async (one) => {
        await pool.query(`truncate ${schema}.town, ${schema}.region`);
        const shared = library.memory();
        hits += (await play(library, one, () => shared, library.systemClock, outside)).hits;
      }),
      { numRuns: RUNS },
    );
    expect(hits).toBeGreaterThan(0);
  });

  test('tide.ready() says what keeps it from answering well, and the SQL that mends it', async () => {
    const { pool, schema } = database();
    await pool.query(`create table ${schema}.bare (id text primary key, geom geometry)`);
    interface Place {
      readonly id: string;
      readonly at: { readonly x: number; readonly y: number };
    }
    const model = library.defineModel({ entities: { place: library.entity<Place>()({ geometry: ({ at }) => at }) } });
    const tables = { place: { schema, table: 'bare', id: 'id', geometry: 'geom' } };
    const spatial = postgis({ sql: pool, tables });
    const tide = library.createTidemark({ model, spatial, origin: { place: { byIds: () => [] } } });
    const refused: unknown = await tide.ready().catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 'SPATIAL_NOT_READY' });
    const { message } = refused as Error;
    expect(message).toMatch(/expected geometry\(Geometry,3857\)/);
    expect(message).toMatch(/has no GiST index/);
    for (const [, mend = ''] of message.matchAll(/mend: (.*)/g)) await pool.query(mend);
    await tide.ready();
    await tide.close();
  });
});
