import type { OriginAnswer } from '../contract.js';
import { TidemarkError, messageOf } from '../errors.js';
import type { AnyRow, EntityPlan, ParentPlan } from '../model.js';

/** Maps what an origin answered to what was asked, in O(n), and refuses what cannot be the answer. Pure. */

export type RowAnswer = OriginAnswer<unknown, AnyRow>;

/**
 * One result per id, in order: the row, null where absent, an Error where only that id failed.
 * Throws INVALID_ROWS, ROW_WITHOUT_ID or UNREQUESTED_ROW for the whole batch.
 */
export function rowsByIds(plan: EntityPlan, ids: readonly unknown[], answer: unknown): (AnyRow | null | Error)[] {
  const where = `origin.${plan.type}.byIds`;
  const found = new Map<unknown, AnyRow | Error>();
  const strays: unknown[] = [];
  const wanted = new Set(ids);
  for (const [given, row] of pairs(answer, where)) {
    if (row === null || row === undefined) continue;
    if (row instanceof Error) {
      found.set(
        given,
        new TidemarkError('ORIGIN_FAILED', `${where}: id ${show(given)} failed: ${row.message}`, { cause: row }),
      );
      continue;
    }
    const id = rowId(plan, row, where);
    if (wanted.has(id) && (given === undefined || given === id)) found.set(id, row as AnyRow);
    else strays.push(given !== undefined && wanted.has(given) ? mismatch(found, where, given, id) : id);
  }
  const missing = ids.filter((id) => !found.has(id));
  for (const stray of strays) {
    if (stray === undefined) continue;
    const twin = missing.find((id) => alike(id, stray));
    if (twin === undefined) {
      const asked = `${String(ids.length)} ids such as ${show(ids[0])}`;
      throw new TidemarkError(
        'UNREQUESTED_ROW',
        `${where}: expected rows of ${asked}, got one with id ${show(stray)}.`,
      );
    }
    mismatch(found, where, twin, stray);
  }
  return ids.map((id) => found.get(id) ?? null);
}

/** Records that `asked` came back as `got`: its own error, never a cached null. */
function mismatch(found: Map<unknown, AnyRow | Error>, where: string, asked: unknown, got: unknown): undefined {
  const message = `${where}: asked for id ${show(asked)}, got a row whose id is ${show(got)}: ids must come back exactly as asked.`;
  found.set(asked, new TidemarkError('ID_MISMATCH', message));
  return undefined;
}

/** The same id but for its case, its type or surrounding space: what databases and drivers change. */
function alike(a: unknown, b: unknown): boolean {
  return String(a).trim().toLowerCase() === String(b).trim().toLowerCase();
}

/** The rows under each parent, in the origin's order. A row with several parents of the type is under each. */
export function rowsByParent(
  plan: EntityPlan,
  parent: ParentPlan,
  parentIds: readonly unknown[],
  answer: unknown,
): AnyRow[][] {
  const where = `origin.${plan.type}.childrenOf.${parent.type}`;
  const lists = new Map<unknown, AnyRow[]>(parentIds.map((id) => [id, []]));
  for (const [, row] of pairs(answer, where)) {
    if (row === null || row === undefined) continue;
    if (row instanceof Error) throw row;
    const id = rowId(plan, row, where);
    const links = parent.idsOf(row as AnyRow) ?? [];
    let placed = false;
    for (const link of new Set(links)) {
      const list = lists.get(link);
      if (list === undefined) continue;
      list.push(row as AnyRow);
      placed = true;
    }
    if (!placed) {
      const asked = `${String(parentIds.length)} parents such as ${show(parentIds[0])}`;
      const got = `${plan.type} ${show(id)} under ${links.length === 0 ? 'none' : links.map(show).join(', ')}`;
      throw new TidemarkError('UNREQUESTED_ROW', `${where}: expected rows of ${asked}, got ${got}.`);
    }
  }
  return parentIds.map((id) => lists.get(id) as AnyRow[]);
}

/** Every row of a type, checked. Throws INVALID_ROWS or ROW_WITHOUT_ID. */
export function checkedRows(plan: EntityPlan, rows: readonly unknown[]): readonly AnyRow[] {
  for (const row of rows) rowId(plan, row, `origin.${plan.type}.all`);
  return rows as readonly AnyRow[];
}

function rowId(plan: EntityPlan, row: unknown, where: string): unknown {
  if (typeof row !== 'object' || row === null || Array.isArray(row)) {
    throw new TidemarkError('INVALID_ROWS', `${where}: expected rows that are objects, got ${show(row)}.`);
  }
  const id = (row as AnyRow)[plan.idField];
  const usable =
    typeof id === 'number' ? !Number.isNaN(id) : typeof id === 'bigint' || (typeof id === 'string' && id.trim() !== '');
  if (usable) return id;
  const fields = Object.keys(row).slice(0, 8).join(', ');
  throw new TidemarkError(
    'ROW_WITHOUT_ID',
    `${where}: expected an id in '${plan.idField}', got ${show(id)} in a row with ${fields}.`,
  );
}

function* pairs(answer: unknown, where: string): Iterable<readonly [given: unknown, row: unknown]> {
  if (answer instanceof Map) {
    yield* answer as Map<unknown, unknown>;
    return;
  }
  if (typeof answer !== 'object' || answer === null || !(Symbol.iterator in answer)) {
    throw new TidemarkError('INVALID_ROWS', `${where}: expected an array of rows or a Map by id, got ${show(answer)}.`);
  }
  for (const row of answer as Iterable<unknown>) yield [undefined, row];
}

function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'an array' : 'an object';
  return messageOf(value);
}

/** A row as an update that changes nothing of where it hangs or lies would leave it: of its version nothing is said. */
export function afterUpdate(plan: EntityPlan, row: AnyRow): AnyRow {
  const version = Object.keys(row).find((field) => plan.versionOf({ [field]: row[field] }) !== undefined);
  return version === undefined ? row : Object.fromEntries(Object.entries(row).filter(([field]) => field !== version));
}
