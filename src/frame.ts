import type { Box, SpatialSystem } from './contract.js';
import { TidemarkError } from './errors.js';

/** The map of a model: how coordinates are meant, and what part of the plane it covers. */

export interface SpatialOptions {
  /** 3857 (default; metres) or another planar system, 0 for a map of nowhere, with `{x, y}`; or 4326, degrees, with `{lon, lat}`. */
  readonly srid?: number | undefined;
  /**
   * `'planar'` (default): in units of the SRID. `'geodesic'`: metres along the WGS 84 ellipsoid, for SRID 4326 only. Of 3857
   * mind that its metres are longer than those on the ground: twice as long at 60 degrees north.
   */
  readonly distance?: 'planar' | 'geodesic' | undefined;
  /**
   * Where things may be, by its corners `{x, y}`; what lies outside is found all the same. Default: the whole world for 4326 and
   * 3857. Say it for every other system: a map much smaller than that is one cell, and each move on it drops every answer of tier 2.
   */
  readonly extent?:
    | {
        readonly min: { readonly x: number; readonly y: number };
        readonly max: { readonly x: number; readonly y: number };
      }
    | undefined;
}

export interface Frame extends SpatialSystem {
  /** The whole map: what lies outside counts as at its edge. */
  readonly extent: Box;
}

/** WGS 84, degrees. Every other SRID is planar: `{x, y}` in its own units. */
export const DEGREES = 4326;

/** Throws INVALID_MODEL. */
export function frameOf({ srid = 3857, distance = 'planar', extent }: SpatialOptions = {}): Frame {
  if (!Number.isSafeInteger(srid) || srid < 0 || srid > MOST_SRID) {
    throw invalid('srid', `a whole number from 0 to ${String(MOST_SRID)}`, String(srid));
  }
  if (distance !== 'planar' && distance !== 'geodesic') throw invalid('distance', "'planar' or 'geodesic'", distance);
  if (distance === 'geodesic' && srid !== DEGREES) {
    throw invalid('distance', `'planar', since SRID ${String(srid)} has no degrees`, "'geodesic'");
  }
  return { srid, distance, extent: extent === undefined ? worldOf(srid) : boxOf(extent) };
}

/** PostGIS keeps the SRIDs above for itself. */
const MOST_SRID = 998_999;

function worldOf(srid: number): Box {
  const half = 20_037_508.342789244; // Web Mercator's square
  return srid === DEGREES
    ? { minX: -180, minY: -90, maxX: 180, maxY: 90 }
    : { minX: -half, minY: -half, maxX: half, maxY: half };
}

function boxOf({ min, max }: NonNullable<SpatialOptions['extent']>): Box {
  const corners = [min.x, min.y, max.x, max.y];
  if (corners.every(Number.isFinite) && min.x < max.x && min.y < max.y) {
    return { minX: min.x, minY: min.y, maxX: max.x, maxY: max.y };
  }
  throw invalid('extent', 'min below max on both axes, as finite numbers', corners.map(String).join(', '));
}

function invalid(option: string, expected: string, got: unknown): TidemarkError {
  return new TidemarkError('INVALID_MODEL', `spatial.${option}: expected ${expected}, got ${String(got)}.`);
}
