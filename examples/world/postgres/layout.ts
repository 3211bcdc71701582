import type { PgOriginOptions } from 'tidemark/postgres';
import type { TypeName, WorldModel, WorldRow } from '../model.ts';

/** The tables in Postgres: one for each entity type, with a row for each branch that has its own. */

/** What a schema of ours is called, unless a test says otherwise. */
export const SCHEMA = 'tidemark_world';

/** The column of each field that a type has beside `id`; all have `branch` too. */
const common = { name: 'name', version: 'version', deleted: 'deleted' } as const;
const place = { lon: 'lon', lat: 'lat' } as const;
const COLUMNS = {
  campaign: common,
  kingdom: { ...common, campaignId: 'campaign_id', level: 'level', outline: { column: 'outline', optional: true } },
  settlement: { ...common, ...place, kingdomId: 'kingdom_id', population: 'population', level: 'level' },
  structure: { ...common, ...place, settlementId: 'settlement_id', kind: 'kind', code: 'code', level: 'level' },
} as const satisfies Readonly<Record<TypeName, object>>;

export const PARENT_COLUMN: Readonly<Record<TypeName, string | null>> = {
  campaign: null,
  kingdom: 'campaign_id',
  settlement: 'kingdom_id',
  structure: 'settlement_id',
};

const SQL_TYPES: Readonly<Record<string, string>> = {
  id: 'text not null',
  branch: 'text not null',
  name: 'text not null',
  version: 'integer not null',
  deleted: 'boolean not null',
  campaign_id: 'text not null',
  kingdom_id: 'text not null',
  settlement_id: 'text not null',
  kind: 'text not null',
  code: 'text not null',
  // Numbers of the model are JavaScript's.
  level: 'double precision not null',
  population: 'double precision not null',
  lon: 'double precision not null',
  lat: 'double precision not null',
  outline: 'jsonb',
};

interface FieldColumn {
  readonly field: string;
  readonly column: string;
}

/** The fields of a row and their columns: the id's first. */
export function fieldsOf(type: TypeName): readonly FieldColumn[] {
  const named = Object.entries(COLUMNS[type] as Readonly<Record<string, string | { readonly column: string }>>);
  const columns = named.map(([field, of]) => ({ field, column: typeof of === 'string' ? of : of.column }));
  return [{ field: 'id', column: 'id' }, ...columns];
}

/** `"tidemark_world"."settlement"`. Throws for a schema whose name is none. */
export function relation(schema: string, table: TypeName | 'world'): string {
  if (/^[A-Za-z_][A-Za-z0-9_]{0,62}$/.test(schema)) return `"${schema}"."${table}"`;
  throw new RangeError(`schema: expected letters, digits and underscores, got '${schema}'.`);
}

/** What `pgOrigin` reads them by. */
export function originTables(schema: string): PgOriginOptions<WorldModel>['tables'] {
  const keys = { schema, id: 'id', branch: 'branch', deleted: 'deleted' } as const;
  return {
    campaign: { ...keys, table: 'campaign', columns: COLUMNS.campaign },
    kingdom: { ...keys, table: 'kingdom', columns: COLUMNS.kingdom, parents: { campaign: 'campaign_id' } },
    settlement: { ...keys, table: 'settlement', columns: COLUMNS.settlement, parents: { kingdom: 'kingdom_id' } },
    structure: { ...keys, table: 'structure', columns: COLUMNS.structure, parents: { settlement: 'settlement_id' } },
  };
}

export function tableSql(schema: string, type: TypeName): string {
  const columns = ['branch', ...fieldsOf(type).map(({ column }) => column)].map(
    (column) => `${column} ${SQL_TYPES[column] ?? ''}`,
  );
  return `create table ${relation(schema, type)} (${columns.join(', ')})`;
}

/** Made once the rows are there: that is faster than keeping them up to date meanwhile. */
export function indexSql(schema: string, type: TypeName): string[] {
  const table = relation(schema, type);
  const parent = PARENT_COLUMN[type];
  return [
    `alter table ${table} add primary key (id, branch)`,
    ...(parent === null ? [] : [`create index on ${table} (${parent})`]),
  ];
}

/** The select list that gives a row its fields. */
export const selected = (type: TypeName): string =>
  fieldsOf(type)
    .map(({ field, column }) => `${column} as "${field}"`)
    .join(', ');

/** A row as the model has it, of one as the driver gives it. */
export function rowOf<T extends TypeName>(raw: object): WorldRow<T> {
  const { outline, ...row } = raw as { readonly outline?: object | null };
  return (outline === undefined || outline === null ? row : { ...row, outline }) as WorldRow<T>;
}
