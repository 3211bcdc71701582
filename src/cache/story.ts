import type { Clock, SubjectKey } from '../contract.js';
import type {
  Cascade,
  CascadeEntry,
  ChangedEntity,
  LoadReason,
  SeenChange,
  SeenLoad,
  SeenValue,
  Story,
} from '../inspection.js';
import type { AnyRow, Topology } from '../model.js';
import { entitySubject, idText, listSubject, subjectParts } from '../subject.js';
import { planOf } from './cascade.js';
import { afterUpdate } from './rows.js';
import type { Changer } from './change.js';
import { type Chronicle, type KeptChange, type KeptLoad, whyNot } from './chronicle.js';
import type { Core } from './core.js';
import { type Entry, type Shelf, isExpired } from './tier.js';

export interface StoriesParts {
  readonly topology: Topology;
  readonly core: Core;
  readonly changer: Pick<Changer, 'plan'>;
  readonly chronicle: Chronicle;
  readonly clock: Pick<Clock, 'now' | 'wallNow'>;
}

/** An entity, checked. */
export interface Ref {
  readonly type: string;
  readonly id: string;
  readonly branch: string;
}

/** What was found of one value: held, or remembered, or both. */
interface Found {
  readonly own: boolean;
  entry: Entry | null;
  readonly loads: KeptLoad[];
}

/** Shown of each, so that an answer stays one that a person reads. */
const MOST = { marks: 64, values: 200, entries: 300, keys: 3, kinds: 40 } as const;

/** What tier 1 holds and the chronicle remembers, put into words. Every question walks tier 1: for people. */
export class Stories {
  readonly #parts: StoriesParts;

  constructor(parts: StoriesParts) {
    this.#parts = parts;
  }

  // ── Loads and changes ─────────────────────────────────────────────────────────────────────────────────────────

  loads(after = 0): readonly SeenLoad[] {
    return this.#parts.chronicle.loads.filter(({ number }) => number > after).map((load) => this.#seenLoad(load));
  }

  changes(after = 0): readonly SeenChange[] {
    return this.#parts.chronicle.changes
      .filter(({ number }) => number > after)
      .map((change) => this.#seenChange(change));
  }

  #seenLoad({ number, at, tookMs, shelf, id, from, miss, outcome, cells }: KeptLoad): SeenLoad {
    const { space, branch } = shelf;
    return {
      ...{ number, at: this.#dateOf(at), tookMs, key: space.keyOf(branch, id), kind: space.kind, from, outcome },
      why: shortened(miss.why),
      killedBy: this.#killerOf(miss.why, miss.stamp),
      marks: cells.slice(0, MOST.marks).map(({ subject }) => subject),
      markCount: cells.length,
    };
  }

  #killerOf(why: LoadReason, stamp: number | null): string | null {
    const marks = 'marks' in why ? why.marks : [];
    return this.#parts.chronicle.killerOf(marks, stamp)?.changeId ?? null;
  }

  #seenChange({ number, at, changeId, subjects, dropped, planned }: KeptChange): SeenChange {
    const why = new Map((planned ?? []).flatMap(({ bumps }) => [...bumps]));
    return {
      ...{ number, at: this.#dateOf(at), changeId, own: planned !== null },
      changed: planned === null ? namedBy(subjects.keys()) : planned.map((one) => changedBy(one.announce(changeId))),
      subjects: [...subjects.keys()].map((subject) => ({ subject, why: why.get(subject) ?? null })),
      subjectCount: planned === null ? subjects.size + dropped : why.size,
    };
  }

  /** From a time of the monotonic clock. */
  #dateOf(time: number): Date {
    const { clock } = this.#parts;
    return new Date(clock.wallNow() - clock.now() + time);
  }

  // ── What a change did ─────────────────────────────────────────────────────────────────────────────────────────

  cascade(changeId: string): Cascade | null {
    const { chronicle } = this.#parts;
    const change = chronicle.change(changeId);
    if (change === undefined) return null;
    const { subjects } = change;
    const [stale, spared]: [CascadeEntry[], string[]] = [[], []];
    const stayed = new Map<string, { kind: string; type: string; count: number; keys: string[] }>();
    const types = new Set([...subjects.keys()].map((subject) => subjectParts(subject)[1]));
    for (const entry of this.#tier) {
      const { kind, name } = entry.shelf.space;
      const because = entry.cells.flatMap(({ subject }) =>
        (subjects.get(subject) ?? -1) > entry.stamp ? [subject] : [],
      );
      if (because.length > 0) stale.push({ key: entry.key, kind, because });
      else if (kind === 'spatial' && entry.cells.some(({ subject }) => subjects.has(subject)) && this.#isFresh(entry)) {
        spared.push(entry.key);
      } else if (entry.cells.some(({ subject }) => subjects.has(subject))) {
        continue; // loaded since
      } else if ((types.has(name) || kind === 'view') && this.#isFresh(entry)) {
        const group = stayed.get(`${kind} ${name}`) ?? { kind, type: name, count: 0, keys: [] };
        stayed.set(`${kind} ${name}`, group);
        group.count++;
        if (group.keys.length < MOST.keys) group.keys.push(entry.key);
      }
    }
    const reloaded = chronicle.loads.flatMap(({ miss, shelf, id }): CascadeEntry[] => {
      const marks = 'marks' in miss.why ? miss.why.marks : [];
      const because = marks.filter((mark) => (subjects.get(mark as SubjectKey) ?? -1) > (miss.stamp ?? Infinity));
      return because.length === 0
        ? []
        : [{ key: shelf.space.keyOf(shelf.branch, id), kind: shelf.space.kind, because }];
    });
    const more = Math.max(0, stale.length - MOST.entries) + Math.max(0, reloaded.length - MOST.entries);
    return {
      change: this.#seenChange(change),
      stale: stale.slice(0, MOST.entries),
      reloaded: reloaded.slice(0, MOST.entries),
      stayed: [...stayed.values()].slice(0, MOST.kinds),
      spared: spared.slice(0, MOST.keys),
      more,
    };
  }

  // ── One entity ────────────────────────────────────────────────────────────────────────────────────────────────

  story({ type, id, branch }: Ref): Story {
    const { chronicle, topology } = this.#parts;
    const own = entitySubject(type, id, branch);
    const lists = planOf(topology, type).children.map((child) => listSubject(child, type, id, branch));
    const relevant = new Set<string>([own, ...lists, ...this.#placesOf({ type, id, branch })]);
    const isOwn = (shelf: Shelf, entryId: unknown, subjects: readonly string[]): boolean => {
      const { kind, name } = shelf.space;
      if (shelf.branch !== branch) return false;
      if (kind === 'record' || kind === 'computed') return name === type && String(entryId) === id;
      return kind === 'list' && lists.some((list) => subjects.includes(list));
    };
    const found = new Map<string, Found>();
    const meet = (shelf: Shelf, entryId: unknown, subjects: readonly string[]) => {
      const its = isOwn(shelf, entryId, subjects);
      if (!its && !subjects.some((subject) => relevant.has(subject))) return undefined;
      const key = shelf.space.keyOf(shelf.branch, entryId);
      const value = found.get(key) ?? { own: its, entry: null, loads: [] };
      found.set(key, value);
      return value;
    };
    for (const entry of this.#tier) {
      const value = meet(
        entry.shelf,
        entry.id,
        entry.cells.map(({ subject }) => subject),
      );
      if (value !== undefined) value.entry = entry;
    }
    for (const load of chronicle.loads) {
      meet(
        load.shelf,
        load.id,
        load.cells.map(({ subject }) => subject),
      )?.loads.push(load);
    }
    const values = [...found].sort(([, a], [, b]) => rankOf(a) - rankOf(b));
    const changes = chronicle.changes.filter(({ subjects }) => subjects.has(own));
    return {
      ...{ type, id, branch },
      values: values.slice(0, MOST.values).map(([key, value]) => this.#seenValue(key, value)),
      more: Math.max(0, values.length - MOST.values),
      changes: changes.map((change) => this.#seenChange(change)),
    };
  }

  value(key: string): SeenValue | null {
    const { chronicle } = this.#parts;
    const found: Found = { own: true, entry: null, loads: [] };
    for (const entry of this.#tier) if (entry.key === key) found.entry = entry;
    for (const load of chronicle.loads)
      if (load.shelf.space.keyOf(load.shelf.branch, load.id) === key) found.loads.push(load);
    return found.entry === null && found.loads.length === 0 ? null : this.#seenValue(key, found);
  }

  /** Where it hangs and lies, if its record is held: the marks that an edit of it writes. */
  #placesOf({ type, id, branch }: Ref): readonly string[] {
    const row = this.record({ type, id, branch });
    if (row === null || row === undefined) return [];
    const plan = planOf(this.#parts.topology, type);
    const before = row as AnyRow;
    const after = afterUpdate(plan, before);
    const change = { type, id: before[plan.idField], op: 'update', before, after, branch };
    return [...this.#parts.changer.plan(change, 'story').bumps.keys()];
  }

  #seenValue(key: string, { own, entry, loads }: Found): SeenValue {
    const { shelf, id } = (entry ?? loads[0]) as Entry | KeptLoad;
    const { kind, name: type } = shelf.space;
    const isOfEntity = kind === 'record' || (kind === 'computed' && this.#parts.topology.types.has(type));
    const entity = isOfEntity ? { type, id: String(id), branch: shelf.branch } : null;
    return {
      key,
      kind,
      own,
      entity,
      held: entry && this.#held(entry),
      loads: loads.map((load) => this.#seenLoad(load)),
    };
  }

  #held(entry: Entry): SeenValue['held'] {
    const { cells, expiresAt, loadedAt, stamp, value } = entry;
    const now = this.#now;
    const stale = whyNot(entry, this.#judge(now));
    const moved = new Set(stale !== null && 'marks' in stale ? stale.marks : []);
    return {
      stale: stale && shortened(stale),
      killedBy: stale && this.#killerOf(stale, stamp),
      ageMs: now - loadedAt,
      expiresInMs: isExpired(entry, Infinity) ? Math.max(0, expiresAt - now) : null,
      marks: cells.slice(0, MOST.marks).map(({ subject }) => ({ subject, moved: moved.has(subject) })),
      markCount: cells.length,
      value,
    };
  }

  /** As it is held, fresh or not. No read: nothing is counted. */
  record({ type, id, branch }: Ref): unknown {
    const { shelf } = this.#parts.core.record(branch, type, id);
    return shelf.entries.get(planOf(this.#parts.topology, type).parseId(id))?.value;
  }

  // ── Tier 1 ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Every entry that is held of a type in a branch. */
  *entriesOf(type: string, branch: string): IterableIterator<Entry> {
    for (const entry of this.#tier) {
      const { space, branch: where } = entry.shelf;
      if (where === branch && space.name === type) yield entry;
    }
  }

  ageOf({ loadedAt }: Entry): number {
    return this.#now - loadedAt;
  }

  isServable(entry: Entry): boolean {
    return whyNot(entry, this.#judge(this.#now)) === null;
  }

  #isFresh(entry: Entry): boolean {
    return this.#parts.core.reads.tier.isFresh(entry);
  }

  get #tier(): Iterable<Entry> {
    return this.#parts.core.reads.tier;
  }

  get #now(): number {
    return this.#parts.core.reads.time.now();
  }

  #judge(now: number) {
    const { table, tier } = this.#parts.core.reads;
    return { table, tier, now };
  }
}

/** An entity as a host or a page names it. Throws UNKNOWN_TYPE, BLANK_ID. */
export function refOf(topology: Topology, type: string, id: string, branch: string): Ref {
  return { type: planOf(topology, type).type, id: idText(id, `id of '${type}'`), branch };
}

/** Its record, what is computed of it, the lists of its children, then what depends on it. */
function rankOf({ own, entry, loads }: Found): number {
  const { kind } = ((entry ?? loads[0]) as Entry | KeptLoad).shelf.space;
  return own ? OWN_KINDS.indexOf(kind) : OWN_KINDS.length;
}

const OWN_KINDS = ['record', 'computed', 'list'] as readonly string[];

const shortened = (why: LoadReason): LoadReason =>
  'marks' in why ? { ...why, marks: why.marks.slice(0, MOST.marks) } : why;

function changedBy({
  entityType,
  entityId,
  branch,
  op,
  changes,
  modifiedBy,
}: ReturnType<Parameters<Chronicle['made']>[1][number]['announce']>): ChangedEntity {
  const id = entityId === null ? null : String(entityId);
  return { type: entityType, id, branch, op, fields: changes.fields, by: modifiedBy };
}

/** What a change of another replica is about, by its marks. */
function namedBy(subjects: Iterable<SubjectKey>): ChangedEntity[] {
  const unknown = { op: null, fields: null, by: null };
  const [entities, others]: [ChangedEntity[], ChangedEntity[]] = [[], []];
  for (const subject of subjects) {
    const [kind, type = '', second = '', third = ''] = subjectParts(subject);
    if (kind === 'entity') entities.push({ type, id: second, branch: third, ...unknown });
    if (kind === 'type' || kind === 'rules')
      others.push({ type, id: null, branch: kind === 'type' ? second : third, ...unknown });
    if (kind === 'branch') others.push({ type: '', id: null, branch: type, ...unknown });
  }
  return entities.length > 0 ? entities : others.slice(0, 1);
}
