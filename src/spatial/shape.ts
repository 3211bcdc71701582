import type { Box, Geometry } from '../contract.js';
import { type XY, boundsOf } from './geometry.js';

/** A geometry that was checked, taken apart: plain coordinates by dimension. */
export interface Shape {
  readonly points: readonly XY[];
  /** Two positions or more each. */
  readonly lines: readonly (readonly XY[])[];
  /** Closed rings each, the outer one first. */
  readonly polygons: readonly Polygon[];
  /** Of each polygon, in their order. */
  readonly boxes: readonly Box[];
  readonly box: Box;
}

export type Ring = readonly XY[];
export type Polygon = readonly Ring[];

/** A checked geometry: `{x, y}`, `{lon, lat}` or GeoJSON. */
export function shapeOf(geometry: object): Shape {
  const shape = { points: [] as XY[], lines: [] as XY[][], polygons: [] as XY[][][] };
  collect(geometry, shape);
  return { ...shape, boxes: shape.polygons.map(boxOfPolygon), box: boundsOf(geometry) };
}

const boxOfPolygon = ([outer = []]: Polygon): Box => boundsOf({ type: 'LineString', coordinates: outer });

type Parts = { readonly points: XY[]; readonly lines: XY[][]; readonly polygons: XY[][][] };

function collect(geometry: object, into: Parts): void {
  const { type, coordinates, geometries } = geometryOf(geometry);
  switch (type) {
    case 'Point':
      into.points.push(coordinates as XY);
      break;
    case 'MultiPoint':
      into.points.push(...(coordinates as XY[]));
      break;
    case 'LineString':
      into.lines.push(coordinates as XY[]);
      break;
    case 'MultiLineString':
      into.lines.push(...(coordinates as XY[][]));
      break;
    case 'Polygon':
      into.polygons.push(coordinates as XY[][]);
      break;
    case 'MultiPolygon':
      into.polygons.push(...(coordinates as XY[][][]));
      break;
    default:
      for (const part of geometries ?? []) collect(part, into);
  }
}

/** The same as GeoJSON: a named point becomes a Point. */
export function geometryOf(geometry: object): Geometry {
  if ('type' in geometry) return geometry as Geometry;
  const { x, y, lon = x, lat = y } = geometry as Record<string, unknown>;
  return { type: 'Point', coordinates: [lon, lat] };
}

/** A box as what it covers. */
export function shapeOfBox(box: Box): Shape {
  const { minX, minY, maxX, maxY } = box;
  if (minX === maxX && minY === maxY) return { points: [[minX, minY]], lines: [], polygons: [], boxes: [], box };
  const [a, b, c, d]: XY[] = [
    [minX, minY],
    [maxX, minY],
    [maxX, maxY],
    [minX, maxY],
  ] as XY[];
  if (minX === maxX || minY === maxY) return { points: [], lines: [[a as XY, c as XY]], polygons: [], boxes: [], box };
  return { points: [], lines: [], polygons: [[[a, b, c, d, a] as XY[]]], boxes: [box], box };
}

/** Whether two closed boxes have a point in common. */
export function boxesMeet(a: Box, b: Box): boolean {
  return a.minX <= b.maxX && b.minX <= a.maxX && a.minY <= b.maxY && b.minY <= a.maxY;
}
