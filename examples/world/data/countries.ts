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
      return { type: 'Feature', id, properties: named, geometry: drawn(id, geometry) };
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

/** By id: the one position without which a ring does not cross itself. */
const ASTRAY: Readonly<Record<string, Position>> = { 'x-indian-ocean-territories': [96.839, -12.183] };

function drawn(id: string, outline: Outline): Outline {
  const polygon = (rings: Position[][]): Position[][] =>
    rings.filter((ring) => !isAtPole(ring)).map((ring) => without(ASTRAY[id], rounded(unwrapped(ring))));
  return outline.type === 'Polygon'
    ? { type: 'Polygon', coordinates: polygon(outline.coordinates) }
    : { type: 'MultiPolygon', coordinates: outline.coordinates.map(polygon) };
}

/** The pole itself is the outer ring of Antarctica in the source: a line. */
const isAtPole = (ring: Position[]): boolean => ring.every(([, lat = 0]) => lat < -89.99);

const rounded = (ring: Position[]): Position[] =>
  ring.map((position) => position.map((degrees) => Math.round(degrees * 1000) / 1000));

function without(astray: Position | undefined, ring: Position[]): Position[] {
  const kept = ring.slice(0, -1).filter(([lon, lat]) => lon !== astray?.[0] || lat !== astray?.[1]);
  return [...kept, ...kept.slice(0, 1)];
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
