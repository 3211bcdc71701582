import geodesic from 'geographiclib-geodesic';
import type { SpatialSystem } from '../contract.js';
import { TidemarkError } from '../errors.js';
import type { XY } from './geometry.js';
import { bordersOf, intersects } from './relate.js';
import type { Shape } from './shape.js';

/** In units of the SRID, or in metres along the WGS 84 ellipsoid. Shapes with a point in common are 0 apart. */
export function distanceBetween(a: Shape, b: Shape, { distance }: SpatialSystem): number {
  if (distance === 'planar') return planar(a, b);
  const [from, to] = [onlyPoint(a), onlyPoint(b)];
  if (from === null || to === null) {
    throw new TidemarkError(
      'UNSUPPORTED_GEOMETRY',
      'distance: the embedded index measures geodesic distances between points; expected two, got something larger. PostGIS (tidemark/postgres) measures all.',
    );
  }
  return metresBetween(from, to);
}

/** Source: C. F. F. Karney, "Algorithms for geodesics", J. Geodesy 87 (2013), as GeographicLib and PostGIS have it. */
export function metresBetween([fromLon, fromLat]: XY, [toLon, toLat]: XY): number {
  return geodesic.Geodesic.WGS84.Inverse(fromLat, fromLon, toLat, toLon).s12 ?? NaN;
}

/** The position of a shape that is one point; else null. */
export function onlyPoint({ points, lines, polygons }: Shape): XY | null {
  return points.length === 1 && lines.length === 0 && polygons.length === 0 ? (points[0] as XY) : null;
}

function planar(a: Shape, b: Shape): number {
  const [one, other] = [onlyPoint(a), onlyPoint(b)];
  if (one !== null && other !== null) return apart(one, other);
  if (intersects(a, b)) return 0;
  return Math.min(fromVertices(a, b), fromVertices(b, a));
}

/** Not Math.hypot, which differs from PostGIS in the last bit: what is equally far there is so here. */
export function apart(a: XY, b: XY): number {
  const [dx, dy] = [b[0] - a[0], b[1] - a[1]];
  return Math.sqrt(dx * dx + dy * dy);
}

/** The least distance of the vertices of one from the other: of shapes that do not meet, one of the two is the distance. */
function fromVertices(a: Shape, b: Shape): number {
  const edges = bordersOf(b);
  let least = Infinity;
  for (const vertex of [...a.points, ...bordersOf(a).flat()]) {
    for (const point of b.points) least = Math.min(least, apart(vertex, point));
    for (const edge of edges) least = Math.min(least, fromEdge(vertex, edge));
  }
  return least;
}

function fromEdge(point: XY, [from, to]: readonly [XY, XY]): number {
  const [dx, dy] = [to[0] - from[0], to[1] - from[1]];
  const along = ((point[0] - from[0]) * dx + (point[1] - from[1]) * dy) / (dx * dx + dy * dy);
  if (along <= 0) return apart(point, from);
  if (along >= 1) return apart(point, to);
  return apart(point, [from[0] + along * dx, from[1] + along * dy]);
}
