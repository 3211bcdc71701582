import type { IdType, NamedTable } from './tables.js';
import { ID_TYPES, checkName, recordOf, refuse, shown } from './tables.js';

/** A table of which all names are known to be names: made by {@link originTables} only. */
export interface OriginNames extends NamedTable {
  readonly type: string;
  readonly idType: IdType;
  readonly idField: string;
  /** Of the row's fields but its id. */
  readonly columns: readonly FieldColumn[];
  /** The column with the parent's id, by parent type. */
  readonly parents: ReadonlyMap<string, string>;
  readonly orderBy: readonly { readonly column: string; readonly descending: boolean }[];
}

export interface FieldColumn {
  readonly field: string;
  readonly column: string;
  readonly as: 'geojson' | 'text' | 'number' | 'bigint' | undefined;
  readonly optional: boolean;
}

const NAMES = ['table', 'id'] as const;
const OPTIONAL_NAMES = ['schema', 'deletedAt', 'deleted', 'branch', 'geometry'] as const;
const KNOWN: readonly string[] = [...NAMES, ...OPTIONAL_NAMES, 'idType', 'columns', 'parents', 'orderBy'];
const COLUMN_OPTIONS: readonly string[] = ['column', 'as', 'optional'];
const AS: readonly unknown[] = ['geojson', 'text', 'number', 'bigint', undefined];

/** Throws INVALID_OPTION for a name that is none, an option that does not exist, or one that is missing. */
export function originTables(given: unknown): ReadonlyMap<string, OriginNames> {
  const tables = Object.entries(recordOf('tables', given)).filter(([, table]) => table !== undefined);
  return new Map(tables.map(([type, table]) => [type, namesOf(`tables.${type}`, type, table)]));
}

function namesOf(where: string, type: string, given: unknown): OriginNames {
  const options = recordOf(where, given);
  known(where, options, KNOWN);
  for (const name of NAMES) checkName(`${where}.${name}`, options[name]);
  for (const name of OPTIONAL_NAMES) if (options[name] !== undefined) checkName(`${where}.${name}`, options[name]);
  const { idType = 'text', orderBy = [] } = options;
  if (!ID_TYPES.includes(idType as string)) refuse(`${where}.idType`, `one of ${ID_TYPES.join(', ')}`, shown(idType));
  const fields = entriesOf(`${where}.columns`, options['columns']).map(([field, column]) =>
    fieldColumn(`${where}.columns.${field}`, field, column),
  );
  const parents = entriesOf(`${where}.parents`, options['parents']);
  for (const [parent, column] of parents) checkName(`${where}.parents.${parent}`, column);
  if (!Array.isArray(orderBy)) refuse(`${where}.orderBy`, 'a list of columns', shown(orderBy));
  const isId = ({ column, as }: FieldColumn): boolean => column === options['id'] && as === undefined;
  const idField = fields.find(isId)?.field ?? 'id';
  return {
    ...(options as unknown as NamedTable),
    type,
    idType: idType as IdType,
    idField,
    columns: fields.filter(({ field }) => field !== idField),
    parents: new Map(parents as [string, string][]),
    orderBy: (orderBy as readonly unknown[]).map((column, i) => orderColumn(`${where}.orderBy[${String(i)}]`, column)),
  };
}

function fieldColumn(where: string, field: string, given: unknown): FieldColumn {
  checkName(where.slice(0, -field.length - 1), field);
  if (typeof given !== 'object' || given === null) {
    checkName(where, given);
    return { field, column: given as string, as: undefined, optional: false };
  }
  const options = recordOf(where, given);
  known(where, options, COLUMN_OPTIONS);
  const { column, as, optional } = options;
  checkName(`${where}.column`, column);
  if (!AS.includes(as)) refuse(`${where}.as`, "'geojson', 'text', 'number' or 'bigint'", shown(as));
  return { field, column: column as string, as: as as FieldColumn['as'], optional: optional === true };
}

function orderColumn(where: string, given: unknown): OriginNames['orderBy'][number] {
  if (typeof given !== 'object' || given === null) {
    checkName(where, given);
    return { column: given as string, descending: false };
  }
  const options = recordOf(where, given);
  known(where, options, ['column', 'descending']);
  checkName(`${where}.column`, options['column']);
  return { column: options['column'] as string, descending: options['descending'] === true };
}

const entriesOf = (where: string, given: unknown): [string, unknown][] =>
  Object.entries(recordOf(where, given ?? {})).filter(([, value]) => value !== undefined);

function known(where: string, options: Readonly<Record<string, unknown>>, names: readonly string[]): void {
  for (const option of Object.keys(options)) {
    if (!names.includes(option)) refuse(`${where}.${option}`, `one of ${names.join(', ')}`, 'an option of that name');
  }
}
