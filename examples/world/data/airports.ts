import airportData, { type Airport } from 'airport-data-js';
import RBush from 'rbush';
import type { Settlement, Structure } from '../model.ts';

/** Airports, each placed in a city of its country. */

/** A place that may have airports. */
export interface AirportCity {
  readonly settlement: Settlement;
  /** False for a part of a city: the airport is the whole city's. */
  readonly whole: boolean;
}

export interface PlacedAirports {
  readonly structures: readonly Structure[];
  /** At most `LOW_FEET` above the sea. */
  readonly low: readonly Structure[];
  readonly leftOut: {
    /** No IATA code, or neither scheduled flights nor large or medium. */
    readonly minor: number;
    /** A code that an airport had before: the same name in the same place. */
    readonly formerCode: number;
    /** No city of its country within reach. */
    readonly noCity: number;
  };
}

/** About 2 m. */
const LOW_FEET = 6;
const FORMER_CODE_KM = 0.1;

/** The first of these that some city meets; of the cities that do, the nearest is the airport's. */
const REACH: Readonly<Record<'large' | 'other', readonly { readonly people: number; readonly km: number }[]>> = {
  large: [
    { people: 2_000_000, km: 40 },
    { people: 500_000, km: 60 },
    { people: 100_000, km: 60 },
    { people: 10_000, km: 60 },
    { people: 0, km: 100 },
  ],
  other: [
    { people: 100_000, km: 20 },
    { people: 10_000, km: 40 },
    { people: 0, km: 100 },
  ],
};

const KINDS: Readonly<Record<string, { readonly kind: string; readonly level: number }>> = {
  large_airport: { kind: 'airport', level: 4 },
  medium_airport: { kind: 'airport', level: 3 },
  small_airport: { kind: 'airport', level: 2 },
  seaplane_base: { kind: 'seaplane base', level: 1 },
  heliport: { kind: 'heliport', level: 1 },
};

/** Every airport of airport-data-js that has an IATA code and is large, medium or served by scheduled flights. */
export async function placeAirports(cities: readonly AirportCity[]): Promise<PlacedAirports> {
  const airports = await airportData.findAirports({});
  const near = cityFinder(cities);
  const structures: Structure[] = [];
  const low: Structure[] = [];
  const seen = new Map<string, Airport[]>();
  let minor = 0;
  let formerCode = 0;
  let noCity = 0;
  for (const airport of [...airports].sort((a, b) => (a.iata < b.iata ? -1 : a.iata > b.iata ? 1 : 0))) {
    if (!isMajor(airport)) {
      minor++;
      continue;
    }
    const namesakes = seen.get(airport.airport) ?? [];
    seen.set(airport.airport, [...namesakes, airport]);
    if (namesakes.some((other) => kmBetween(at(other), at(airport)) < FORMER_CODE_KM)) {
      formerCode++;
      continue;
    }
    const city = near(airport);
    if (city === undefined) {
      noCity++;
      continue;
    }
    const structure = structureOf(airport, city);
    structures.push(structure);
    if (airport.elevation_ft !== null && airport.elevation_ft <= LOW_FEET) low.push(structure);
  }
  return { structures, low, leftOut: { minor, formerCode, noCity } };
}

const isScheduled = ({ scheduled_service: service }: Airport): boolean => service === true || service === 'TRUE';
const isMajor = (airport: Airport): boolean =>
  airport.iata !== '' && (isScheduled(airport) || ['large_airport', 'medium_airport'].includes(airport.type));

function structureOf(airport: Airport, city: Settlement): Structure {
  const { kind, level } = KINDS[airport.type] ?? { kind: 'airport', level: 1 };
  return {
    id: airport.iata,
    name: airport.airport,
    settlementId: city.id,
    kind,
    code: airport.iata,
    level: level + (isScheduled(airport) ? 1 : 0),
    lon: airport.longitude,
    lat: airport.latitude,
    version: 1,
    deleted: false,
  };
}

interface Place {
  readonly lon: number;
  readonly lat: number;
}

const at = ({ longitude: lon, latitude: lat }: Airport): Place => ({ lon, lat });

class CityTree extends RBush<Settlement> {
  override toBBox({ lon, lat }: Settlement): { minX: number; minY: number; maxX: number; maxY: number } {
    return { minX: lon, minY: lat, maxX: lon, maxY: lat };
  }
  override compareMinX(a: Settlement, b: Settlement): number {
    return a.lon - b.lon;
  }
  override compareMinY(a: Settlement, b: Settlement): number {
    return a.lat - b.lat;
  }
}

function cityFinder(cities: readonly AirportCity[]): (airport: Airport) => Settlement | undefined {
  const whole = cities.filter((city) => city.whole).map(({ settlement }) => settlement);
  const trees = new Map(
    [...REACH.large, ...REACH.other].map(({ people }) => [
      people,
      new CityTree().load(whole.filter(({ population }) => population >= people)),
    ]),
  );
  return (airport) => {
    const place = at(airport);
    for (const { people, km } of REACH[airport.type === 'large_airport' ? 'large' : 'other']) {
      const [nearest] = around(place, km)
        .flatMap((box) => trees.get(people)?.search(box) ?? [])
        .filter(({ kingdomId }) => kingdomId === airport.country_code)
        .map((city) => ({ city, km: kmBetween(place, city) }))
        .filter((candidate) => candidate.km <= km)
        .sort((a, b) => a.km - b.km || (a.city.id < b.city.id ? -1 : 1));
      if (nearest !== undefined) return nearest.city;
    }
    return undefined;
  };
}

const EARTH_RADIUS_KM = 6371.0088;
const radians = (degrees: number): number => (degrees * Math.PI) / 180;

/** Great-circle distance on a sphere of the mean radius. */
function kmBetween(a: Place, b: Place): number {
  const half = (degrees: number): number => Math.sin(radians(degrees) / 2) ** 2;
  const chord = half(b.lat - a.lat) + Math.cos(radians(a.lat)) * Math.cos(radians(b.lat)) * half(b.lon - a.lon);
  return 2 * EARTH_RADIUS_KM * Math.asin(Math.sqrt(chord));
}

interface Box {
  readonly minX: number;
  readonly minY: number;
  readonly maxX: number;
  readonly maxY: number;
}

/** Boxes that hold every place within the distance: two of them across the antimeridian. */
function around({ lon, lat }: Place, km: number): Box[] {
  const degrees = (km / EARTH_RADIUS_KM) * (180 / Math.PI);
  const [minY, maxY] = [lat - degrees, lat + degrees];
  const narrowest = Math.cos(radians(Math.min(90, Math.max(Math.abs(minY), Math.abs(maxY)))));
  const reach = narrowest <= degrees / 180 ? 180 : degrees / narrowest;
  const box = { minX: lon - reach, maxX: lon + reach, minY, maxY };
  if (box.minX < -180) return [box, { ...box, minX: box.minX + 360, maxX: 180 }];
  if (box.maxX > 180) return [box, { ...box, minX: -180, maxX: box.maxX - 360 }];
  return [box];
}
