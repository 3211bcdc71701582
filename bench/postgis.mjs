import pg from 'pg';
import { startPostgres } from '../scripts/services.mjs';
import { providePostgres } from '../scripts/postgres.mjs';

/** The PostGIS that questions ask of: a process of its own on a free port, gone afterwards. */
export async function throwAwayPostgis({ settings } = {}) {
  const { missing } = providePostgres();
  if (missing !== undefined) throw new Error(missing);
  const server = await startPostgres(settings);
  const pool = poolOf(server.url);
  return {
    ...server,
    pool,
    stop: async () => {
      await pool.end();
      await server.stop();
    },
  };
}

export const poolOf = (url) => new pg.Pool({ connectionString: url, max: 1 });

/** A table of places. */
export async function fill(pool, table, places, { indexed = true } = {}) {
  await pool.query(`create table ${table} (id text primary key, geom geometry(Point, 3857))`);
  for (let from = 0; from < places.length; from += 100_000) {
    const some = places.slice(from, from + 100_000);
    await pool.query(
      `insert into ${table} select id, ST_SetSRID(ST_MakePoint(x, y), 3857)
       from unnest($1::text[], $2::float8[], $3::float8[]) as p(id, x, y)`,
      [some.map(({ id }) => id), some.map(({ x }) => x), some.map(({ y }) => y)],
    );
  }
  if (indexed) await pool.query(`create index on ${table} using gist (geom)`);
  await pool.query(`analyze ${table}`);
}
