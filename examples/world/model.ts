import { type Origin, type Tidemark, defineModel, defineView, entity } from 'tidemark';

/** One model for both worlds, the real one and the invented ones. */

interface Row {
  readonly id: string;
  readonly name: string;
  /** Raised by one with each write: a write that expects another version is refused. */
  readonly version: number;
  readonly deleted: boolean;
}

export type Campaign = Row;

export interface Kingdom extends Row {
  readonly campaignId: string;
  readonly level: number;
  /** GeoJSON; left out where none is known. */
  readonly outline?: object;
}

export interface Settlement extends Row {
  readonly kingdomId: string;
  readonly population: number;
  readonly level: number;
  /** Degrees, WGS 84. */
  readonly lon: number;
  readonly lat: number;
}

export interface Structure extends Row {
  readonly settlementId: string;
  /** 'airport', 'heliport' or 'seaplane base' in the real world; 'market', 'temple', … in invented ones. */
  readonly kind: string;
  /** What people call it by, such as an IATA code; '' without one. */
  readonly code: string;
  readonly level: number;
  readonly lon: number;
  readonly lat: number;
}

/** A branch inherits every row of its parent until it overrides it. */
export const BRANCHES: Readonly<Record<string, { readonly parent?: string; readonly title: string }>> = {
  main: { title: 'The world as it is' },
  'rising-seas': { parent: 'main', title: 'What if: the seas rise' },
  'open-skies': { parent: 'main', title: 'What if: everyone flies' },
};

const common = { version: 'version', deleted: (row: Row) => row.deleted } as const;
const place = (row: { readonly lon: number; readonly lat: number }) => ({ lon: row.lon, lat: row.lat });

export const model = defineModel({
  entities: {
    campaign: entity<Campaign>()({ ...common, announce: ['name'] }),
    kingdom: entity<Kingdom>()({
      ...common,
      parents: { campaign: 'campaignId' },
      geometry: (row) => row.outline,
      announce: ['name', 'level'],
    }),
    settlement: entity<Settlement>()({
      ...common,
      parents: { kingdom: 'kingdomId' },
      geometry: place,
      computed: { isTradeHub: 'boolean', standing: 'string', income: 'number' },
      announce: ['name', 'population', 'level'],
    }),
    structure: entity<Structure>()({
      ...common,
      parents: { settlement: 'settlementId' },
      geometry: place,
      announce: ['name', 'kind', 'level'],
    }),
  },
  branches: { root: 'main', parentOf: (branch) => BRANCHES[branch]?.parent },
  spatial: { srid: 4326 },
});

export type WorldModel = typeof model;
export type TypeName = keyof WorldModel['entities'];
/** What `RecordOf<WorldModel, T>` is, type by type, so that code generic over `T` can still see the common fields. */
export interface WorldRows {
  readonly campaign: Campaign;
  readonly kingdom: Kingdom;
  readonly settlement: Settlement;
  readonly structure: Structure;
}
export type WorldRow<T extends TypeName = TypeName> = WorldRows[T];
export type WorldOrigin = Origin<WorldModel>;
/** Who asks: decided by a token, see `server/access.ts`. */
export interface Principal {
  readonly name: string;
  readonly mayEdit: boolean;
}
export type WorldTide = Tidemark<WorldModel, Principal>;

/** A settlement with its structures counted by kind. Reads two values, so it goes stale with either. */
export const settlementSummary = defineView(model)({
  name: 'settlement-summary',
  load: async (read, { settlement }: { readonly settlement: string }) => {
    const [record, structures] = await Promise.all([
      read.get('settlement', settlement),
      read.children('structure', { settlement }),
    ]);
    const kinds: Record<string, number> = {};
    for (const { kind } of structures) kinds[kind] = (kinds[kind] ?? 0) + 1;
    return record === null ? null : { name: record.name, population: record.population, structures: kinds };
  },
});

/** A kingdom in figures: its people, and its largest settlements. */
export const kingdomSummary = defineView(model)({
  name: 'kingdom-summary',
  load: async (read, { kingdom }: { readonly kingdom: string }) => {
    const [record, settlements] = await Promise.all([
      read.get('kingdom', kingdom),
      read.children('settlement', { kingdom }),
    ]);
    if (record === null) return null;
    const largest = [...settlements].sort((a, b) => b.population - a.population || (a.id < b.id ? -1 : 1)).slice(0, 10);
    return {
      name: record.name,
      settlements: settlements.length,
      people: settlements.reduce((sum, { population }) => sum + population, 0),
      largest: largest.map(({ id, name, population }) => ({ id, name, population })),
    };
  },
});
