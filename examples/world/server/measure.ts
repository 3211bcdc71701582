import type { Explanation } from 'tidemark';
import type { TableReads } from '../data/tables.ts';
import { type HeldValue, childrenOf, heldValues, lineOf, rowOf } from './cached.ts';
import { Refused } from './errors.ts';
import { type Ref, entityOf, labelOf, reasonOf } from './labels.ts';
import type { World } from './request.ts';

/** What an edit makes stale and what stays, foretold or measured. */

const MOST_SHOWN = 100;
/** Values whose names are noted before an edit: afterwards an entity may have none. */
const MOST_NOTED = 500;

/** What a change of an entity would touch, by the tide's own account. Throws NOT_FOUND. */
export function explain(world: World, ref: Ref) {
  const row = rowOf(world.tables, ref);
  if (row.deleted) throw new Refused('NOT_FOUND', `${row.name} was removed.`);
  const after = { ...row, version: row.version + 1 };
  const explanation = world.tide.explain({ ...ref, op: 'update', before: row, after });
  const doomed = new Set(explanation.entries.map(({ key }) => key));
  return inWords(explanation, notedAround(world, ref), ({ key }) => doomed.has(key), world.tables);
}

/** Notes what is held. The function that it returns tells which of that is not fresh any more. */
export function measuring(world: World, around: Ref) {
  const noted = notedAround(world, around);
  return (explanation: Explanation) => {
    const now = heldValues(world);
    // A value that is younger than it was has been loaded again meanwhile.
    return inWords(explanation, noted, ({ key, ageMs }) => !((now.get(key)?.ageMs ?? -1) >= ageMs), world.tables);
  };
}

interface NotedValue extends HeldValue {
  readonly label: () => string;
}

/** Everything that is held, what is nearest to the entity first. */
function notedAround(world: World, around: Ref): readonly NotedValue[] {
  const { tables } = world;
  const distance = distances(tables, around);
  return [...heldValues(world).values()]
    .map((value) => ({ value, far: distance(value) }))
    .sort((a, b) => a.far - b.far)
    .map(({ value }, at) => {
      const label = at < MOST_NOTED ? labelOf(value.key, tables, around.branch) : undefined;
      return { ...value, label: () => label ?? labelOf(value.key, tables, around.branch) };
    });
}

function inWords(
  { subjects, entries, advice }: Explanation,
  noted: readonly NotedValue[],
  isStale: (value: HeldValue) => boolean,
  tables: TableReads,
) {
  const why = new Map(subjects.map(({ subject, why }) => [subject, reasonOf(subject, why, tables)]));
  const because = new Map(
    entries.map((entry) => [entry.key, new Set(entry.because.map((subject) => why.get(subject) ?? subject))]),
  );
  const shown = ({ key, kind, ageMs, label }: NotedValue) => ({ key, kind, ageMs, label: label() });
  const stale = noted.filter((value) => isStale(value)).slice(0, MOST_SHOWN);
  const stayed = noted.filter((value) => !isStale(value)).slice(0, MOST_SHOWN);
  return {
    subjects,
    advice,
    stale: stale.map((value) => ({ ...shown(value), because: [...(because.get(value.key) ?? [])] })),
    stayed: stayed.map(shown),
  };
}

/** How far a value is from an entity: its own, its children's, its parent's, its siblings', …, all others. */
function distances(tables: TableReads, around: Ref): (value: HeldValue) => number {
  const ranks = new Map<string, number>();
  for (const [above, ref] of lineOf(tables, around).entries()) {
    for (const child of childrenOf(tables, ref)) {
      if (!ranks.has(`${child.type}:${child.id}`)) ranks.set(`${child.type}:${child.id}`, 2 * above + 1);
    }
    ranks.set(`${ref.type}:${ref.id}`, 2 * above);
  }
  return ({ key, kind }) => {
    const entity = entityOf(key);
    if (entity === null) return kind === 'spatial' ? 100 : 200;
    const rank = ranks.get(`${entity.type}:${entity.id}`) ?? 20;
    return entity.branch === around.branch ? rank : rank + 50;
  };
}
