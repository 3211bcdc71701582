import type DataLoader from 'dataloader';
import type { SubjectKey } from '../contract.js';
import { TidemarkError, isTidemarkError, messageOf } from '../errors.js';
import type { AnyRow, EntityPlan, ParentPlan } from '../model.js';
import type { Counter } from '../report.js';
import { idText } from '../subject.js';
import {
  type Chain,
  absentSubjects,
  baseSubjects,
  listSubjects,
  parentSubjects,
  recordSubjects,
  sharedListSubjects,
} from './cascade.js';
import type { Flight, Outcome } from './flight.js';
import type { Lifetime, Space } from './tier.js';

/** Records and lists as they are cached: where they are kept, which marks they carry, what readers see of them. */

/** Records of a type, or the lists of a type under one parent type. */
export interface RowSpace extends Space {
  readonly plan: EntityPlan;
  readonly parent: ParentPlan | null;
  readonly batches: Map<string, DataLoader<Flight, Outcome>>;
}

/** Every subject that a record or list carries: those whose marks its flight has taken, and those that the row names. */
export function requiredOf(
  space: RowSpace,
  flight: Flight,
  found: { readonly value: unknown; readonly absent: boolean; readonly chain: Chain },
): SubjectKey[] {
  const subjects: SubjectKey[] = [];
  for (const { cells } of flight.captured) for (const { subject } of cells) subjects.push(subject);
  if (space.parent !== null) return subjects;
  const { value, absent, chain } = found;
  const named = absent ? absentSubjects(space.plan.type, chain) : parentSubjects(space.plan, value as AnyRow, chain);
  for (const subject of named) subjects.push(subject);
  return subjects;
}

/** What a record or list carries that is known from its id alone: the same number of subjects for every id. */
export function ownSubjects(space: RowSpace, id: string, chain: Chain): SubjectKey[] {
  return space.parent === null
    ? recordSubjects(space.plan.type, id, chain)
    : listSubjects(space.plan, space.parent.type, id, chain);
}

/** What every record, or every list, of the space carries. */
export function sharedSubjects(space: RowSpace, chain: Chain): SubjectKey[] {
  return space.parent === null ? baseSubjects(space.plan.type, chain) : sharedListSubjects(space.plan, chain);
}

/** What readers see: null for a deleted record, lists without deleted rows. */
export function visible(
  plan: EntityPlan,
  answer: AnyRow | null | readonly AnyRow[],
): AnyRow | null | readonly AnyRow[] {
  if (answer === null) return null;
  if (Array.isArray(answer)) return (answer as readonly AnyRow[]).filter((row) => !plan.isDeleted(row));
  return plan.isDeleted(answer as AnyRow) ? null : answer;
}

export function guarded<T>(where: string, map: () => T): T {
  try {
    return map();
  } catch (cause) {
    throw rowError(where, cause);
  }
}

export function whichRow({ plan, parent }: RowSpace, id: unknown): string {
  return parent === null ? `${plan.type} ${String(id)}` : `${plan.plural} of ${parent.type} ${String(id)}`;
}

export function rowError(where: string, cause: unknown): TidemarkError {
  if (isTidemarkError(cause)) return cause;
  return new TidemarkError('LOAD_FAILED', `${where}: the model's own function failed on a row: ${messageOf(cause)}`, {
    cause,
  });
}

/** The space of a type's records, or of its lists under one parent type. */
export function rowSpace(
  plan: EntityPlan,
  parent: ParentPlan | null,
  shared: {
    readonly counter: Counter;
    readonly lifetime: Lifetime;
    readonly keyOf: (branch: string, id: unknown) => string;
  },
): RowSpace {
  return {
    kind: parent === null ? 'record' : 'list',
    name: plan.type,
    plan,
    parent,
    batches: new Map(),
    shelves: new Map(),
    ...shared,
  };
}

/** An id as the caller gave it, checked. Throws BLANK_ID naming the type. */
export function checkedId(type: string, id: unknown): unknown {
  idText(id, `id of '${type}'`);
  return id;
}
