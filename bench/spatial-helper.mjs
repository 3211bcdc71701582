import assert from 'node:assert/strict';
import { postgis } from 'tidemark/postgres';
import { SIDE } from './places.mjs';
import { fill, poolOf, throwAwayPostgis } from './postgis.mjs';
import { seeded } from './random.mjs';
import { takingTurns } from './turns.mjs';

const PLACES = 100_000;
const POINTS = 500;
const RADIUS = SIDE * Math.sqrt(31 / PLACES / Math.PI);
const GROUP = `near, ${PLACES.toLocaleString('en')} places`;
const BARE = `select id, ST_Distance(geom, ST_SetSRID(ST_MakePoint($1, $2), 3857)) as distance from places
  where ST_DWithin(geom, ST_SetSRID(ST_MakePoint($1, $2), 3857), $3) order by distance, id collate "C"`;

export default {
  title: 'The helper and the statement',
  question: 'What does asking PostGIS through postgis() cost beyond the statement that one would write by hand?',
  setting: `${PLACES.toLocaleString('en')} places, discs with about 31 of them, both unprepared. The statement by hand gives the same ids and distances in the same order. The two take turns question by question, in one process and on one connection: what differs from one connection, or from one moment, to the next is far more than what is measured.`,
  packages: ['pg'],
  goals: [
    {
      text: 'postgis().find ≤ 1.2 × the bare statement',
      limit: 1.2,
      actual: ({ ratio }) => ratio(GROUP, 'postgis().find'),
    },
  ],
  measure: (_, group, __, { given }) => takingTurns(group, given),
  start: async () => {
    const { url, pool, stop } = await throwAwayPostgis();
    const random = seeded(1);
    const places = Array.from({ length: PLACES }, (_, i) => ({ id: `p${i}`, x: random() * SIDE, y: random() * SIDE }));
    await fill(pool, 'places', places);
    const shared = poolOf(url);
    return {
      given: shared,
      stop: async () => {
        await shared.end();
        await stop();
      },
    };
  },
  groups: [
    {
      title: GROUP,
      operation: 'question',
      reference: 'the bare statement',
      cases: [
        { name: 'the bare statement', make: (pool) => asking(bare(pool)) },
        { name: 'postgis().find', make: (pool) => asking(helper(pool)) },
      ],
    },
  ],
};

const bare = (pool) => async (point) => (await pool.query(BARE, [point.x, point.y, RADIUS])).rows;

function helper(sql) {
  const spatial = postgis({ sql, tables: { place: { table: 'places', id: 'id', geometry: 'geom' } } });
  const { signal } = new AbortController();
  const system = { srid: 3857, distance: 'planar' };
  const asked = { type: 'place', system, branches: ['main'], where: [], limit: undefined, signal };
  return (point) => spatial.find({ ...asked, question: { kind: 'near', point, radius: RADIUS } });
}

function asking(find) {
  const random = seeded(2);
  const points = Array.from({ length: POINTS }, () => ({ x: random() * SIDE, y: random() * SIDE }));
  return async (i) => {
    const rows = await find(points[i % POINTS]);
    assert.ok(rows.length > 5);
    // Ids and distances, weighed by their place, so that another order shows.
    return rows.reduce((sum, { id, distance }, n) => sum + (n + 1) * (Number(id.slice(1)) + distance), 0);
  };
}
