import type { SubjectKey } from '../contract.js';
import type { AnyRow, EntityPlan, Topology } from '../model.js';
import { TidemarkError } from '../errors.js';
import {
  type Footprint,
  allSubject,
  belowSubject,
  branchSubject,
  cellSubject,
  entitySubject,
  idText,
  linkSubject,
  listSubject,
  placedSubject,
  placementSubject,
  removalsSubject,
  rulesSubject,
  subjectParts,
  typeSubject,
  underSubject,
} from '../subject.js';

/**
 * The heart of the cascade, as one table read both ways: which marks each kind of value carries, and which marks each
 * change bumps. Pure. A row added here on one side needs its counterpart on the other; `docs/protocol.md` has the
 * table, and `test/cache/cascade.test.ts` holds the two sides against a brute-force world.
 */

/** The branches whose changes a reader of `chain[0]` can see: itself, its parent, … the root. */
export type Chain = readonly string[];

// ── What a value carries ────────────────────────────────────────────────────────────────────────────────────────

/** Marks of any value of a type, whatever its id: bulk changes and changes of the branches themselves. */
export function baseSubjects(type: string, chain: Chain): SubjectKey[] {
  return chain.flatMap((branch) => [allSubject(type, branch), branchSubject(branch)]);
}

/** A record's own, beside `baseSubjects`. */
export function recordSubjects(type: string, id: string, chain: Chain): SubjectKey[] {
  return chain.map((branch) => entitySubject(type, id, branch));
}

/** What an absent record carries besides: it comes back when an ancestor does. */
export function absentSubjects(type: string, chain: Chain): SubjectKey[] {
  return chain.map((branch) => removalsSubject(type, branch));
}

/** Known only from the row: a present record goes when one of its parents does. */
export function parentSubjects(plan: EntityPlan, row: AnyRow, chain: Chain): SubjectKey[] {
  const subjects: SubjectKey[] = [];
  for (const parent of plan.parents) {
    for (const id of parent.idsOf(row) ?? []) {
      const text = idText(id, `${plan.type}'s parent '${parent.type}'`);
      for (const branch of chain) subjects.push(belowSubject(parent.type, text, branch));
    }
  }
  return subjects;
}

/** A list's own, beside `sharedListSubjects`. */
export function listSubjects(plan: EntityPlan, parentType: string, parentId: string, chain: Chain): SubjectKey[] {
  return chain.flatMap((branch) => [
    listSubject(plan.type, parentType, parentId, branch),
    belowSubject(parentType, parentId, branch),
  ]);
}

/** What every list of a type carries. */
export function sharedListSubjects(plan: EntityPlan, chain: Chain): SubjectKey[] {
  const subjects = [...chain.map((branch) => placementSubject(plan.type, branch)), ...baseSubjects(plan.type, chain)];
  // A child with a second parent leaves this list when that other parent goes.
  return plan.parents.length > 1 ? [...subjects, ...absentSubjects(plan.type, chain)] : subjects;
}

/**
 * By branch, that it inherits from the next: each pair moves together. If the two have not, the tree of branches has
 * changed, and this replica's `parentOf` does not know it yet.
 */
export function linksOf(chain: Chain): (readonly [branch: SubjectKey, link: SubjectKey])[] {
  return chain.slice(0, -1).map((branch, i) => [branchSubject(branch), linkSubject(branch, chain[i + 1] as string)]);
}

/** Marks of a value that depends on everything of a type: `dependsOn` a type, and values with too many marks. */
export function wholeTypeSubjects(type: string, chain: Chain): SubjectKey[] {
  return [...chain.map((branch) => typeSubject(type, branch)), ...baseSubjects(type, chain)];
}

/** A spatial answer: whatever enters or leaves its cells, or anything larger that may reach into them. */
export function spatialSubjects(type: string, { cells, ancestors }: Footprint, chain: Chain): SubjectKey[] {
  const subjects = chain.flatMap((branch) => [
    ...cells.map((cell) => cellSubject(type, cell, branch)),
    ...ancestors.map((cell) => underSubject(type, cell, branch)),
    placementSubject(type, branch),
    removalsSubject(type, branch),
  ]);
  return [...subjects, ...baseSubjects(type, chain)];
}

/**
 * What a value of the kind that `key` names carries: `dependsOn` made complete, and the topics that a subscription
 * listens on. A subject of one branch stands for a reader in that branch.
 */
export function carriedBy(key: SubjectKey, topology: Topology, chainOf: (branch: string) => Chain): SubjectKey[] {
  const [kind, ...names] = subjectParts(key);
  const chain = chainOf(names.at(-1) as string);
  const [type = '', second = '', third = ''] = names;
  switch (kind) {
    case 'entity':
      return [...recordSubjects(type, second, chain), ...baseSubjects(type, chain), ...absentSubjects(type, chain)];
    case 'list': {
      const plan = planOf(topology, type);
      return [...listSubjects(plan, second, third, chain), ...sharedListSubjects(plan, chain)];
    }
    case 'type':
      return wholeTypeSubjects(type, chain);
    case 'rules':
      return chain.map((branch) => rulesSubject(type, second, branch));
    case 'branch':
      return chain.map(branchSubject);
    default:
      return [key];
  }
}

// ── What a change bumps ─────────────────────────────────────────────────────────────────────────────────────────

/** Subjects to bump, each with the reason in words. */
export type Bumps = Map<SubjectKey, string>;

/** A change of one entity, checked. */
export interface PlainChange {
  readonly plan: EntityPlan;
  readonly id: string;
  readonly branch: string;
  readonly op: 'create' | 'update' | 'delete' | 'restore';
  readonly before: AnyRow | null;
  readonly after: AnyRow | null;
  /** Where the entity was and is, in cells; null if an image does not say, or if they are too many to bump. */
  readonly places: readonly Footprint[] | null;
  /** The branch inherits from another: rows may be overrides of inherited ones. */
  readonly inherits: boolean;
}

const PLACED = 'where it is, for whoever keeps an index';

export function bumpsOf(change: PlainChange, topology: Topology): Bumps {
  const { plan, id, branch } = change;
  const bumps: Bumps = new Map([
    [entitySubject(plan.type, id, branch), 'it changed'],
    [typeSubject(plan.type, branch), `what depends on every ${plan.type}`],
  ]);
  if (plan.geometryOf !== undefined) bumps.set(placedSubject(plan.type, id, branch), PLACED);
  const images = trustedImages(change);
  if (plan.parents.length === 0 && plan.geometryOf === undefined) {
    // It hangs nowhere and lies nowhere: no list and no spatial answer has it.
  } else if (images === null || change.places === null) {
    bumps.set(
      placementSubject(plan.type, branch),
      images === null
        ? `every list of ${plan.plural}: the change does not say under which parents it was and is`
        : `every list and spatial answer of ${plan.plural}: the change does not say where it was and is`,
    );
  } else {
    for (const place of change.places) addCells(bumps, plan.type, place, branch);
    for (const row of images) {
      for (const parent of plan.parents) {
        for (const parentId of parent.idsOf(row) ?? []) {
          const text = idText(parentId, `${plan.type}'s parent '${parent.type}'`);
          bumps.set(listSubject(plan.type, parent.type, text, branch), `the ${plan.plural} of ${parent.type} ${text}`);
        }
      }
    }
  }
  if (changesVisibility(change)) addSubtree(bumps, plan, id, branch, topology);
  return bumps;
}

function addCells(bumps: Bumps, type: string, { cells, ancestors }: Footprint, branch: string): void {
  for (const cell of cells) {
    bumps.set(cellSubject(type, cell, branch), `spatial answers that reach into cell ${cell}`);
    bumps.set(underSubject(type, cell, branch), `spatial answers within cell ${cell}`);
  }
  for (const cell of ancestors) {
    bumps.set(cellSubject(type, cell, branch), `spatial answers that reach into cell ${cell}`);
  }
}

/**
 * The row images that name every parent the entity had and has, or null if they cannot be relied on. In a branch
 * that inherits, a deleted row may uncover an inherited one whose parents nobody named.
 */
function trustedImages(change: PlainChange): AnyRow[] | null {
  const { op, plan, before, after } = change;
  const linked = (row: AnyRow | null): row is AnyRow =>
    row !== null && plan.parents.every((parent) => parent.idsOf(row) !== null);
  if (op === 'create') return linked(after) ? [after] : null;
  if (change.inherits && op !== 'update') return null;
  if (!linked(before) || outOfOrder(change)) return null;
  if (after === null) return op === 'delete' ? [before] : null;
  return linked(after) ? [before, after] : null;
}

/** Both images carry a version and it did not rise by one: `before` is not what this write replaced. */
function outOfOrder({ plan, before, after }: PlainChange): boolean {
  if (before === null || after === null) return false;
  const from = plan.versionOf(before);
  const to = plan.versionOf(after);
  return from !== undefined && to !== undefined && to !== from + 1;
}

/** Whether the entity may have appeared or disappeared, and with it what hangs beneath. */
function changesVisibility(change: PlainChange): boolean {
  const { op, plan, before, after } = change;
  if (op === 'delete' || op === 'restore') return true;
  if (op === 'create') return false;
  // Without a row image in a branch that inherits, the update may be the first override of an inherited row.
  if (before === null) return change.inherits;
  if (outOfOrder(change)) return true;
  return after !== null && (plan.isDeleted(before) !== plan.isDeleted(after) || hasMoved(plan, before, after));
}

/** Out of a deleted parent, or into one: what hangs beneath comes into sight or goes out of it. */
function hasMoved(plan: EntityPlan, before: AnyRow, after: AnyRow): boolean {
  const parents = (row: AnyRow): string =>
    JSON.stringify(plan.parents.map((parent) => (parent.idsOf(row) ?? []).map(String)));
  return parents(before) !== parents(after);
}

/** Nothing beneath is enumerated: these few sets are carried by all of it. */
function addSubtree(bumps: Bumps, plan: EntityPlan, id: string, branch: string, topology: Topology): void {
  if (plan.children.length === 0) return;
  bumps.set(belowSubject(plan.type, id, branch), `what hangs under ${plan.type} ${id}`);
  for (const type of plan.children) {
    bumps.set(removalsSubject(type, branch), `absent ${planOf(topology, type).plural}: they may be back`);
    bumps.set(typeSubject(type, branch), `what depends on every ${type}`);
  }
  for (const type of plan.deeper) {
    bumps.set(allSubject(type, branch), `every ${type}: they hang deeper under ${plan.type} ${id}`);
    bumps.set(typeSubject(type, branch), `what depends on every ${type}`);
  }
}

/** What a change named by a subject alone bumps: everything that the subject covers may have changed. */
export function bumpsOfSubject(key: SubjectKey, topology: Topology): Bumps {
  const [kind, type = '', second = ''] = subjectParts(key);
  const branch = subjectParts(key).at(-1) as string;
  const bumps: Bumps = new Map([[key, 'named by the change']]);
  if (kind === 'entity') {
    const plan = planOf(topology, type);
    bumps.set(typeSubject(type, branch), `what depends on every ${type}`);
    bumps.set(placementSubject(type, branch), `every list of ${plan.plural}: the change names no parent`);
    if (plan.geometryOf !== undefined) bumps.set(placedSubject(type, second, branch), PLACED);
    addSubtree(bumps, plan, second, branch, topology);
  } else if (kind === 'list') {
    bumps.set(typeSubject(type, branch), `what depends on every ${type}`);
  } else if (kind === 'type') {
    const plan = planOf(topology, type);
    for (const below of new Set([type, ...plan.children, ...plan.deeper])) {
      const why = below === type ? `every ${type}` : `every ${below}: they hang under ${type}`;
      bumps.set(typeSubject(below, branch), why);
      bumps.set(allSubject(below, branch), why);
    }
  } else if (kind === 'branch') {
    const parent = branch === topology.root ? undefined : topology.parentOf?.(branch);
    if (parent !== undefined) bumps.set(linkSubject(branch, parent), `it inherits from ${parent}`);
  }
  return bumps;
}

/** A type's plan. Throws UNKNOWN_TYPE naming the types there are. */
export function planOf(topology: Topology, type: string): EntityPlan {
  const plan = topology.types.get(type);
  if (plan !== undefined) return plan;
  const known = [...topology.types.keys()].join(', ');
  throw new TidemarkError(
    'UNKNOWN_TYPE',
    `expected an entity type of the model (${known}), got ${JSON.stringify(type)}.`,
  );
}
