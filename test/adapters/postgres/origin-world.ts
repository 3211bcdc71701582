import type { Pool } from 'pg';
import { type PgOriginOptions, pgOrigin } from '../../../src/adapters/postgres/index.js';
import type { OriginContext, Sql } from '../../../src/contract.js';
import { defineModel, entity } from '../../../src/index.js';

export type Kingdom = { id: string; name: string; campaignId: bigint };
export type Settlement = { id: string; kingdomId: string; name: string; people: number | bigint; outline?: object };
export type Structure = { id: number | bigint; settlementId: string; kind: string | null };

/** Ids of each kind: bigint, uuid, text, number. */
export const model = defineModel({
  entities: {
    campaign: entity<{ id: bigint; title: string }>()({ parseId: BigInt }),
    kingdom: entity<Kingdom>()({ parents: { campaign: 'campaignId' } }),
    settlement: entity<Settlement>()({ parents: { kingdom: 'kingdomId' } }),
    structure: entity<Structure>()({
      parents: { settlement: 'settlementId' },
      parseId: (text) => (Number.isSafeInteger(Number(text)) ? Number(text) : BigInt(text)),
    }),
  },
});
export type Model = typeof model;

export const BIG = 2n ** 60n;
export const KINGDOMS = ['00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000002'] as const;

export const tablesIn = (schema: string) =>
  ({
    campaign: { schema, table: 'campaigns', id: 'id', idType: 'bigint', columns: { title: 'Title' } },
    kingdom: {
      ...{ schema, table: 'kingdoms', id: 'id', idType: 'uuid', deleted: 'gone' },
      columns: { name: 'name', campaignId: 'campaign_id' },
      parents: { campaign: 'campaign_id' },
    },
    settlement: {
      ...{ schema, table: 'settlements', id: 'key', deletedAt: 'deleted_at', geometry: 'geom' },
      columns: {
        ...{ kingdomId: 'kingdom_id', name: 'name', people: 'people' },
        outline: { column: 'geom', as: 'geojson', optional: true },
      },
      parents: { kingdom: 'kingdom_id' },
      orderBy: [{ column: 'people', descending: true }],
    },
    structure: {
      ...{ schema, table: 'structures', id: 'id', idType: 'number' },
      columns: { settlementId: 'settlement', kind: 'kind' },
      parents: { settlement: 'settlement' },
    },
  }) as const satisfies PgOriginOptions<Model>['tables'];

export async function createTables(pool: Pool, schema: string): Promise<void> {
  await pool.query(`
    create table ${schema}.campaigns (id bigint primary key, "Title" varchar(40) not null);
    create table ${schema}.kingdoms (id uuid primary key, campaign_id bigint, name text, gone boolean);
    create table ${schema}.settlements (key text primary key, kingdom_id uuid, name text, people bigint,
      deleted_at timestamptz, geom geometry(Geometry, 3857));
    create table ${schema}.structures (id int8 primary key, settlement text, kind text);
    insert into ${schema}.campaigns values (1, 'One'), (${String(BIG)}, 'Big');
    insert into ${schema}.kingdoms values ('${KINGDOMS[0]}', 1, 'North', false), ('${KINGDOMS[1]}', ${String(BIG)}, 'South', null);
    insert into ${schema}.settlements values
      ('s1', '${KINGDOMS[0]}', 'Mill', 5, null, ST_SetSRID(ST_MakePoint(0.1, 123456789.123456), 3857)),
      ('s2', '${KINGDOMS[0]}', 'Ford', 7, null, null), ('s3', '${KINGDOMS[1]}', 'Weir', ${String(BIG)}, null, null),
      ('s4', '${KINGDOMS[0]}', 'Gone', 9, now(), null);
    insert into ${schema}.structures values (1, 's1', 'mill'), (2, 's1', null), (${String(BIG)}, 's2', 'inn')`);
}

export const context = (beside: Partial<OriginContext> = {}): OriginContext => ({
  ...{ branch: 'main', branches: ['main'], signal: new AbortController().signal, recentlyChanged: false },
  ...beside,
});

/** What was asked of it, oldest first. */
export function recorded(sql: Sql): Sql & { readonly texts: string[]; readonly reads: readonly string[] } {
  const texts: string[] = [];
  return {
    texts,
    get reads() {
      return texts.filter((text) => !text.includes('pg_attribute'));
    },
    query: (text, values) => {
      texts.push(text);
      return sql.query(text, values);
    },
  };
}

export const originOf = (options: Omit<PgOriginOptions<Model>, 'tables'>, schema: string) =>
  pgOrigin<Model>({ ...options, tables: tablesIn(schema) }) as Loaded;

/** All loaders are there: said once. */
type Loaded = {
  readonly [T in keyof Model['entities']]: {
    byIds(ids: readonly unknown[], context: OriginContext): Promise<readonly object[]>;
    all(context: OriginContext): AsyncIterable<object>;
    readonly childrenOf: Readonly<
      Record<string, (ids: readonly unknown[], context: OriginContext) => Promise<object[]>>
    >;
  };
};
