import hao from 'point-in-polygon-hao';
import { orient2d } from 'robust-predicates';
import type { Box } from '../contract.js';
import type { XY } from './geometry.js';
import { type Polygon, type Shape, boxesMeet } from './shape.js';

/**
 * How shapes lie to each other, as PostGIS has it (ST_Intersects, ST_Covers, ST_Contains, ST_Overlaps), decided by the sign
 * of exact orientations. Polygons must be valid.
 */

export type Side = 'in' | 'on' | 'out';

export function sideOf(point: XY, polygon: Polygon): Side {
  const found = hao(point as [number, number], polygon as [number, number][][]);
  return found === 0 ? 'on' : found ? 'in' : 'out';
}

export type Edge = readonly [from: XY, to: XY];

export function edgesOf(line: readonly XY[]): Edge[] {
  const edges: Edge[] = [];
  for (let i = 1; i < line.length; i++) {
    const [from, to] = [line[i - 1] as XY, line[i] as XY];
    if (from[0] !== to[0] || from[1] !== to[1]) edges.push([from, to]);
  }
  return edges;
}

export const edgesOfPolygon = (polygon: Polygon): Edge[] => polygon.flatMap(edgesOf);

export const turn = (a: XY, b: XY, c: XY): number => orient2d(a[0], a[1], b[0], b[1], c[0], c[1]);

const samePoint = (a: XY, b: XY): boolean => a[0] === b[0] && a[1] === b[1];

/** Whether a point lies on a closed edge. */
export function isOnEdge(point: XY, [from, to]: Edge): boolean {
  return isInBoxOf(point, from, to) && turn(from, to, point) === 0;
}

function isInBoxOf([x, y]: XY, a: XY, b: XY): boolean {
  return (
    Math.min(a[0], b[0]) <= x && x <= Math.max(a[0], b[0]) && Math.min(a[1], b[1]) <= y && y <= Math.max(a[1], b[1])
  );
}

export function boxesOfEdgesMeet([a, b]: Edge, [c, d]: Edge): boolean {
  return (
    Math.max(a[0], b[0]) >= Math.min(c[0], d[0]) &&
    Math.max(c[0], d[0]) >= Math.min(a[0], b[0]) &&
    Math.max(a[1], b[1]) >= Math.min(c[1], d[1]) &&
    Math.max(c[1], d[1]) >= Math.min(a[1], b[1])
  );
}

/** Whether two edges cross in a point that is an end of neither. */
export function cross(one: Edge, other: Edge): boolean {
  if (!boxesOfEdgesMeet(one, other)) return false;
  const [a, b] = one;
  const [c, d] = other;
  const [abc, abd] = [turn(a, b, c), turn(a, b, d)];
  if (!((abc > 0 && abd < 0) || (abc < 0 && abd > 0))) return false;
  const [cda, cdb] = [turn(c, d, a), turn(c, d, b)];
  return (cda > 0 && cdb < 0) || (cda < 0 && cdb > 0);
}

/** Whether two closed edges have a point in common. */
export function edgesMeet(one: Edge, other: Edge): boolean {
  if (!boxesOfEdgesMeet(one, other)) return false;
  const [a, b] = one;
  const [c, d] = other;
  return cross(one, other) || isOnEdge(c, one) || isOnEdge(d, one) || isOnEdge(a, other) || isOnEdge(b, other);
}

// ── What parts of a line do beside a polygon ────────────────────────────────────────────────────────────────────

/** Where the pieces lie into which the vertices of a polygon cut some edges; `crosses`: an edge crosses one of the polygon's. */
export interface Course {
  readonly crosses: boolean;
  readonly in: boolean;
  readonly on: boolean;
  readonly out: boolean;
}

export function courseOf(edges: readonly Edge[], polygon: Polygon): Course {
  const course = { crosses: false, in: false, on: false, out: false };
  // Most of two outlines is far from the other: only what lies in both extents is compared.
  const extent = extentOf(polygon.flat());
  const within = extentOf(edges.flat());
  const others = edgesOfPolygon(polygon).filter((other) => meetsBox(other, within));
  for (const edge of edges) {
    if (!meetsBox(edge, extent)) {
      course.out = true;
      continue;
    }
    const near = others.filter((other) => boxesOfEdgesMeet(edge, other));
    if (near.some((other) => cross(edge, other))) course.crosses = true;
    const [from, to] = edge;
    const cuts = near.flatMap((other) => other.filter((end) => isOnEdge(end, edge)));
    const along = [from, ...cuts, to].sort((a, b) => distanceAlong(from, a) - distanceAlong(from, b));
    for (let i = 1; i < along.length; i++) {
      const [start, end] = [along[i - 1] as XY, along[i] as XY];
      if (samePoint(start, end)) continue;
      // A piece with both ends on one edge of the polygon lies on it; of the others the middle is in or out.
      if (near.some((other) => isOnEdge(start, other) && isOnEdge(end, other))) course.on = true;
      else course[sideOf([(start[0] + end[0]) / 2, (start[1] + end[1]) / 2], polygon)] = true;
    }
  }
  return course;
}

function extentOf(positions: readonly XY[]): Box {
  const box = { minX: Infinity, minY: Infinity, maxX: -Infinity, maxY: -Infinity };
  for (const [x, y] of positions) {
    box.minX = Math.min(box.minX, x);
    box.minY = Math.min(box.minY, y);
    box.maxX = Math.max(box.maxX, x);
    box.maxY = Math.max(box.maxY, y);
  }
  return box;
}

const meetsBox = ([[ax, ay], [bx, by]]: Edge, { minX, minY, maxX, maxY }: Box): boolean =>
  Math.max(ax, bx) >= minX && Math.min(ax, bx) <= maxX && Math.max(ay, by) >= minY && Math.min(ay, by) <= maxY;

const distanceAlong = (from: XY, to: XY): number => Math.abs(to[0] - from[0]) + Math.abs(to[1] - from[1]);

/** Both courses: of the first one's border beside the second, and the other way round. */
function courses(a: Polygon, b: Polygon): readonly [Course, Course] {
  return [courseOf(edgesOfPolygon(a), b), courseOf(edgesOfPolygon(b), a)];
}

/** Whether no point of a polygon is outside another. */
export function isInPolygon(a: Polygon, b: Polygon): boolean {
  const [ofA, ofB] = courses(a, b);
  if (ofA.crosses || ofA.out || ofB.in) return false;
  // All of its border on the other's: they are the same, or it fills a hole.
  return ofA.in || !ofB.out;
}

export function interiorsMeet(a: Polygon, b: Polygon): boolean {
  const [ofA, ofB] = courses(a, b);
  return ofA.crosses || ofA.in || ofB.in || (!ofA.out && !ofB.out);
}

// ── Shapes ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** Whether they have a point in common. */
export function intersects(a: Shape, b: Shape): boolean {
  if (!boxesMeet(a.box, b.box)) return false;
  return (
    a.points.some((point) => meetsPoint(b, point)) ||
    b.points.some((point) => meetsPoint(a, point)) ||
    bordersMeet(a, b) ||
    startsOf(a).some((point) => sideOfArea(point, b) !== 'out') ||
    startsOf(b).some((point) => sideOfArea(point, a) !== 'out')
  );
}

function meetsPoint(shape: Shape, point: XY): boolean {
  return contains(shape, point, false);
}

/** Whether a point lies on a shape; strict: and on no border of it, which lines have at their ends. */
export function contains(shape: Shape, point: XY, strict: boolean): boolean {
  const { points, lines } = shape;
  const side = sideOfArea(point, shape);
  if (side === 'in' || points.some((other) => samePoint(other, point))) return true;
  if (side === 'on') return !strict;
  const isOnLine = lines.some((line) => edgesOf(line).some((edge) => isOnEdge(point, edge)));
  return isOnLine && !(strict && endsAt(lines, point));
}

/** Where an odd number of lines end is their border: a closed line has none. */
function endsAt(lines: readonly (readonly XY[])[], point: XY): boolean {
  const ends = lines
    .flatMap((line) => [line[0], line.at(-1)])
    .filter((end) => end !== undefined && samePoint(end, point));
  return ends.length % 2 === 1;
}

/** Every edge of a shape's lines and borders. */
export function bordersOf({ lines, polygons }: Shape): Edge[] {
  return [...lines.flatMap(edgesOf), ...polygons.flatMap(edgesOfPolygon)];
}

function bordersMeet(a: Shape, b: Shape): boolean {
  const others = bordersOf(b).filter((edge) => meetsBox(edge, a.box));
  return bordersOf(a).some((edge) => meetsBox(edge, b.box) && others.some((other) => edgesMeet(edge, other)));
}

/** One point of each line and each polygon. */
function startsOf({ lines, polygons }: Shape): XY[] {
  return [...lines, ...polygons.map(([outer]) => outer ?? [])].flatMap((line) => line.slice(0, 1));
}

/**
 * Whether no point of a shape is outside a region; strict: and some point of it is in the region's interior. `sideIn`: of
 * each polygon of the region, where a point lies beside it.
 */
export function covers(region: Shape, shape: Shape, strict: boolean, sideIn = sidesOf(region)): boolean {
  const { box } = region;
  const { minX, minY, maxX, maxY } = shape.box;
  if (minX < box.minX || minY < box.minY || maxX > box.maxX || maxY > box.maxY) return false;
  const sides = shape.points.map((point) => sideOfArea(point, region, sideIn));
  if (sides.includes('out')) return false;
  const lines = shape.lines.map((line) => linesCourse(edgesOf(line), region.polygons));
  if (lines.some((course) => course.crosses || course.out)) return false;
  if (!shape.polygons.every((polygon) => region.polygons.some((other) => isInPolygon(polygon, other)))) return false;
  return !strict || shape.polygons.length > 0 || sides.includes('in') || lines.some((course) => course.in);
}

type SideIn = (point: XY) => Side;

const sidesOf = ({ polygons }: Shape): readonly SideIn[] =>
  polygons.map((polygon) => (point) => sideOf(point, polygon));

/** Of all polygons of a shape. */
function sideOfArea(point: XY, shape: Shape, sideIn = sidesOf(shape)): Side {
  const { boxes } = shape;
  let found: Side = 'out';
  for (let i = 0; i < boxes.length; i++) {
    if (!isInBox(point, boxes[i] as Box)) continue;
    const side = (sideIn[i] as SideIn)(point);
    if (side === 'in') return 'in';
    if (side === 'on') found = 'on';
  }
  return found;
}

const isInBox = ([x, y]: XY, { minX, minY, maxX, maxY }: Box): boolean =>
  minX <= x && x <= maxX && minY <= y && y <= maxY;

/** A line may go from one polygon of a region into another where these touch: its pieces count by themselves. */
function linesCourse(edges: readonly Edge[], polygons: readonly Polygon[]): Course {
  if (polygons.length === 1) return courseOf(edges, polygons[0] as Polygon);
  const vertices = polygons.flatMap((polygon) => polygon.flat());
  const pieces = edges.flatMap((edge) => {
    const [from, to] = edge;
    const cuts = vertices.filter((vertex) => isOnEdge(vertex, edge));
    const along = [from, ...cuts, to].sort((a, b) => distanceAlong(from, a) - distanceAlong(from, b));
    return edgesOf(along);
  });
  const found = pieces.map((piece) => polygons.map((polygon) => courseOf([piece], polygon)));
  return {
    crosses: found.some((beside) => beside.some(({ crosses }) => crosses)),
    in: found.some((beside) => beside.some((course) => course.in)),
    on: found.some((beside) => beside.some((course) => course.on)),
    out: found.some((beside) => beside.every((course) => course.out)),
  };
}

/** Whether the interiors of two areas meet and neither lies in the other. */
export function overlaps(a: readonly Polygon[], b: readonly Polygon[]): boolean {
  return (
    a.some((one) => b.some((other) => interiorsMeet(one, other))) &&
    !a.every((one) => b.some((other) => isInPolygon(one, other))) &&
    !b.every((one) => a.some((other) => isInPolygon(one, other)))
  );
}
