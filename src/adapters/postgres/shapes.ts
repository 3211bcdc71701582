import type { Box, Geometry, Position, SpatialSystem } from '../../contract.js';
import type { Parameters, Statement } from './statement.js';
import { parameters } from './statement.js';

/** GeoJSON knows one reference system only: PostGIS takes it for SRID 4326 unless told otherwise. */
export function geometrySql(parameters: Parameters, geometry: Geometry, srid: number): string {
  const json = parameters.add(JSON.stringify(geometry), 'text');
  return `ST_SetSRID(ST_GeomFromGeoJSON(${json}), ${parameters.add(srid, 'int')})`;
}

export function pointSql(parameters: Parameters, { x, y }: Position, srid: number): string {
  const [atX, atY] = [parameters.add(x, 'float8'), parameters.add(y, 'float8')];
  return `ST_SetSRID(ST_MakePoint(${atX}, ${atY}), ${parameters.add(srid, 'int')})`;
}

/** A box without a width, a height or both is a line or a point: as a polygon it would be invalid. */
export function boxSql(parameters: Parameters, box: Box, srid: number): string {
  const { minX, minY, maxX, maxY } = box;
  if (minX < maxX && minY < maxY) {
    const corners = [minX, minY, maxX, maxY].map((corner) => parameters.add(corner, 'float8'));
    return `ST_MakeEnvelope(${corners.join(', ')}, ${parameters.add(srid, 'int')})`;
  }
  const low = pointSql(parameters, { x: minX, y: minY }, srid);
  if (minX === maxX && minY === maxY) return low;
  return `ST_MakeLine(${low}, ${pointSql(parameters, { x: maxX, y: maxY }, srid)})`;
}

/** How a geometry is written where distances are measured. */
export const measured = (geometry: string, { distance }: SpatialSystem): string =>
  distance === 'geodesic' ? `${geometry}::geography` : geometry;

/**
 * How far apart two geometries are: in units of the SRID, or in metres along the ellipsoid, for which both are cast to
 * geography. Null if one of them is empty.
 *
 * ```sql
 * select ST_Distance(
 *   ST_SetSRID(ST_GeomFromGeoJSON($1::text), $2::int),
 *   ST_SetSRID(ST_GeomFromGeoJSON($3::text), $4::int)
 * ) as "distance"
 * ```
 */
export function distanceSql(a: Geometry, b: Geometry, system: SpatialSystem): Statement {
  const given = parameters();
  const [from, to] = [a, b].map((shape) => measured(geometrySql(given, shape, system.srid), system));
  return { text: `select ST_Distance(${String(from)}, ${String(to)}) as "distance"`, values: given.values };
}

/**
 * Whether two geometries overlap, in the plane of their coordinates.
 *
 * ```sql
 * select ST_Overlaps(
 *   ST_SetSRID(ST_GeomFromGeoJSON($1::text), $2::int),
 *   ST_SetSRID(ST_GeomFromGeoJSON($3::text), $4::int)
 * ) as "overlaps"
 * ```
 */
export function overlapsSql(a: Geometry, b: Geometry, { srid }: SpatialSystem): Statement {
  const given = parameters();
  const [one, other] = [a, b].map((shape) => geometrySql(given, shape, srid));
  return { text: `select ST_Overlaps(${String(one)}, ${String(other)}) as "overlaps"`, values: given.values };
}
