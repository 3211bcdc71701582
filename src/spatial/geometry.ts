import { TidemarkError } from '../errors.js';

const SHAPES = ['Point', 'MultiPoint', 'LineString', 'MultiLineString', 'Polygon', 'MultiPolygon'];

/**
 * Checks that a geometry is `{x, y}`, `{lon, lat}` or GeoJSON with finite coordinates.
 * Throws INVALID_GEOMETRY with the path of the first fault, below `where`.
 */
export function checkGeometry(geometry: unknown, where: string): void {
  if (typeof geometry !== 'object' || geometry === null) throw fault(where, '{x, y}, {lon, lat} or GeoJSON', geometry);
  const { type, coordinates, geometries } = geometry as Record<string, unknown>;
  if (type === 'GeometryCollection') {
    if (!Array.isArray(geometries)) throw fault(`${where}.geometries`, 'an array of geometries', geometries);
    geometries.forEach((part, i) => {
      checkGeometry(part, `${where}.geometries[${String(i)}]`);
    });
  } else if (type !== undefined) {
    if (!SHAPES.includes(type as string)) throw fault(`${where}.type`, `one of ${SHAPES.join(', ')}`, type);
    checkCoordinates(coordinates, `${where}.coordinates`);
  } else {
    const [across, up] = 'lon' in geometry ? (['lon', 'lat'] as const) : (['x', 'y'] as const);
    for (const axis of [across, up]) checkNumber((geometry as Record<string, unknown>)[axis], `${where}.${axis}`);
  }
}

function checkCoordinates(value: unknown, where: string): void {
  if (!Array.isArray(value)) throw fault(where, 'an array', value);
  if (value.length === 0) throw fault(where, 'at least one position', 'none');
  const nested = Array.isArray(value[0]);
  if (!nested && (value.length < 2 || value.length > 3))
    throw fault(where, 'a position of 2 or 3 numbers', `${String(value.length)}`);
  value.forEach((part: unknown, i) => {
    if (nested) checkCoordinates(part, `${where}[${String(i)}]`);
    else checkNumber(part, `${where}[${String(i)}]`);
  });
}

function checkNumber(value: unknown, where: string): void {
  if (typeof value !== 'number' || !Number.isFinite(value)) throw fault(where, 'a finite number', value);
}

function fault(where: string, expected: string, got: unknown): TidemarkError {
  const shown =
    typeof got === 'object' && got !== null ? 'an object' : typeof got === 'string' ? JSON.stringify(got) : String(got);
  return new TidemarkError('INVALID_GEOMETRY', `${where}: expected ${expected}, got ${shown}.`);
}
