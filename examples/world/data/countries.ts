import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { FeatureCollection, MultiPolygon, Polygon, Position } from 'geojson';
import iso from 'i18n-iso-countries';
import { feature } from 'topojson-client';
import type { GeometryCollection, Topology } from 'topojson-specification';

/** The countries of Natural Earth (1:50m, by way of world-atlas), each with an id that is one of ISO where it can be. */

export interface Country {
  /** ISO 3166-1 alpha-2; XK for Kosovo, as in GeoNames; 'x-…' for what has no code. */
  readonly id: string;
  readonly name: string;
  /** Why the id or the outline is not what one would expect. */
  readonly note?: string;
}

type Outline = Polygon | MultiPolygon;
export type Countries = FeatureCollection<Outline, { readonly name: string; readonly note?: string }>;

/** By the name that Natural Earth has: what carries no code of its own there. */
const UNCODED: Readonly<Record<string, Country>> = {
  Kosovo: { id: 'XK', name: 'Kosovo', note: 'XK is not an ISO code but the one in general use.' },
  Somaliland: {
    id: 'x-somaliland',
    name: 'Somaliland',
    note: 'Has no ISO code. GeoNames counts its cities with Somalia.',
  },
  'N. Cyprus': {
    id: 'x-northern-cyprus',
    name: 'Northern Cyprus',
    note: 'Has no ISO code. GeoNames counts its cities with Cyprus.',
  },
  'Siachen Glacier': { id: 'x-siachen-glacier', name: 'Siachen Glacier', note: 'Has no ISO code and no cities.' },
  'Indian Ocean Ter.': {
    id: 'x-indian-ocean-territories',
    name: 'Indian Ocean Territories',
    note: 'One outline for Christmas Island (CX) and the Cocos Islands (CC), which are countries of their own in GeoNames.',
  },
  'Ashmore and Cartier Is.': {
    id: 'x-ashmore-and-cartier',
    name: 'Ashmore and Cartier Islands',
    note: 'Natural Earth gives it the code of Australia, which has an outline of its own.',
  },
};

/** Renamed since Natural Earth 4.1. */
const RENAMED: Readonly<Record<string, string>> = { MK: 'North Macedonia' };

const NO_OUTLINE = 'Natural Earth draws it, at this scale, as a part of another country or not at all.';

interface Atlas extends Topology {
  readonly objects: { readonly countries: GeometryCollection<{ readonly name: string }> };
}

/** Outlines with ids that are kingdom ids. Coordinates have 3 decimals: the source steps by 0.0036 degrees. */
export function countriesGeoJson(): Countries {
  const path = createRequire(import.meta.url).resolve('world-atlas/countries-50m.json');
  const atlas = JSON.parse(readFileSync(path, 'utf8')) as Atlas;
  return {
    type: 'FeatureCollection',
    features: feature(atlas, atlas.objects.countries).features.map(({ id: code, geometry, properties }) => {
      if (geometry.type !== 'Polygon' && geometry.type !== 'MultiPolygon') {
        throw new TypeError(`${properties.name}: expected a polygon, got a ${geometry.type}.`);
      }
      const { id, ...named } = countryOf(code, properties.name);
      return { type: 'Feature', id, properties: named, geometry: rounded(geometry) };
    }),
  };
}

/** Every country: those with an outline, and those that only these ISO codes tell of. */
export function countriesWith(outlines: Countries, codes: Iterable<string>): Country[] {
  const countries = new Map<string, Country>();
  for (const { id, properties } of outlines.features) countries.set(String(id), { id: String(id), ...properties });
  for (const id of codes) {
    if (!countries.has(id)) countries.set(id, { id, name: nameOf(id), note: NO_OUTLINE });
  }
  return [...countries.values()];
}

function countryOf(numeric: string | number | undefined, name: string): Country {
  const uncoded = UNCODED[name];
  if (uncoded !== undefined) return uncoded;
  const id = numeric === undefined ? undefined : iso.numericToAlpha2(numeric);
  if (id === undefined) throw new TypeError(`${name}: expected an ISO code, got ${String(numeric)}.`);
  // Natural Earth shortens long names to fit a label: 'Bosnia and Herz.'.
  return { id, name: RENAMED[id] ?? (name.includes('.') ? nameOf(id) : name) };
}

function nameOf(id: string): string {
  const name = iso.getName(id, 'en');
  if (name === undefined) throw new TypeError(`'${id}' is no ISO code of a country.`);
  return name;
}

function rounded(outline: Outline): Outline {
  const ring = (positions: Position[]): Position[] =>
    unwrapped(positions).map((position) => position.map((degrees) => Math.round(degrees * 1000) / 1000));
  return outline.type === 'Polygon'
    ? { type: 'Polygon', coordinates: outline.coordinates.map(ring) }
    : { type: 'MultiPolygon', coordinates: outline.coordinates.map((polygon) => polygon.map(ring)) };
}

/** An outline as it lies on the earth: what goes on beyond the 180th meridian is cut off there, and put on the other side. */
export function onEarth(outline: Outline): MultiPolygon {
  const polygons = outline.type === 'Polygon' ? [outline.coordinates] : outline.coordinates;
  return {
    type: 'MultiPolygon',
    coordinates: polygons.flatMap(([outer = [], ...holes]) => {
      const pieces = piecesOf(outer).map((ring) => [ring]);
      for (const hole of holes.flatMap(piecesOf)) {
        // Antarctica's coast is a hole of a ring along the pole: it stands for itself.
        const around = pieces.find(([ring = []]) => lies(hole, ring));
        if (around === undefined) pieces.push([hole]);
        else around.push(hole);
      }
      return pieces;
    }),
  };
}

/** What of a ring lies on the earth, wherever it went on beyond. */
function piecesOf(ring: Position[]): Position[][] {
  return [-360, 0, 360]
    .map((turn) => between(ring.map(([lon = 0, lat = 0]) => [lon + turn, lat])))
    .filter(({ length }) => length >= 4);
}

/** Whether the extent of a ring lies in that of another. */
function lies(ring: Position[], within: Position[]): boolean {
  return [0, 1].every((axis) => {
    const [inner, outer] = [ring, within].map((one) => one.map((position) => position[axis] ?? 0));
    return (
      Math.min(...(inner ?? [])) >= Math.min(...(outer ?? [])) &&
      Math.max(...(inner ?? [])) <= Math.max(...(outer ?? []))
    );
  });
}

/** What of a ring lies from -180 to 180 degrees. Source: Sutherland and Hodgman, "Reentrant Polygon Clipping" (1974). */
function between(ring: Position[]): Position[] {
  return cut(cut(ring, 180, 1), -180, -1);
}

function cut(ring: Position[], edge: number, side: 1 | -1): Position[] {
  if (ring.length === 0 || ring.every(([lon = 0]) => side * lon <= side * edge)) return ring;
  const kept: Position[] = [];
  for (let i = 1; i < ring.length; i++) {
    const [[x = 0, y = 0] = [], [u = 0, v = 0] = []] = [ring[i - 1], ring[i]];
    const [isIn, stays] = [side * x <= side * edge, side * u <= side * edge];
    if (isIn !== stays) kept.push([edge, y + ((edge - x) / (u - x)) * (v - y)]);
    if (stays) kept.push([u, v]);
  }
  // What merely touches the edge has no area.
  return kept.every(([lon]) => lon === edge) ? [] : [...kept, kept[0] as Position];
}

/**
 * A ring that crosses the 180th meridian, going on beyond it instead of jumping to the other side of the map: Russia
 * reaches to 190.4 degrees. The ring of Antarctica goes once around the earth: it is closed along the pole.
 */
function unwrapped(ring: Position[]): Position[] {
  let turns = 0;
  const going = ring.map(([lon = 0, lat = 0], i) => {
    const before = ring[i - 1]?.[0] ?? lon;
    if (Math.abs(lon - before) > 180) turns += lon < before ? 1 : -1;
    return [lon + turns * 360, lat];
  });
  if (turns === 0) return going;
  const [[start = 0, lat = 0] = [], [end = 0] = []] = [going[0], going.at(-1)];
  return [...going, [end, -90], [start, -90], [start, lat]];
}
