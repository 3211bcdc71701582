import { expect, test } from 'vitest';
import { createTidemark, defineModel, entity, memory } from '../../src/index.js';
import { fakeClock, seededRandom } from '../../src/testing/index.js';

interface Place {
  readonly id: string;
  readonly x: number;
  readonly y: number;
}

const SIDE = 1000;
const model = defineModel({
  entities: { place: entity<Place>()({ geometry: ({ x, y }) => ({ x, y }) }) },
  spatial: { srid: 0, extent: { min: { x: 0, y: 0 }, max: { x: SIDE, y: SIDE } } },
});

/** Two replicas that share marks, and 400 places. */
function setUp() {
  const random = seededRandom(7);
  const spot = (): { x: number; y: number } => ({ x: random() * SIDE, y: random() * SIDE });
  const places = new Map(
    Array.from({ length: 400 }, (_, i): [string, Place] => [`p${String(i)}`, { id: `p${String(i)}`, ...spot() }]),
  );
  const { marks, bus } = memory();
  const clock = fakeClock();
  const replica = () =>
    createTidemark({
      model,
      marks,
      bus,
      clock,
      origin: { place: { byIds: (ids) => ids.flatMap((id) => places.get(id) ?? []), all: () => places.values() } },
    });
  const discs = Array.from({ length: 100 }, () => ({ point: spot(), radius: 20 + random() * 80 }));
  const isIn = ({ x, y }: Place, { point, radius }: (typeof discs)[0]): boolean =>
    Math.hypot(x - point.x, y - point.y) <= radius;
  return { random, spot, places, discs, isIn, here: replica(), there: replica() };
}

test('a move drops what it left and entered where it is made, and little more where it is heard of', async () => {
  const { random, spot, places, discs, isIn, here, there } = setUp();
  const dropped = async (tide: typeof here): Promise<number> => {
    tide.resetStats();
    for (const disc of discs) await tide.spatial.near('place', disc);
    return tide.stats().byType['spatial']?.misses ?? 0;
  };
  for (const tide of [here, there]) expect(await dropped(tide)).toBe(discs.length);
  const sum = { exact: 0, here: 0, there: 0 };
  for (let move = 0; move < 25; move++) {
    const before = places.get(`p${String(Math.floor(random() * places.size))}`) as Place;
    const after = { ...before, ...(move % 5 === 0 ? spot() : { x: before.x + random() * 5, y: before.y }) };
    places.set(before.id, after);
    await here.change({ type: 'place', id: before.id, op: 'update', before, after });
    sum.exact += discs.filter((disc) => isIn(before, disc) || isIn(after, disc)).length;
    sum.here += await dropped(here);
    sum.there += await dropped(there);
  }
  expect(sum.here).toBe(sum.exact);
  expect(sum.there).toBeGreaterThanOrEqual(sum.exact);
  expect(sum.there).toBeLessThan(1.2 * sum.exact);
});

test('of more moves than are remembered an old answer knows nothing: it is loaded again', async () => {
  const { places, here } = setUp();
  const disc = { point: { x: 100, y: 100 }, radius: 1 };
  await here.spatial.near('place', disc);
  const beside = [...places.values()].find(({ x, y }) => Math.hypot(x - 100, y - 100) > 50) as Place;
  const moveWithin = async (times: number): Promise<void> => {
    for (let i = 0; i < times; i++) {
      // In the same cells, so that the marks of the answer move.
      const [before, after] = [places.get(beside.id) as Place, { ...beside, x: 101.2 + (i % 2) / 10, y: 100 }];
      places.set(beside.id, after);
      await here.change({ type: 'place', id: beside.id, op: 'update', before, after });
    }
  };
  await moveWithin(1000);
  here.resetStats();
  await here.spatial.near('place', disc);
  expect(here.stats()).toMatchObject({ hits: 1, misses: 0 });
  await moveWithin(4100);
  here.resetStats();
  await here.spatial.near('place', disc);
  expect(here.stats()).toMatchObject({ hits: 0, misses: 1 });
});
