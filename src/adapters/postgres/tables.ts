import { TidemarkError } from '../../errors.js';

/** Where the entities of one type are. All names are those of the database, unquoted. */
export interface PostgisTable {
  readonly table: string;
  /** Left out: what the search_path finds. */
  readonly schema?: string | undefined;
  /** The column of the entity's id. */
  readonly id: string;
  /** What the ids are in the model's terms; a `bigint` beyond 2^53 is given as such. Default 'text'. */
  readonly idType?: 'text' | 'number' | 'uuid' | undefined;
  /** The column of type `geometry(…, srid)`. */
  readonly geometry: string;
  /** A column that is null for as long as the row is live. */
  readonly deletedAt?: string | undefined;
  /** A boolean column that is true once the row is deleted. */
  readonly deleted?: string | undefined;
  /**
   * The column of the branch. With it the table holds a row per id and branch, and a deleted row hides what its branch
   * inherits; without it a row belongs to every branch.
   */
  readonly branch?: string | undefined;
  /** The columns that `where` may name, by field. */
  readonly columns?: Readonly<Record<string, string>> | undefined;
}

declare const checked: unique symbol;

/** A {@link PostgisTable} whose names are known to be names: made by {@link tableOf} only. */
export interface CheckedTable extends PostgisTable {
  readonly [checked]: true;
  readonly type: string;
  readonly idType: 'text' | 'number' | 'uuid';
  readonly columns: Readonly<Record<string, string>>;
}

const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,62}$/;
const ID_TYPES = ['text', 'number', 'uuid'];
const REQUIRED = ['table', 'id', 'geometry'] as const;
const OPTIONAL = ['schema', 'deletedAt', 'deleted', 'branch'] as const;
const KNOWN: readonly string[] = [...REQUIRED, ...OPTIONAL, 'idType', 'columns'];

/** Throws INVALID_OPTION for a name that is none, an option that does not exist, or one that is missing. */
export function tableOf(type: string, given: PostgisTable): CheckedTable {
  const where = `tables.${type}`;
  const options = recordOf(where, given);
  for (const option of Object.keys(options)) {
    if (!KNOWN.includes(option)) refuse(`${where}.${option}`, `one of ${KNOWN.join(', ')}`, 'an option of that name');
  }
  for (const option of REQUIRED) checkName(`${where}.${option}`, options[option]);
  for (const option of OPTIONAL) if (options[option] !== undefined) checkName(`${where}.${option}`, options[option]);
  const { idType = 'text' } = options;
  if (!ID_TYPES.includes(idType as string)) refuse(`${where}.idType`, `one of ${ID_TYPES.join(', ')}`, shown(idType));
  const columns = recordOf(`${where}.columns`, options['columns'] ?? {});
  for (const [field, column] of Object.entries(columns)) checkName(`${where}.columns.${field}`, column);
  // A copy, so that nobody changes a name after it was checked.
  return Object.freeze({ ...options, type, idType, columns: Object.freeze({ ...columns }) }) as unknown as CheckedTable;
}

/** The tables by type. Throws INVALID_OPTION as {@link tableOf} does. */
export function tablesOf(given: Readonly<Record<string, PostgisTable>>): ReadonlyMap<string, CheckedTable> {
  const options = recordOf('tables', given) as Readonly<Record<string, PostgisTable>>;
  return new Map(Object.entries(options).map(([type, table]) => [type, tableOf(type, table)]));
}

/** A checked name as it is written in SQL, where upper case would else be lost. */
export const quoted = (name: string): string => `"${name}"`;

export const relationOf = ({ schema, table }: CheckedTable): string =>
  schema === undefined ? quoted(table) : `${quoted(schema)}.${quoted(table)}`;

/** Throws INVALID_OPTION for a field that has no column. */
export function columnOf({ type, columns }: CheckedTable, field: string): string {
  const column = Object.hasOwn(columns, field) ? columns[field] : undefined;
  if (column !== undefined) return column;
  const known = Object.keys(columns).map((name) => `'${name}'`);
  throw new TidemarkError(
    'INVALID_OPTION',
    `where.${field}: expected one of the fields with a column in tables.${type}.columns (${known.join(', ') || 'it has none'}), got '${field}'.`,
  );
}

function recordOf(where: string, value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  return refuse(where, 'an object', Array.isArray(value) ? 'an array' : shown(value));
}

/** Throws INVALID_OPTION. */
export function checkName(where: string, value: unknown): void {
  if (typeof value === 'string' && NAME.test(value)) return;
  refuse(where, 'a name of letters, digits and _, that does not begin with a digit, of at most 63', shown(value));
}

function refuse(where: string, expected: string, came: string): never {
  throw new TidemarkError('INVALID_OPTION', `${where}: expected ${expected}, got ${came}.`);
}

const shown = (value: unknown): string => (typeof value === 'string' ? JSON.stringify(value) : String(value));
