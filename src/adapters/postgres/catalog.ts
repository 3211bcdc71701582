import type { Sql } from '../../contract.js';
import { type CheckedTable, relationOf } from './tables.js';

/** What the system catalog says of a table that exists. */
export interface Relation {
  /** pg_class.relkind: r table, p partitioned, m materialized view, v view, f foreign table. */
  readonly kind: string;
  readonly columns: ReadonlyMap<string, Column>;
  readonly indexes: readonly IndexKey[];
}

export interface Column {
  /** As a table's definition has it: 'geometry(Point,3857)'. */
  readonly type: string;
  readonly typeName: string;
  /** Of a geometry column; 0 where its type says none. */
  readonly srid: number | null;
}

/** One key of an index that is whole. */
export interface IndexKey {
  /** The same for all keys of one index. */
  readonly index: string;
  readonly method: string;
  readonly opclass: string;
  /** Where the key stands among those of its index, from 1. */
  readonly place: number;
  /** As the catalog writes it, without white space, brackets and quotation marks: 'geom::geography'. */
  readonly key: string;
  /** The conditions of a partial index, written likewise: 'deleted_atISNULL'. */
  readonly conditions: readonly string[];
}

const COLUMNS = `select c.relkind as "kind", a.attname as "name", format_type(a.atttypid, a.atttypmod) as "type",
  y.typname as "typeName", case y.typname when 'geometry' then postgis_typmod_srid(a.atttypmod) end as "srid"
from pg_class c
left join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
left join pg_type y on y.oid = a.atttypid
where c.oid = to_regclass($1)`;

const INDEXES = `select i.indexrelid::text as "index", m.amname as "method", o.opcname as "opclass", k.place::int as "place",
  pg_get_indexdef(i.indexrelid, k.place, true) as "key", pg_get_expr(i.indpred, i.indrelid) as "condition"
from pg_index i
join pg_class c on c.oid = i.indexrelid
join pg_am m on m.oid = c.relam
cross join generate_series(1, i.indnkeyatts) k(place)
join pg_opclass o on o.oid = i.indclass[k.place - 1]
where i.indrelid = to_regclass($1) and i.indisvalid`;

interface ColumnRow extends Column {
  readonly kind: string;
  readonly name: string | null;
}

interface IndexRow extends Omit<IndexKey, 'conditions'> {
  readonly condition: string | null;
}

/** Undefined for a table that does not exist. */
export async function relationIn(sql: Sql, table: CheckedTable): Promise<Relation | undefined> {
  const name = relationOf(table);
  const columns = (await sql.query(COLUMNS, [name])).rows as readonly ColumnRow[];
  const kind = columns[0]?.kind;
  if (kind === undefined) return undefined;
  return {
    kind,
    columns: new Map(columns.flatMap((column) => (column.name === null ? [] : [[column.name, column]]))),
    indexes: await indexesOf(sql, name),
  };
}

/** Those of a table, named as SQL does; none of one that does not exist. */
export async function indexesOf(sql: Sql, name: string): Promise<readonly IndexKey[]> {
  const rows = (await sql.query(INDEXES, [name])).rows as readonly IndexRow[];
  return rows.map(({ condition, ...index }) => ({
    ...index,
    key: bare(index.key),
    conditions: condition === null ? [] : condition.split(' AND ').map(bare),
  }));
}

/** Names are of letters, digits and _ : without what is taken away here two of them still differ. */
const bare = (expression: string): string => expression.replace(/["()\s]/g, '');
