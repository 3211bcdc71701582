import type { XY } from './geometry.js';
import { boxesOfEdgesMeet, courseOf, cross, edgesOf, isInPolygon, isOnEdge } from './relate.js';
import type { Polygon, Ring } from './shape.js';

/**
 * Whether a polygon is valid as ST_IsValid has it: rings that do not touch themselves, holes inside the outer ring and beside
 * each other, an interior in one piece. Two edges are compared only where their extents along x meet.
 */

export interface PolygonFault {
  readonly reason: string;
  readonly at: XY | null;
}

/** Rings closed, of four positions or more. Null: it is valid. */
export function faultOf(polygon: Polygon): PolygonFault | null {
  for (const ring of polygon) {
    const fault = faultOfRing(ring);
    if (fault !== null) return fault;
  }
  return faultBetween(polygon);
}

type Edge = readonly [XY, XY];

function faultOfRing(ring: Ring): PolygonFault | null {
  const edges = edgesOf(ring);
  if (edges.length < 3) return { reason: 'the ring has no area', at: ring[0] ?? null };
  const order = edges.map((_, i) => i).sort((a, b) => leftOf(edges[a] as Edge) - leftOf(edges[b] as Edge));
  for (let n = 0; n < order.length; n++) {
    const i = order[n] as number;
    const edge = edges[i] as Edge;
    const right = Math.max(edge[0][0], edge[1][0]);
    for (let m = n + 1; m < order.length && leftOf(edges[order[m] as number] as Edge) <= right; m++) {
      const j = order[m] as number;
      const at = meeting(edges, Math.min(i, j), Math.max(i, j));
      if (at !== null) return { reason: 'the ring crosses or touches itself', at };
    }
  }
  return null;
}

const leftOf = ([from, to]: Edge): number => Math.min(from[0], to[0]);

/** A point that two edges of one ring share and may not. */
function meeting(edges: readonly Edge[], i: number, j: number): XY | null {
  const [one, other] = [edges[i] as Edge, edges[j] as Edge];
  if (!boxesOfEdgesMeet(one, other)) return null;
  if (cross(one, other)) return crossingOf(one, other);
  const shared = [...one.filter((end) => isOnEdge(end, other)), ...other.filter((end) => isOnEdge(end, one))];
  // Neighbours share one end and nothing else.
  const joints = [j === i + 1 ? one[1] : null, i === 0 && j === edges.length - 1 ? one[0] : null];
  return shared.find(([x, y]) => !joints.some((joint) => joint !== null && joint[0] === x && joint[1] === y)) ?? null;
}

/** Where two edges cross, as exactly as division allows: for people. */
function crossingOf([[ax, ay], [bx, by]]: Edge, [[cx, cy], [dx, dy]]: Edge): XY {
  const along = ((cx - ax) * (dy - cy) - (cy - ay) * (dx - cx)) / ((bx - ax) * (dy - cy) - (by - ay) * (dx - cx));
  return [ax + along * (bx - ax), ay + along * (by - ay)];
}

function faultBetween(rings: Polygon): PolygonFault | null {
  const [outer = [], ...holes] = rings;
  for (const hole of holes) {
    if (!isInPolygon([hole], [outer])) return { reason: 'a hole is not inside the outer ring', at: hole[0] ?? null };
  }
  const touching: { readonly rings: readonly [number, number]; readonly at: XY }[] = [];
  for (let i = 0; i < rings.length; i++) {
    for (let j = i + 1; j < rings.length; j++) {
      const [one, other] = [rings[i] as Ring, rings[j] as Ring];
      const course = courseOf(edgesOf(other), [one]);
      if (course.on) return { reason: 'two rings share a line', at: other[0] ?? null };
      if (i > 0 && (course.crosses || course.in || courseOf(edgesOf(one), [other]).in)) {
        return { reason: 'two holes meet', at: other[0] ?? null };
      }
      for (const at of touchesOf(one, other)) touching.push({ rings: [i, j], at });
    }
  }
  return faultOfTouches(rings.length, touching);
}

/** Points in which two rings touch, each once. */
function touchesOf(one: Ring, other: Ring): XY[] {
  const [edges, others] = [edgesOf(one), edgesOf(other)];
  const found = [
    ...edges.map(([from]) => from).filter((vertex) => others.some((edge) => isOnEdge(vertex, edge))),
    ...others.map(([from]) => from).filter((vertex) => edges.some((edge) => isOnEdge(vertex, edge))),
  ];
  return [...new Map(found.map((at) => [at.join(), at])).values()];
}

/** Rings and the points in which they touch, as a graph: a way round in it cuts the interior in two. */
function faultOfTouches(
  rings: number,
  touches: readonly { readonly rings: readonly [number, number]; readonly at: XY }[],
): PolygonFault | null {
  const root = new Map<string, string>();
  const find = (node: string): string => {
    const up = root.get(node) ?? node;
    return up === node ? node : find(up);
  };
  const seen = new Set<string>();
  for (let i = 0; i < rings; i++) root.set(String(i), String(i));
  for (const { rings: pair, at } of touches) {
    const point = at.join();
    for (const ring of pair) {
      const edge = `${String(ring)} ${point}`;
      if (seen.has(edge)) continue;
      seen.add(edge);
      const [a, b] = [find(String(ring)), find(`at ${point}`)];
      if (a === b) return { reason: 'the interior is in more than one piece', at };
      root.set(b, a);
    }
  }
  return null;
}
