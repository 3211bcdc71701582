import { escapeIdentifier } from 'pg';
import type { PgOriginOptions } from 'tidemark/postgres';
import type { TypeName, WorldModel, WorldRow } from '../model.ts';

/** The tables in Postgres: one for each entity type, with a row for each branch that has its own. */

/** `"tidemark_world".settlement` */
export const relation = (schema: string, table: TypeName | 'world'): string => `${escapeIdentifier(schema)}.${table}`;

const ROW = 'id text, branch text, name text not null, version integer not null, deleted boolean not null';
const PLACE = 'lon double precision not null, lat double precision not null';
const LEVEL = 'level double precision not null';

/** `world` says which one it is that the others hold. */
export const tablesSql = (schema: string): string => `
create schema if not exists ${escapeIdentifier(schema)};
create table ${relation(schema, 'world')} (name text not null);
create table ${relation(schema, 'campaign')} (${ROW});
create table ${relation(schema, 'kingdom')} (${ROW}, campaign_id text not null, ${LEVEL}, outline jsonb);
create table ${relation(schema, 'settlement')} (${ROW}, ${PLACE},
  kingdom_id text not null, population double precision not null, ${LEVEL});
create table ${relation(schema, 'structure')} (${ROW}, ${PLACE},
  settlement_id text not null, kind text not null, code text not null, ${LEVEL});
`;

/** For once the rows are there: that is faster than keeping indexes up to date meanwhile. */
export const indexesSql = (schema: string): string => `
alter table ${relation(schema, 'campaign')} add primary key (id, branch);
alter table ${relation(schema, 'kingdom')} add primary key (id, branch);
alter table ${relation(schema, 'settlement')} add primary key (id, branch);
alter table ${relation(schema, 'structure')} add primary key (id, branch);
create index on ${relation(schema, 'kingdom')} (campaign_id);
create index on ${relation(schema, 'settlement')} (kingdom_id);
create index on ${relation(schema, 'structure')} (settlement_id);
analyze ${relation(schema, 'kingdom')}, ${relation(schema, 'settlement')}, ${relation(schema, 'structure')};
`;

const common = { name: 'name', version: 'version', deleted: 'deleted' } as const;
const place = { lon: 'lon', lat: 'lat' } as const;
/** The column of each field beside `id`. */
const COLUMNS = {
  campaign: common,
  kingdom: { ...common, campaignId: 'campaign_id', level: 'level', outline: { column: 'outline', optional: true } },
  settlement: { ...common, ...place, kingdomId: 'kingdom_id', population: 'population', level: 'level' },
  structure: { ...common, ...place, settlementId: 'settlement_id', kind: 'kind', code: 'code', level: 'level' },
} as const satisfies Readonly<Record<TypeName, object>>;

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
