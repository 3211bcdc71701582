import { TidemarkError } from '../../errors.js';
import { branchSql, liveSql } from './conditions.js';
import type { ColumnTypes } from './origin-catalog.js';
import { type IdForm, idForm, readNumber } from './origin-ids.js';
import type { FieldColumn, OriginNames } from './origin-tables.js';
import { type Parameters, type Statement, parameters } from './statement.js';
import { type IdType, quoted, relationOf } from './tables.js';

/** The statements of one type's loaders, and how their rows are read. */
export interface OriginPlan {
  readonly names: OriginNames;
  readonly id: IdForm;
  readonly parents: ReadonlyMap<string, { readonly column: string; readonly form: IdForm }>;
  readonly fields: readonly FieldPlan[];
}

interface FieldPlan {
  readonly field: string;
  readonly sql: string;
  readonly read: (value: unknown) => unknown;
  readonly optional: boolean;
}

type RawRow = Readonly<Record<string, unknown>>;

/** Throws ORIGIN_NOT_READY where a column cannot hold the ids that it is told to. */
export function planOf(
  names: OriginNames,
  types: ColumnTypes,
  idTypeOf: (type: string) => IdType | undefined,
): OriginPlan {
  const formOf = (option: string, column: string, idType: IdType): IdForm => {
    const type = types.get(column) ?? { typeName: 'unknown', category: 'X' };
    const form = idForm(type, idType);
    if (form !== undefined) return form;
    throw new TidemarkError(
      'ORIGIN_NOT_READY',
      `tables.${names.type}.${option}: expected a column for ids of type '${idType}', got '${column}' of type ${type.typeName}.`,
    );
  };
  const id = formOf('id', names.id, names.idType);
  const parents = [...names.parents].map(([parent, column]) => {
    const isText = types.get(column)?.category !== 'N';
    const form = formOf(`parents.${parent}`, column, idTypeOf(parent) ?? (isText ? 'text' : 'number'));
    return [parent, { column, form }] as const;
  });
  const links = new Map(parents.map(([, { column, form }]) => [column, form]));
  const fields = names.columns.map((column) => fieldPlan(column, types, links.get(column.column)));
  return { names, id, parents: new Map(parents), fields };
}

/** What the driver would round, or give as a text, comes as text and is read here. */
function fieldPlan({ field, column, as, optional }: FieldColumn, types: ColumnTypes, link?: IdForm): FieldPlan {
  const at = `t.${quoted(column)}`;
  const text = (read: (text: string) => unknown, sql = `${at}::text`): FieldPlan => ({
    ...{ field, sql, optional },
    read: (value) => (value === null ? null : read(value as string)),
  });
  if (as === 'geojson') return text((json) => JSON.parse(json) as unknown, `ST_AsGeoJSON(${at}, 15, 0)`);
  if (as === 'text') return text((value) => value);
  if (as === 'number') return text(Number);
  if (as === 'bigint') return text(BigInt);
  if (link !== undefined) return text((value) => link.read(value));
  if (types.get(column)?.typeName === 'int8') return text(readNumber);
  return { field, sql: at, read: (value) => value, optional };
}

/** The row of the model. */
export function rowOf({ names, id, fields }: OriginPlan, raw: object): object {
  const given = raw as RawRow;
  const row: Record<string, unknown> = { [names.idField]: id.read(String(given[names.idField])) };
  for (const { field, read, optional } of fields) {
    const value = read(given[field]);
    if (value !== null || !optional) row[field] = value;
  }
  return row;
}

const selectSql = ({ names, fields }: OriginPlan): string => {
  const columns = fields.map(({ sql, field }) => `${sql} as ${quoted(field)}`);
  const id = `t.${quoted(names.id)}::text as ${quoted(names.idField)}`;
  return `select ${[id, ...columns].join(', ')}\nfrom ${relationOf(names)} t`;
};

const whereSql = (names: OriginNames, condition: readonly string[], branches: readonly string[], given: Parameters) =>
  `where ${[...condition, ...branchSql(names, branches, given), ...liveSql(names)].join('\n  and ') || 'true'}`;

/**
 * Rows by id, deleted ones left out. Null if none of these ids can be in the table.
 *
 * ```sql
 * select t."id"::text as "id", t."name" as "name", t."kingdom_id"::text as "kingdomId"
 * from "settlements" t
 * where t."id" = any($1::text[])
 *   and t."deleted_at" is null
 * ```
 *
 * `uuid[]` or `bigint[]` where the column is of such a type. In a table with branches the row of the nearest branch counts,
 * and hides the others also if it is deleted:
 *
 * ```sql
 *   and t."branch"::text = any($2::text[])
 *   and t."branch"::text = (select n."branch"::text from "settlements" n
 *     where n."id" = t."id" and n."branch"::text = any($2::text[])
 *     order by array_position($2::text[], n."branch"::text) limit 1)
 * ```
 */
export function byIdsSql(plan: OriginPlan, ids: readonly unknown[], branches: readonly string[]): Statement | null {
  const { names, id } = plan;
  const given = parameters();
  const asked = anyOf(`t.${quoted(names.id)}`, id, ids, given);
  if (asked === null) return null;
  return { text: `${selectSql(plan)}\n${whereSql(names, [asked], branches, given)}`, values: given.values };
}

/**
 * The rows under these parents, as {@link byIdsSql} gives them, in the order that the table is told. Null if none of the
 * parents can be in the column.
 *
 * ```sql
 * select t."id"::text as "id", t."name" as "name", t."kingdom_id"::text as "kingdomId"
 * from "settlements" t
 * where t."kingdom_id" = any($1::text[])
 *   and t."deleted_at" is null
 * order by t."population" desc, t."id"
 * ```
 */
export function childrenSql(
  plan: OriginPlan,
  { parent, ids }: { readonly parent: string; readonly ids: readonly unknown[] },
  branches: readonly string[],
): Statement | null {
  const { names, parents } = plan;
  const link = parents.get(parent);
  const given = parameters();
  const asked = link === undefined ? null : anyOf(`t.${quoted(link.column)}`, link.form, ids, given);
  if (asked === null) return null;
  const order = names.orderBy.map(({ column, descending }) => `t.${quoted(column)}${descending ? ' desc' : ''}`);
  const text = [
    selectSql(plan),
    whereSql(names, [asked], branches, given),
    `order by ${[...order, `t.${quoted(names.id)}`].join(', ')}`,
  ].join('\n');
  return { text, values: given.values };
}

/**
 * The next rows of all, by id: of the first page, without the first condition.
 *
 * ```sql
 * select t."id"::text as "id", t."name" as "name", t."kingdom_id"::text as "kingdomId"
 * from "settlements" t
 * where t."id" > $1::text
 *   and t."deleted_at" is null
 * order by t."id"
 * limit $2::bigint
 * ```
 */
export function pageSql(
  plan: OriginPlan,
  { after, limit }: { readonly after: string | undefined; readonly limit: number },
  branches: readonly string[],
): Statement {
  const { names, id } = plan;
  const given = parameters();
  const key = `t.${quoted(names.id)}`;
  const condition = after === undefined ? [] : [`${key} > ${given.add(after, id.sqlType)}`];
  const where = whereSql(names, condition, branches, given);
  const text = `${selectSql(plan)}\n${where}\norder by ${key}\nlimit ${given.add(limit, 'bigint')}`;
  return { text, values: given.values };
}

function anyOf(column: string, form: IdForm, ids: readonly unknown[], given: Parameters): string | null {
  const written = ids.map((id) => form.write(id)).filter((id) => id !== undefined);
  return written.length === 0 ? null : `${column} = any(${given.add(written, `${form.sqlType}[]`)})`;
}
