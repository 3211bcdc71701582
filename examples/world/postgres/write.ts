import type { ClientBase } from 'pg';
import { KINDS, PARENT_TYPE, writtenBy } from '../data/kinds.ts';
import { Conflict, NotFound, type Written } from '../data/tables.ts';
import type { TypeName, WorldRow } from '../model.ts';
import { fieldsOf, relation, rowOf, selected } from './layout.ts';

/** One write within a transaction: what it replaces is locked, looked at, and replaced. */

export interface Place {
  readonly schema: string;
  readonly branch: string;
  /** The branch itself, its parent, … the root. */
  readonly chain: readonly string[];
}

export interface Write<T extends TypeName> {
  readonly type: T;
  readonly id: string;
  readonly fields: Partial<WorldRow<T>>;
  readonly expectedVersion: number | undefined;
}

/** Rejects with what `Tables.write` throws. */
export async function writeRow<T extends TypeName>(
  client: ClientBase,
  place: Place,
  { type, id, fields, expectedVersion }: Write<T>,
): Promise<Written<T>> {
  const before = await nearest<T>(client, place, { type, id, lock: 'update' });
  const { after } = writtenBy(type, { id, before, fields, expectedVersion });
  await parentIsShown(client, place, type, after);
  return { before, after: await upsert(client, place, type, after) };
}

interface Wanted {
  readonly type: TypeName;
  readonly id: string;
  readonly lock: 'update' | 'share';
}

/**
 * The row that the branch sees, deleted or not. Two statements: whoever held the rows may have given the branch one of its
 * own, and that is seen only by a statement that begins once they are ours. Children are locked before parents, and
 * branches by name, so that no two writes wait for each other.
 */
async function nearest<T extends TypeName>(
  client: ClientBase,
  { schema, chain }: Place,
  { type, id, lock }: Wanted,
): Promise<WorldRow<T> | null> {
  const rows = `from ${relation(schema, type)} where id = $1 and branch = any($2)`;
  await client.query(`select ${rows} order by branch for ${lock}`, [id, chain]);
  const first = `order by array_position($2::text[], branch) limit 1`;
  const found = await client.query<object>(`select ${selected(type)} ${rows} ${first}`, [id, chain]);
  return found.rows[0] === undefined ? null : rowOf<T>(found.rows[0]);
}

/** Whether all that a row hangs beneath is there. It is held until the transaction ends, so that nobody deletes it meanwhile. */
async function parentIsShown(client: ClientBase, place: Place, type: TypeName, row: WorldRow): Promise<void> {
  const parentType = PARENT_TYPE[type];
  if (parentType === null) return;
  const id = KINDS[type].parentIdOf(row as never) ?? '';
  const parent = await nearest(client, place, { type: parentType, id, lock: 'share' });
  if (parent === null || parent.deleted) {
    throw new NotFound(`${type} '${row.id}': its ${parentType} '${id}' is not there.`);
  }
  await parentIsShown(client, place, parentType, parent);
}

/** The row as it is then in the table. Throws Conflict if somebody else has created it meanwhile. */
async function upsert<T extends TypeName>(
  client: ClientBase,
  { schema, branch }: Place,
  type: T,
  row: WorldRow<T>,
): Promise<WorldRow<T>> {
  const fields = fieldsOf(type);
  const names = ['branch', ...fields.map(({ column }) => column)];
  const values = [branch, ...fields.map(({ field }) => valueOf(row, field))];
  const { rows } = await client.query<object>(
    `insert into ${relation(schema, type)} as t (${names.join(', ')})
     values (${names.map((_, at) => `$${String(at + 1)}`).join(', ')})
     on conflict (id, branch) do update set ${names.map((name) => `${name} = excluded.${name}`).join(', ')}
     where t.version = excluded.version - 1
     returning ${selected(type)}`,
    values,
  );
  if (rows[0] === undefined) throw new Conflict(`${type} '${row.id}' was written by somebody else at the same time.`);
  return rowOf<T>(rows[0]);
}

function valueOf(row: object, field: string): unknown {
  const value = (row as Readonly<Record<string, unknown>>)[field];
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : (value ?? null);
}
