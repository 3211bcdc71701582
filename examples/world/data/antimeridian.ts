import type { MultiPolygon, Polygon, Position } from 'geojson';

/**
 * Areas as regions of the model: every longitude from -180 to 180. What goes on beyond, as an outline does that crosses the
 * antimeridian, is cut there and the rest of it put on the other side of the map, as RFC 7946 (3.1.9) wants it.
 */

export type Area = Polygon | MultiPolygon;
type Ring = readonly Position[];

/** The same area, in pieces where it crosses the antimeridian. Its rings are closed and do not cross themselves. */
export function withinDegrees(area: Area): Area {
  const polygons = area.type === 'Polygon' ? [area.coordinates] : area.coordinates;
  const pieces = polygons.flatMap(piecesOf);
  const [first] = pieces;
  return pieces.length === 1 && first !== undefined
    ? { type: 'Polygon', coordinates: first }
    : { type: 'MultiPolygon', coordinates: pieces };
}

const EAST = 180;
const TURN = 360;

function piecesOf([outer = [], ...holes]: Position[][]): Position[][][] {
  const [least] = extentOf(outer);
  const turns =
    least < -EAST ? Math.ceil((-EAST - least) / TURN) : least >= EAST ? -Math.floor((least + EAST) / TURN) : 0;
  const [ring = [], ...inner] = [outer, ...holes].map((one) => turned(one, turns * TURN));
  if (extentOf(ring)[1] <= EAST) return [[ring, ...inner]];
  const here = cut(ring, (lon) => lon <= EAST).map((piece) => withHoles(piece, inner));
  const beyond = cut(ring, (lon) => lon > EAST).map((piece) => withHoles(piece, inner));
  return [...here, ...beyond.map((piece) => piece.map((one) => turned(one, -TURN)))];
}

/** The parts of a ring on one side of the antimeridian, each closed along it. */
function cut(ring: Ring, isKept: (lon: number) => boolean): Position[][] {
  const chains = chainsOf(ring, isKept);
  // What lies inside, along the antimeridian, is between the first crossing and the second, the third and the fourth, …
  const ends = chains.flatMap((chain) => [latOf(chain[0]), latOf(chain.at(-1))]).sort((a, b) => a - b);
  const open = new Set(chains);
  const rings: Position[][] = [];
  for (const first of chains) {
    if (!open.delete(first)) continue;
    const piece = [...first];
    for (;;) {
      const at = ends.indexOf(latOf(piece.at(-1)));
      const partner = ends[at % 2 === 0 ? at + 1 : at - 1];
      const next = [...open].find((chain) => latOf(chain[0]) === partner);
      if (next === undefined) break;
      open.delete(next);
      piece.push(...next);
    }
    rings.push(distinct([...piece, piece[0] as Position]));
  }
  return rings.filter((piece) => piece.length >= 4);
}

const latOf = (position: Position | undefined): number => position?.[1] ?? 0;

/** The runs of positions on the side that is kept, from where the ring comes across to where it leaves. */
function chainsOf(ring: Ring, isKept: (lon: number) => boolean): Position[][] {
  const chains: Position[][] = [];
  const start = ring.findIndex(([lon = 0], i) => i > 0 && isKept(lon) && !isKept(ring[i - 1]?.[0] ?? 0));
  const going = [...ring.slice(start, -1), ...ring.slice(0, start)];
  let chain: Position[] | undefined;
  going.forEach((position, i) => {
    const before = going.at(i - 1) as Position;
    const kept = isKept(position[0] ?? 0);
    if (kept !== isKept(before[0] ?? 0)) {
      const crossing = crossingOf(before, position);
      if (kept) chains.push((chain = [crossing]));
      else chain?.push(crossing);
    }
    if (kept) chain?.push(position);
  });
  // The ring began where a chain did: the last one ends at its first position.
  const [first = 0] = going[0] ?? [];
  const last = going.at(-1) as Position;
  if (isKept(last[0] ?? 0) && !isKept(first)) chain?.push(crossingOf(last, going[0] as Position));
  return chains;
}

function crossingOf([fromLon = 0, fromLat = 0]: Position, [lon = 0, lat = 0]: Position): Position {
  return [EAST, fromLat + ((EAST - fromLon) / (lon - fromLon)) * (lat - fromLat)];
}

function withHoles(outer: Position[], holes: readonly Position[][]): Position[][] {
  const [west, east] = extentOf(outer);
  return [outer, ...holes.filter((hole) => west <= extentOf(hole)[0] && extentOf(hole)[1] <= east)];
}

function extentOf(ring: Ring): [west: number, east: number] {
  const lons = ring.map(([lon = 0]) => lon);
  return [Math.min(...lons), Math.max(...lons)];
}

const turned = (ring: Ring, by: number): Position[] =>
  by === 0 ? [...ring] : ring.map(([lon = 0, lat = 0]) => [lon + by, lat]);

/** Without a position that is the one before again. */
const distinct = (ring: Ring): Position[] =>
  ring.filter(([lon, lat], i) => i === 0 || lon !== ring[i - 1]?.[0] || lat !== ring[i - 1]?.[1]);
