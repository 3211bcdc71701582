import assert from 'node:assert/strict';
import { createTidemark, defineModel, entity } from 'tidemark';
import { postgis } from 'tidemark/postgres';
import { fill, poolOf, throwAwayPostgis } from './postgis.mjs';
import { SIDE } from './places.mjs';
import { seeded } from './random.mjs';

const FOUND = 31;
const POINTS = 500;
/** Without an index each question takes a good part of a second. */
const FEW_POINTS = 20;
const SIZES = [10_000, 135_000, 1_000_000];
const title = (count) => `near, ${count.toLocaleString('en')} places`;

const model = defineModel({
  entities: { place: entity()({ geometry: ({ x, y }) => ({ x, y }) }) },
  spatial: { extent: { min: { x: 0, y: 0 }, max: { x: SIDE, y: SIDE } } },
});

export default {
  title: 'What is near',
  question: 'What does a question for what is near cost, with and without a cache, in the process and on PostGIS?',
  setting: `Places anywhere on a map; each question is for a disc with about ${FOUND} of them, ${POINTS} discs in turn (${FEW_POINTS} in the last group). "Not held" is asked of a tide that holds one answer, which loads each time: from the index in the process, or from PostGIS on this machine, whose ids the origin (a Map) turns into rows. "Held" is an answer in tier 1. The last group has PostGIS alone, with and without its index.`,
  packages: ['pg', 'rbush'],
  goals: [
    {
      text: 'PostGIS with its index at least 50 × as fast as without, 1,000,000 places',
      limit: 50,
      atLeast: true,
      actual: ({ between }) => between(title(SIZES[2]), 'PostGIS without its index', 'PostGIS, not held'),
    },
    {
      text: 'held ≤ 0.1 × not held in the process, 10,000 places',
      limit: 0.1,
      actual: ({ between }) => between(title(SIZES[0]), 'in the process, held', 'in the process, not held'),
    },
  ],
  start: async () => {
    const { url, pool, stop } = await throwAwayPostgis();
    for (const size of SIZES) await fill(pool, `places_${size}`, placesOf(size));
    await fill(pool, 'places_bare', placesOf(SIZES[2]), { indexed: false });
    return { given: url, stop };
  },
  groups: [
    ...SIZES.slice(0, 2).map((size) => ({
      title: title(size),
      operation: 'question',
      reference: 'in the process, not held',
      cases: [
        { name: 'in the process, not held', make: () => asking(size, { maxEntries: 1 }) },
        { name: 'in the process, held', make: () => asking(size, {}) },
        { name: 'PostGIS, not held', make: (url) => askingPostgis(url, size, `places_${size}`) },
      ],
    })),
    {
      title: title(SIZES[2]),
      operation: 'question',
      reference: 'PostGIS, not held',
      cases: [
        { name: 'PostGIS, not held', make: (url) => askingPostgis(url, SIZES[2], `places_${SIZES[2]}`, FEW_POINTS) },
        { name: 'PostGIS without its index', make: (url) => askingPostgis(url, SIZES[2], 'places_bare', FEW_POINTS) },
      ],
    },
  ],
};

function placesOf(size) {
  const random = seeded(1);
  return Array.from({ length: size }, (_, i) => ({ id: `p${i}`, x: random() * SIDE, y: random() * SIDE }));
}

async function asking(size, options, { spatial, points = POINTS } = {}) {
  const places = new Map(placesOf(size).map((place) => [place.id, place]));
  const random = seeded(2);
  const radius = SIDE * Math.sqrt(FOUND / size / Math.PI);
  const discs = Array.from({ length: points }, () => ({ point: { x: random() * SIDE, y: random() * SIDE }, radius }));
  const tide = createTidemark({
    model,
    ttlMs: 0,
    spatial,
    origin: { place: { byIds: (ids) => ids.map((id) => places.get(id)), all: () => places.values() } },
    ...options,
  });
  let found = 0;
  const near = async (i) => (await tide.spatial.near('place', discs[i % points])).length;
  for (let i = 0; i < points; i++) found += await near(i);
  return {
    run: async (from, to) => {
      let sum = 0;
      for (let i = from; i < to; i++) sum += await near(i);
      return sum;
    },
    verify: () => assert.ok(found > points * 20 && found < points * 40),
  };
}

function askingPostgis(url, size, table, points) {
  const sql = poolOf(url);
  const tables = { place: { table, id: 'id', geometry: 'geom' } };
  return asking(size, { maxEntries: 1 }, { spatial: postgis({ sql, tables }), points });
}
