import { expect, test } from 'vitest';
import { type Geometry, createTidemark, defineModel, entity } from '../../src/index.js';
import { chaosSpatial, fakeClock, seededRandom } from '../../src/testing/index.js';
import { embeddedSpatial } from '../contract/embedded-spatial.js';

interface Place {
  readonly id: string;
  readonly x: number;
  readonly hidden: boolean;
}

const model = defineModel({
  entities: { place: entity<Place>()({ geometry: ({ x }) => ({ x, y: 0 }), deleted: ({ hidden }) => hidden }) },
  spatial: { srid: 0 },
});

/** Places at 0, 1, 2, …; the back end knows nothing of which of them readers do not see. */
async function world(hidden: readonly number[] = []) {
  const clock = fakeClock();
  const rows = Array.from({ length: 20 }, (_, x): Place => ({
    id: `p${String(10 + x)}`,
    x,
    hidden: hidden.includes(x),
  }));
  const { spatial: inside, put } = embeddedSpatial();
  await put(rows.map(({ id, x }) => ({ id, geometry: { type: 'Point', coordinates: [x, 0] } satisfies Geometry })));
  const spatial = chaosSpatial(inside, { random: seededRandom(1), clock });
  const tide = createTidemark({
    model,
    spatial,
    clock,
    staleIfOutageMs: 60_000,
    origin: { place: { byIds: (ids) => rows.filter(({ id }) => ids.includes(id)) } },
  });
  const nearest = async (k: number): Promise<number[]> =>
    (await tide.spatial.nearest('place', { point: { x: 0, y: 0 }, k })).map(({ x }) => x);
  return { tide, spatial, clock, nearest };
}

test('where readers do not see what a back end finds, more are asked for until there are enough', async () => {
  const { tide, nearest } = await world([0, 2, 3, 4, 5, 6, 7, 8, 10]);
  expect(await nearest(3)).toEqual([1, 9, 11]);
  const inBox = await tide.spatial.inBox('place', { min: { x: 0, y: 0 }, max: { x: 11, y: 0 }, limit: 3 });
  expect(inBox.map(({ x }) => x)).toEqual([1, 9, 11]);
  expect(await nearest(99)).toHaveLength(11);
});

test('a back end that fails is an error that names it, and is asked again', async () => {
  const { tide, spatial, nearest } = await world();
  spatial.failAlways();
  await expect(nearest(1)).rejects.toThrow(/spatial:places-nearest:0:0:0:1:.*spatial\.find: failed by chance/);
  await expect(tide.ready()).rejects.toThrow(/spatial\.check: failed by chance/);
  spatial.failNever();
  expect(await nearest(1)).toEqual([0]);
  await tide.ready();
});

test('in an outage of the back end an old answer will do for who says so', async () => {
  const { tide, spatial, nearest } = await world();
  expect(await nearest(2)).toEqual([0, 1]);
  await tide.change({ subjects: [tide.subject.type('place')] });
  spatial.failAlways();
  expect(await nearest(2)).toEqual([0, 1]);
});
