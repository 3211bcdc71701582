import { buildCacheKey, buildEntityListKey } from 'tidemark/cache';
import type { TableReads } from '../data/tables.ts';
import { type TypeName, type WorldRow, kingdomSummary, settlementSummary } from '../model.ts';
import { Refused } from './errors.ts';
import { type Ref, labelOf } from './labels.ts';
import type { World } from './request.ts';

/** What of an entity and around it is held in memory. */

export interface HeldValue {
  readonly key: string;
  readonly kind: string;
  readonly ageMs: number;
  readonly because: readonly string[];
}

/** Everything that is held and fresh, by key. Asks the tide to explain instead of reading: looking is no hit. */
export function heldValues({ tide }: World, subjects: readonly Subject[] = []): ReadonlyMap<string, HeldValue> {
  const { entries } = tide.explain({ subjects: [tide.subject.branch('main'), ...subjects] });
  return new Map(entries.map((entry) => [entry.key, entry]));
}
type Subject = ReturnType<World['tide']['subject']['branch']>;

/** The values of an entity, of what it hangs beneath, and the records of its first children: held or not. */
export function cached(world: World, ref: Ref) {
  const { tables } = world;
  const line = lineOf(tables, ref);
  const children = childrenOf(tables, ref).slice(0, 20);
  const values = [...line.flatMap((node) => valuesOf(world, node)), ...children.map((child) => recordOf(world, child))];
  const held = heldValues(
    world,
    values.flatMap(({ subject }) => subject ?? []),
  );
  const readers = [...held.values()].filter(({ kind }) => kind !== 'record' && kind !== 'list');
  return values.map(({ key, kind, subject }) => {
    const found = held.get(key);
    return {
      key,
      label: labelOf(key, tables, ref.branch),
      kind,
      state: found === undefined ? 'MISS' : 'HIT',
      ageMs: found?.ageMs ?? null,
      readBy: readers
        .filter(({ because }) => subject !== null && because.includes(subject.key))
        .map((reader) => labelOf(reader.key, tables, ref.branch)),
    };
  });
}

// ── Around an entity ────────────────────────────────────────────────────────────────────────────────────────────

const CHILD_TYPE = { campaign: 'kingdom', kingdom: 'settlement', settlement: 'structure', structure: null } as const;

/** The row as it is stored; deleted ones too. Throws NOT_FOUND. */
export function rowOf<T extends TypeName>(
  tables: TableReads,
  { type, id, branch }: Ref & { readonly type: T },
): WorldRow<T> {
  const [row] = tables.byIds(type, branch, [id]);
  if (row === undefined) throw new Refused('NOT_FOUND', `There is no ${type} '${id}' in branch '${branch}'.`);
  return row;
}

/** The entity, its parent, … its campaign. */
export function lineOf(tables: TableReads, ref: Ref): readonly Ref[] {
  const parent = parentOf(rowOf(tables, ref));
  return parent === null ? [ref] : [ref, ...lineOf(tables, { ...parent, branch: ref.branch })];
}

function parentOf(row: WorldRow): Omit<Ref, 'branch'> | null {
  if ('settlementId' in row) return { type: 'settlement', id: row.settlementId };
  if ('kingdomId' in row) return { type: 'kingdom', id: row.kingdomId };
  return 'campaignId' in row ? { type: 'campaign', id: row.campaignId } : null;
}

export function childrenOf(tables: TableReads, { type, id, branch }: Ref): readonly Ref[] {
  const child = CHILD_TYPE[type];
  if (child === null) return [];
  return tables.childrenOf<TypeName>(child, branch, [id]).map((row) => ({ type: child, id: row.id, branch }));
}

interface NamedValue {
  readonly key: string;
  readonly kind: string;
  /** What its readers carry a mark of. */
  readonly subject: Subject | null;
}

function valuesOf(world: World, ref: Ref): NamedValue[] {
  const { type, id, branch } = ref;
  const { subject } = world.tide;
  const values = [recordOf(world, ref)];
  if (type === 'settlement') {
    const key = buildEntityListKey('structures', type, id, branch);
    values.push({ key, kind: 'list', subject: subject.list('structure', { settlement: id }, { branch }) });
    values.push(summary(settlementSummary.name, ref));
  } else if (type === 'kingdom') {
    const key = buildEntityListKey('settlements', type, id, branch);
    values.push({ key, kind: 'list', subject: subject.list('settlement', { kingdom: id }, { branch }) });
    values.push(summary(kingdomSummary.name, ref));
  } else if (type === 'campaign') {
    const key = buildEntityListKey('kingdoms', type, id, branch);
    values.push({ key, kind: 'list', subject: subject.list('kingdom', { campaign: id }, { branch }) });
  }
  return values;
}

function recordOf({ tide }: World, { type, id, branch }: Ref): NamedValue {
  const key = buildCacheKey(type, [id], branch);
  return { key, kind: 'record', subject: tide.subject.entity(type, id, { branch }) };
}

function summary(view: string, { type, id, branch }: Ref): NamedValue {
  return { key: buildCacheKey('view', [view, JSON.stringify({ [type]: id })], branch), kind: 'view', subject: null };
}
