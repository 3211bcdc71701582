import type { Box, Position } from '../contract.js';
import { TidemarkError } from '../errors.js';
import { DEGREES } from '../frame.js';

/** A position as GeoJSON has it; heights that follow are ignored. */
export type XY = readonly [x: number, y: number];

/** By type of GeoJSON: how deep its positions are nested, and how many a line of them has at least. */
const SHAPES: Readonly<Record<string, { readonly depth: number; readonly least: number }>> = {
  Point: { depth: 0, least: 1 },
  MultiPoint: { depth: 1, least: 1 },
  LineString: { depth: 1, least: 2 },
  MultiLineString: { depth: 2, least: 2 },
  Polygon: { depth: 2, least: 4 },
  MultiPolygon: { depth: 3, least: 4 },
};

/**
 * Checks that a geometry is `{x, y}`, or `{lon, lat}` for SRID 4326, or GeoJSON, with finite coordinates in range.
 * Throws INVALID_GEOMETRY with the path of the first fault, below `where`.
 */
export function checkGeometry(geometry: unknown, srid: number, where: string): void {
  if (typeof geometry !== 'object' || geometry === null) throw fault(where, '{x, y}, {lon, lat} or GeoJSON', geometry);
  const { type, coordinates, geometries } = geometry as Record<string, unknown>;
  if (type === 'GeometryCollection') {
    if (!Array.isArray(geometries)) throw fault(`${where}.geometries`, 'an array of geometries', geometries);
    geometries.forEach((part, i) => {
      checkGeometry(part, srid, `${where}.geometries[${String(i)}]`);
    });
  } else if (type !== undefined) {
    const shape = SHAPES[type as string];
    if (shape === undefined || !Object.hasOwn(SHAPES, type as string)) {
      throw fault(`${where}.type`, `one of ${Object.keys(SHAPES).join(', ')}`, type);
    }
    checkCoordinates(coordinates, { ...shape, srid }, `${where}.coordinates`);
  } else pointOf(geometry, srid, where);
}

/** True for a named point without coordinates: a partial row does not say where its entity lies. */
export function isUnstated(geometry: object): boolean {
  const { type, x, y, lon, lat } = geometry as Record<string, unknown>;
  return type === undefined && [x, y, lon, lat].every((value) => value === undefined);
}

/** A named point as numbers. Throws INVALID_GEOMETRY. */
export function pointOf(point: unknown, srid: number, where: string): Position {
  if (typeof point !== 'object' || point === null) throw fault(where, axesOf(srid), point);
  const [across, up] = srid === DEGREES ? (['lon', 'lat'] as const) : (['x', 'y'] as const);
  if (!(across in point) && ('lon' in point || 'x' in point)) {
    const hint = srid === DEGREES ? '' : `; for {lon, lat}, declare spatial: { srid: ${String(DEGREES)} }`;
    const given = `{${Object.keys(point).join(', ')}}`;
    throw new TidemarkError(
      'INVALID_GEOMETRY',
      `${where}: expected ${axesOf(srid)}, as the model's SRID is ${String(srid)}, got ${given}${hint}.`,
    );
  }
  const { [across]: x, [up]: y } = point as Record<string, unknown>;
  checkPosition([x, y], srid, [`${where}.${across}`, `${where}.${up}`]);
  return { x: x as number, y: y as number };
}

/**
 * A box by two named corners; two boxes if it reaches across the antimeridian, which only degrees have. Throws
 * INVALID_GEOMETRY.
 */
export function boxesOf(box: unknown, srid: number, where: string): readonly Box[] {
  const { min, max } = (typeof box === 'object' && box !== null ? box : {}) as Record<string, unknown>;
  const least = pointOf(min, srid, `${where}.min`);
  const most = pointOf(max, srid, `${where}.max`);
  if (least.y > most.y || (least.x > most.x && srid !== DEGREES)) {
    const shown = `(${String(least.x)}, ${String(least.y)}) and (${String(most.x)}, ${String(most.y)})`;
    throw new TidemarkError('INVALID_GEOMETRY', `${where}: expected min below max on both axes, got ${shown}.`);
  }
  const [minY, maxY] = [least.y, most.y];
  if (least.x <= most.x) return [{ minX: least.x, minY, maxX: most.x, maxY }];
  return [
    { minX: least.x, minY, maxX: 180, maxY },
    { minX: -180, minY, maxX: most.x, maxY },
  ];
}

/** The smallest box around a geometry that was checked. */
export function boundsOf(geometry: object): Box {
  const bounds = { minX: Infinity, minY: Infinity, maxX: -Infinity, maxY: -Infinity };
  const add = (x: number, y: number): void => {
    bounds.minX = Math.min(bounds.minX, x);
    bounds.minY = Math.min(bounds.minY, y);
    bounds.maxX = Math.max(bounds.maxX, x);
    bounds.maxY = Math.max(bounds.maxY, y);
  };
  const addAll = (coordinates: readonly unknown[]): void => {
    if (typeof coordinates[0] === 'number') add(coordinates[0], coordinates[1] as number);
    else for (const part of coordinates) addAll(part as readonly unknown[]);
  };
  const walk = (shape: object): void => {
    const { x, y, lon = x, lat = y, geometries, coordinates } = shape as Record<string, unknown>;
    if (typeof lon === 'number') add(lon, lat as number);
    else if (geometries !== undefined) for (const part of geometries as readonly object[]) walk(part);
    else addAll(coordinates as readonly unknown[]);
  };
  walk(geometry);
  return bounds;
}

function checkCoordinates(
  value: unknown,
  { depth, least, srid }: { readonly depth: number; readonly least: number; readonly srid: number },
  where: string,
): void {
  if (!Array.isArray(value)) throw fault(where, depth === 0 ? 'a position' : 'an array', value);
  if (depth === 0) {
    if (value.length < 2 || value.length > 3) throw fault(where, 'a position of 2 or 3 numbers', value.length);
    checkPosition(
      value,
      srid,
      value.map((_, i) => `${where}[${String(i)}]`),
    );
    return;
  }
  if (value.length === 0) throw fault(where, 'at least one position', 0);
  value.forEach((part: unknown, i) => {
    checkCoordinates(part, { depth: depth - 1, least, srid }, `${where}[${String(i)}]`);
  });
  if (depth === 1 && value.length < least) {
    throw fault(where, `${String(least)} positions or more`, value.length);
  }
  if (depth === 1 && least === 4) checkClosed(value as readonly XY[], where);
}

function checkClosed(ring: readonly XY[], where: string): void {
  const [first, last] = [ring[0] as XY, ring.at(-1) as XY];
  if (first[0] === last[0] && first[1] === last[1]) return;
  const shown = `(${first.join(', ')}) and (${last.join(', ')})`;
  throw new TidemarkError(
    'INVALID_GEOMETRY',
    `${where}: expected a closed ring, whose last position is its first, got ${shown}; add the first one at its end.`,
  );
}

function checkPosition(position: readonly unknown[], srid: number, where: readonly string[]): void {
  position.forEach((value, axis) => {
    if (typeof value !== 'number' || !Number.isFinite(value))
      throw fault(where[axis] as string, 'a finite number', value);
    const most = axis === 0 ? 180 : 90;
    if (srid !== DEGREES || axis > 1 || Math.abs(value) <= most) return;
    const swapped = axis === 1 && Math.abs(value) <= 180 ? '; are longitude and latitude swapped?' : '';
    throw new TidemarkError(
      'INVALID_GEOMETRY',
      `${where[axis] as string}: expected degrees from -${String(most)} to ${String(most)}, got ${String(value)}${swapped}.`,
    );
  });
}

const axesOf = (srid: number): string => (srid === DEGREES ? '{lon, lat}' : '{x, y}');

function fault(where: string, expected: string, got: unknown): TidemarkError {
  const shown =
    typeof got === 'object' && got !== null ? 'an object' : typeof got === 'string' ? JSON.stringify(got) : String(got);
  return new TidemarkError('INVALID_GEOMETRY', `${where}: expected ${expected}, got ${shown}.`);
}
