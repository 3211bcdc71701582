import type { XY } from './geometry.js';
import { type Edge, type Side, edgesOfPolygon, isOnEdge, turn } from './relate.js';
import type { Polygon } from './shape.js';

/** So many edges lie in a band, give or take those that reach over several. */
const EDGES_PER_BAND = 4;

/**
 * Where points lie beside a valid polygon, made once to ask for many points: its edges are sorted into horizontal bands, and
 * of them only those at the height of a point are looked at. Says what `sideOf` says.
 */
export function bandsOf(polygon: Polygon): (point: XY) => Side {
  const edges = edgesOfPolygon(polygon);
  let [low, high] = [Infinity, -Infinity];
  for (const [[, y]] of edges) {
    low = Math.min(low, y);
    high = Math.max(high, y);
  }
  const bands: Edge[][] = Array.from({ length: Math.ceil(edges.length / EDGES_PER_BAND) }, () => []);
  const bandAt = (y: number): number =>
    Math.min(bands.length - 1, Math.floor(((y - low) / (high - low)) * bands.length));
  for (const edge of edges) {
    const [[, from], [, to]] = edge;
    const last = bandAt(Math.max(from, to));
    for (let band = bandAt(Math.min(from, to)); band <= last; band++) bands[band]?.push(edge);
  }
  return (point) => (point[1] >= low && point[1] <= high ? sideAmong(bands[bandAt(point[1])] ?? [], point) : 'out');
}

/** By how often a ray to the right crosses the edges; an edge has its lower end and not its upper one. */
function sideAmong(edges: readonly Edge[], point: XY): Side {
  const [x, y] = point;
  let isIn = false;
  for (const edge of edges) {
    const [from, to] = edge;
    if (isOnEdge(point, edge)) return 'on';
    if (from[1] > y === to[1] > y || (from[0] < x && to[0] < x)) continue;
    if (turn(from, to, point) > 0 === to[1] < from[1]) isIn = !isIn;
  }
  return isIn ? 'in' : 'out';
}
