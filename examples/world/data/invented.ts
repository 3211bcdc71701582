import type { FeatureCollection, Polygon, Position } from 'geojson';
import { seededRandom } from 'tidemark/testing';
import type { Campaign, Kingdom, Settlement, Structure } from '../model.ts';
import { levelOfSettlement } from './levels.ts';
import { createTables } from './memory-tables.ts';
import type { WorldSource } from './tables.ts';

/**
 * Worlds that never were. The same size and seed give the same world, to the byte. Each has what tends to break things:
 * ids with ':' and '*', a town exactly on a border, a deleted town with a structure, a kingdom that is no rectangle, and
 * kingdoms that share a border or just a corner.
 */

export type WorldSize = 'demo' | 'guide' | 'stress';

interface Plan {
  readonly campaigns: number;
  /** Towns of each kingdom; a deleted one comes on top. */
  readonly towns: readonly number[];
  readonly structuresPerTown: number;
}

export const PLANS: Readonly<Record<WorldSize, Plan>> = {
  demo: { campaigns: 1, towns: [4, 3, 2], structuresPerTown: 3 },
  guide: { campaigns: 1, towns: new Array<number>(5).fill(20), structuresPerTown: 5 },
  stress: { campaigns: 2, towns: new Array<number>(20).fill(50), structuresPerTown: 9 },
};

export type Outlines = FeatureCollection<Polygon, { readonly name: string }>;

export interface InventedWorld extends WorldSource {
  /** The kingdoms, each feature's id the kingdom's. */
  outlines(): Outlines;
}

export function inventedWorld(size: WorldSize, seed: number): InventedWorld {
  return {
    name: `${size}-${String(seed)}`,
    credits: [],
    load: async (progress) => {
      progress('Inventing', 0);
      const { campaigns, kingdoms, settlements, structures } = invent(size, seed);
      progress('Indexing', 0.5);
      const tables = createTables()
        .add('campaign', campaigns)
        .add('kingdom', kingdoms)
        .add('settlement', settlements)
        .add('structure', structures)
        .build();
      progress('Ready', 1);
      return tables;
    },
    outlines: () => invent(size, seed).outlines,
  };
}

interface Invention {
  readonly campaigns: readonly Campaign[];
  readonly kingdoms: readonly Kingdom[];
  readonly settlements: readonly Settlement[];
  readonly structures: readonly Structure[];
  readonly outlines: Outlines;
}

function invent(size: WorldSize, seed: number): Invention {
  const plan = PLANS[size];
  const random = seededRandom(seed);
  const name = namer(random);
  const campaigns = count(plan.campaigns).map((nth) => ({
    id: `campaign-${String(nth + 1)}`,
    name: `The ${name()} ${pick(random, SAGAS)}`,
    ...fresh,
  }));
  const settlements: Settlement[] = [];
  const structures: Structure[] = [];
  const outlines: Outlines = { type: 'FeatureCollection', features: [] };
  const kingdoms = plan.towns.map((towns, nth): Kingdom => {
    const id = nth === 1 ? 'kingdom:2' : `kingdom-${String(nth + 1)}`;
    const kingdomName = name();
    const corners = cornersOf(nth, plan.towns.length);
    outlines.features.push({
      type: 'Feature',
      id,
      properties: { name: kingdomName },
      geometry: { type: 'Polygon', coordinates: [[...corners, ...corners.slice(0, 1)]] },
    });
    let people = 0;
    const doomed = nth === plan.towns.length - 1 ? 1 : 0;
    for (const at of count(towns + doomed)) {
      const deleted = at === towns;
      const [lon = 0, lat = 0] = nth === 0 && at === 0 ? onBorder(corners, random) : inside(corners, random);
      const town = townOf({ id: townId(nth, at), name: name(), kingdomId: id, lon, lat, deleted }, random);
      settlements.push(town);
      if (!deleted) people += town.population;
      structures.push(
        ...count(deleted ? 1 : plan.structuresPerTown).map((spot) => structureOf(town, spot, name(), random)),
      );
    }
    const campaign = campaigns[Math.floor((nth * plan.campaigns) / plan.towns.length)];
    return { id, name: kingdomName, campaignId: campaign?.id ?? '', level: levelOfSettlement(people), ...fresh };
  });
  return { campaigns, kingdoms, settlements, structures, outlines };
}

const fresh = { version: 1, deleted: false } as const;

/** The second and third towns of the first kingdom have ids that a careless key or pattern would trip over. */
function townId(kingdom: number, at: number): string {
  const parts = ['town', String(kingdom + 1), String(at + 1)];
  return parts.join(kingdom > 0 || at === 0 || at > 2 ? '-' : at === 1 ? ':' : '*');
}

function townOf(
  place: Pick<Settlement, 'id' | 'name' | 'kingdomId' | 'lon' | 'lat' | 'deleted'>,
  random: () => number,
): Settlement {
  const population = 1_500 + Math.floor(random() ** 3 * 108_500);
  return { ...place, population, level: levelOfSettlement(population), version: 1 };
}

function structureOf(town: Settlement, spot: number, name: string, random: () => number): Structure {
  const kind = pick(random, TRADES);
  return {
    id: `${town.id}/${String(spot + 1)}`,
    name: `${name} ${capital(kind)}`,
    settlementId: town.id,
    kind,
    code: '',
    level: Math.min(town.level, 1 + Math.floor(random() * 5)),
    lon: degrees(town.lon + (random() - 0.5) / 100),
    lat: degrees(town.lat + (random() - 0.5) / 100),
    ...fresh,
  };
}

// ── Where ───────────────────────────────────────────────────────────────────────────────────────────────────────

/** About 560 by 440 km near the equator. */
const WIDTH = 5;
const HEIGHT = 4;

/** South-west, south-east, north-east, north-west: counterclockwise, as GeoJSON wants it. The last kingdom lost a corner. */
function cornersOf(nth: number, kingdoms: number): Position[] {
  const columns = Math.ceil(Math.sqrt(kingdoms));
  const west = WIDTH * (nth % columns);
  const south = -HEIGHT * Math.floor(nth / columns);
  const cut = nth === kingdoms - 1 ? 1.5 : 0;
  return [
    [west, south],
    [west + WIDTH - cut, south + cut],
    [west + WIDTH, south + HEIGHT],
    [west, south + HEIGHT],
  ];
}

/** On the eastern edge, which is the next kingdom's western one. */
function onBorder(corners: readonly Position[], random: () => number): Position {
  const [, [lon = 0, south = 0] = []] = corners;
  return [lon, degrees(south + HEIGHT * between(0.1, 0.9, random))];
}

/** A point of the quad that its corners span, away from its edges. */
function inside(corners: readonly Position[], random: () => number): Position {
  const [east, north] = [between(0.05, 0.95, random), between(0.05, 0.95, random)];
  const weights = [(1 - east) * (1 - north), east * (1 - north), east * north, (1 - east) * north];
  const along = (axis: 0 | 1): number =>
    corners.reduce((sum, corner, at) => sum + (corner[axis] ?? 0) * (weights[at] ?? 0), 0);
  return [degrees(along(0)), degrees(along(1))];
}

/** Five decimals: about a metre. */
function degrees(value: number): number {
  return Math.round(value * 1e5) / 1e5;
}

// ── Names ───────────────────────────────────────────────────────────────────────────────────────────────────────

const FIRST = 'bel cor dun esk fen gal hov iv jor kel lor mir nev ost pell quor rim sel tarn ulv ver wyn yar zin'.split(
  ' ',
);
const MIDDLE = 'a e i o u ae el en or ú ys ö ali omi une ari'.split(' ');
const LAST = 'bry dal feld garth holm ick mere moor nor rook stead thwaite tor vik wold ymbe'.split(' ');
const SAGAS = ['Accord', 'Exile', 'Inheritance', 'Reckoning', 'Tides', 'Winter'] as const;
const TRADES = ['market', 'temple', 'smithy', 'granary', 'tavern', 'library', 'harbour', 'mill', 'watchtower'] as const;

/** Names that do not come twice. */
function namer(random: () => number): () => string {
  const used = new Set<string>();
  return () => {
    let name = '';
    for (let tries = 0; name === '' || used.has(name); tries++) {
      // The longer it takes to find one that is free, the longer they get.
      const middle = count(1 + Math.floor(tries / 4)).map(() => pick(random, MIDDLE));
      name = capital([pick(random, FIRST), ...middle, pick(random, LAST)].join(''));
    }
    used.add(name);
    return name;
  };
}

function capital(word: string): string {
  return word.slice(0, 1).toUpperCase() + word.slice(1);
}

function pick<T>(random: () => number, from: readonly T[]): T {
  const picked = from[Math.floor(random() * from.length)];
  if (picked === undefined) throw new RangeError('Nothing to pick from.');
  return picked;
}

function between(low: number, high: number, random: () => number): number {
  return low + (high - low) * random();
}

function count(many: number): number[] {
  return Array.from({ length: many }, (_, nth) => nth);
}
