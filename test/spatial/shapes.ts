import type { Geometry, SpatialQuestion } from '../../src/index.js';

/** Geometries on a small grid of whole numbers, where borders, corners and ties meet all the time. */

export type Random = () => number;
type XY = [number, number];

const SIDE = 10;

export const whole = (random: Random, below: number): number => Math.floor(random() * below);
const spot = (random: Random): XY => [whole(random, SIDE), whole(random, SIDE)];
export const pick = <T>(random: Random, from: readonly T[]): T => from[whole(random, from.length)] as T;

/** A closed ring through random positions: as often as not it crosses itself. */
export function anyRing(random: Random, corners = 3 + whole(random, 4)): XY[] {
  const ring = Array.from({ length: corners }, () => spot(random));
  return [...ring, ring[0] as XY];
}

function rectangle(random: Random, inside?: readonly XY[]): XY[] {
  const [[left, bottom], , [right, top]] = (inside ?? [
    [0, 0],
    [0, 0],
    [SIDE, SIDE],
  ]) as [XY, XY, XY];
  const at = (from: number, to: number): number => from + whole(random, to - from + 1);
  const [x, y] = [at(left, right - 1), at(bottom, top - 1)];
  const [u, v] = [at(x + 1, right), at(y + 1, top)];
  return [
    [x, y],
    [u, y],
    [u, v],
    [x, v],
    [x, y],
  ];
}

/** Random rings of a polygon; whether it is valid is another matter. */
export function anyPolygon(random: Random): XY[][] {
  if (random() < 0.5) return [anyRing(random), ...(random() < 0.2 ? [anyRing(random, 3)] : [])];
  const outer = rectangle(random);
  const holes = Array.from({ length: whole(random, 4) }, () =>
    random() < 0.6 ? rectangle(random, outer) : anyRing(random, 3),
  );
  return [outer, ...holes];
}

type IsValid = (region: Geometry) => boolean;

export function anyGeometry(random: Random, isValid: IsValid): Geometry {
  const polygon = (): XY[][] => {
    for (;;) {
      const found = anyPolygon(random);
      if (isValid(polygonOf(found))) return found;
    }
  };
  switch (whole(random, 8)) {
    case 0:
      return { type: 'MultiPoint', coordinates: [spot(random), spot(random)] };
    case 1: {
      const from = spot(random);
      const others = Array.from({ length: 1 + whole(random, 3) }, () => spot(random));
      return others.some(([x, y]) => x !== from[0] || y !== from[1])
        ? { type: 'LineString', coordinates: [from, ...others] }
        : { type: 'Point', coordinates: from };
    }
    case 2:
    case 3:
      return { type: 'Polygon', coordinates: polygon() };
    case 4:
      return anyRegion(random, isValid);
    default:
      return { type: 'Point', coordinates: spot(random) };
  }
}

/** Of one polygon or of two, which touch in points at most: `isValid` says so of both together. */
export function anyRegion(random: Random, isValid: IsValid): Geometry {
  for (;;) {
    const [one, other] = [anyPolygon(random), anyPolygon(random)];
    const region = random() < 0.5 ? polygonOf(one) : { type: 'MultiPolygon', coordinates: [one, other] };
    if (isValid(region)) return region;
  }
}

const polygonOf = (coordinates: XY[][]): Geometry => ({ type: 'Polygon', coordinates });

export function anyQuestion(random: Random, region: () => Geometry): SpatialQuestion {
  const [x, y] = spot(random);
  const point = random() < 0.2 ? { x: x + 0.5, y: y + 0.25 } : { x, y };
  const strict = random() < 0.4;
  switch (whole(random, 5)) {
    case 0:
      return { kind: 'near', point, radius: pick(random, [0, 1, 2, 3, 5, 2.5]) };
    case 1:
      return {
        kind: 'nearest',
        point,
        count: 1 + whole(random, 6),
        maxDistance: pick(random, [undefined, undefined, 0, 2, 4]),
      };
    case 2: {
      const [u, v] = [x + whole(random, 5), y + whole(random, 5)];
      return { kind: 'inBox', boxes: [{ minX: x, minY: y, maxX: u, maxY: v }] };
    }
    case 3:
      return { kind: 'within', region: region(), strict };
    default:
      return { kind: 'containing', point, strict };
  }
}
