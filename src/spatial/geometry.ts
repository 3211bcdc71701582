import { TidemarkError } from '../errors.js';

/** Closed: what lies on the border is inside. */
export interface Box {
  readonly minX: number;
  readonly minY: number;
  readonly maxX: number;
  readonly maxY: number;
}

/** WGS 84, degrees. Every other SRID is planar: `{x, y}` in its own units. */
export const DEGREES = 4326;

/** The whole map: what lies outside is counted as at its edge. */
export function extentOf(srid: number): Box {
  const half = 20_037_508.342789244; // Web Mercator's square
  return srid === DEGREES
    ? { minX: -180, minY: -90, maxX: 180, maxY: 90 }
    : { minX: -half, minY: -half, maxX: half, maxY: half };
}

const SHAPES = ['Point', 'MultiPoint', 'LineString', 'MultiLineString', 'Polygon', 'MultiPolygon'];

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
    if (!SHAPES.includes(type as string)) throw fault(`${where}.type`, `one of ${SHAPES.join(', ')}`, type);
    checkCoordinates(coordinates, srid, `${where}.coordinates`);
  } else pointOf(geometry, srid, where);
}

/** True for a named point without coordinates: a partial row does not say where its entity lies. */
export function isUnstated(geometry: object): boolean {
  const { type, x, y, lon, lat } = geometry as Record<string, unknown>;
  return type === undefined && [x, y, lon, lat].every((value) => value === undefined);
}

/** A named point as numbers. Throws INVALID_GEOMETRY. */
export function pointOf(point: unknown, srid: number, where: string): { readonly x: number; readonly y: number } {
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

/** A box by two named corners. Throws INVALID_GEOMETRY. */
export function boxOf(box: unknown, srid: number, where: string): Box {
  const { min, max } = (typeof box === 'object' && box !== null ? box : {}) as Record<string, unknown>;
  const least = pointOf(min, srid, `${where}.min`);
  const most = pointOf(max, srid, `${where}.max`);
  if (least.x > most.x || least.y > most.y) {
    const shown = `(${String(least.x)}, ${String(least.y)}) and (${String(most.x)}, ${String(most.y)})`;
    throw new TidemarkError(
      'INVALID_GEOMETRY',
      `${where}: expected min below max on both axes, got ${shown}${
        srid === DEGREES && least.x > most.x ? '; a box across the antimeridian is two boxes' : ''
      }.`,
    );
  }
  return { minX: least.x, minY: least.y, maxX: most.x, maxY: most.y };
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

function checkCoordinates(value: unknown, srid: number, where: string): void {
  if (!Array.isArray(value)) throw fault(where, 'an array', value);
  if (value.length === 0) throw fault(where, 'at least one position', 'none');
  if (Array.isArray(value[0])) {
    value.forEach((part: unknown, i) => {
      checkCoordinates(part, srid, `${where}[${String(i)}]`);
    });
    return;
  }
  if (value.length < 2 || value.length > 3)
    throw fault(where, 'a position of 2 or 3 numbers', `${String(value.length)}`);
  checkPosition(
    value,
    srid,
    value.map((_, i) => `${where}[${String(i)}]`),
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
