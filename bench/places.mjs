import { createTidemark, defineModel, entity, memory } from 'tidemark';
import { seeded } from './random.mjs';

/** Places on a map of 1,000 by 1,000, and questions about them: the workload of the spatial questions. */

export const SIDE = 1000;
export const model = defineModel({
  entities: { place: entity()({ geometry: ({ x, y }) => ({ x, y }) }) },
  spatial: { srid: 0, extent: { min: { x: 0, y: 0 }, max: { x: SIDE, y: SIDE } } },
});

/** Where things are: anywhere alike, or most of them around a few towns. */
export function spotsOf(clustered, random) {
  const towns = Array.from({ length: 20 }, () => [random() * SIDE, random() * SIDE]);
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const inside = (value) => Math.min(SIDE, Math.max(0, value));
  return () => {
    if (!clustered) return { x: random() * SIDE, y: random() * SIDE };
    const [x, y] = towns[Math.floor(random() * towns.length)];
    return { x: inside(x + 25 * normal()), y: inside(y + 25 * normal()) };
  };
}

export const placesOf = (count, spot) =>
  new Map(Array.from({ length: count }, (_, i) => [`p${i}`, { id: `p${i}`, ...spot() }]));

export function tideOver(places, options = {}) {
  const { marks, bus } = memory();
  return createTidemark({
    model,
    marks,
    bus,
    ttlMs: 0,
    maxMarks: 2_000_000,
    origin: { place: { byIds: (ids) => ids.flatMap((id) => places.get(id) ?? []), all: () => places.values() } },
    ...options,
  });
}

/** 40 % discs, 25 % boxes, 20 % polygons, 15 % the ten nearest; about 31 places in each of the former. */
export function questionsOf(count, spot, seed = 5) {
  const random = seeded(seed);
  return Array.from({ length: count }, () => {
    const point = spot();
    const share = random();
    if (share < 0.4) return disc(point, 22);
    if (share < 0.65) return box(point, 20);
    if (share < 0.85) return polygon(point, 24);
    return { verb: 'nearest', query: { point, k: 10 }, holds: null };
  });
}

const away = (a, b) => Math.hypot(a.x - b.x, a.y - b.y);

export const disc = (point, radius) => ({
  verb: 'near',
  query: { point, radius },
  holds: (place) => away(place, point) <= radius,
});

function box({ x, y }, half) {
  const query = { min: { x: x - half, y: y - half }, max: { x: x + half, y: y + half } };
  return { verb: 'inBox', query, holds: (p) => Math.abs(p.x - x) <= half && Math.abs(p.y - y) <= half };
}

/** Twelve corners; convex, so that what is left of every edge is inside. */
function polygon({ x, y }, radius) {
  const ring = Array.from({ length: 12 }, (_, i) => {
    const angle = (2 * Math.PI * i) / 12;
    return [x + radius * Math.cos(angle), y + radius * Math.sin(angle)];
  });
  ring.push(ring[0]);
  const leftOf = (a, b, p) => (b[0] - a[0]) * (p.y - a[1]) - (b[1] - a[1]) * (p.x - a[0]) >= 0;
  return {
    verb: 'within',
    query: { polygon: { type: 'Polygon', coordinates: [ring] } },
    holds: (p) => ring.slice(1).every((corner, i) => leftOf(ring[i], corner, p)),
  };
}

/** What looking at everything gives, as ids: in any order for areas, the ten nearest by distance. */
export function bruteForce({ query, holds }, places) {
  if (holds !== null) return [...places.values()].filter(holds).map(({ id }) => id);
  return [...places.values()]
    .map((place) => ({ id: place.id, far: away(place, query.point) }))
    .sort((a, b) => a.far - b.far)
    .slice(0, query.k)
    .map(({ id }) => id);
}

/** Four moves in five go a little way, the fifth goes anywhere. */
export function* moves(count, places, spot, random) {
  for (let i = 0; i < count; i++) {
    const before = places.get(`p${Math.floor(random() * places.size)}`);
    const jump = i % 5 === 4 ? spot() : { x: before.x + (random() - 0.5) * 4, y: before.y + (random() - 0.5) * 4 };
    const inside = (value) => Math.min(SIDE, Math.max(0, value));
    const after = { id: before.id, x: inside(jump.x), y: inside(jump.y) };
    places.set(before.id, after);
    yield { type: 'place', id: before.id, op: 'update', before, after };
  }
}
