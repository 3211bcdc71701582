import { load } from '/page/server.js';

/** Every settlement of a branch, the largest first, in arrays: quick to look through and ready to be drawn. */
export async function loadPoints(branch) {
  const { ids, lon, lat, population, names } = await load(`/data/points?branch=${encodeURIComponent(branch)}`);
  const order = ids.map((_, i) => i).sort((a, b) => population[b] - population[a]);
  const points = {
    ids: order.map((i) => ids[i]),
    names: order.map((i) => names[i]),
    population: Float32Array.from(order, (i) => population[i]),
    x: Float64Array.from(order, (i) => (lon[i] + 180) / 360),
    y: Float64Array.from(order, (i) => mercatorY(lat[i])),
  };
  const at = new Map(points.ids.map((id, i) => [id, i]));
  return { ...points, count: points.ids.length, indexOf: (id) => at.get(id) ?? -1 };
}

/** Web Mercator as the map has it: 0 in the north, 1 in the south. */
export const mercatorY = (lat) => 0.5 - Math.asinh(Math.tan((lat * Math.PI) / 180)) / (2 * Math.PI);
export const latitude = (y) => (Math.atan(Math.sinh(Math.PI * (1 - 2 * y))) * 180) / Math.PI;
export const longitude = (x) => x * 360 - 180;

/** What was removed stays in its place, with this for its people, and is neither drawn nor found. */
export const REMOVED = -1;

/** The largest within the box, at most so many. The box may reach over the 180th meridian. */
export function largestIn({ count, x, y, population }, { west, east, north, south }, most) {
  const found = [];
  for (let i = 0; i < count && found.length < most; i++) {
    const turned = x[i] + Math.ceil(west - x[i]);
    if (population[i] !== REMOVED && turned <= east && y[i] >= north && y[i] <= south) found.push(i);
  }
  return found;
}

/** The index of one within the distance: the nearer the better, and the larger. -1 if none is. */
export function nearest({ count, x, y, population }, at, within) {
  let [best, least] = [-1, Infinity];
  for (let i = 0; i < count; i++) {
    const dy = y[i] - at.y;
    if (dy > within || dy < -within || population[i] === REMOVED) continue;
    const dx = x[i] - at.x;
    const away = Math.hypot(dx - Math.round(dx), dy);
    if (away > within) continue;
    const score = away / Math.log10(10 + population[i]);
    if (score < least) [best, least] = [i, score];
  }
  return best;
}
