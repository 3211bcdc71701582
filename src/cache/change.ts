import type { SubjectsChange } from '../api.js';
import type { Receipt } from '../call.js';
import type { ChangeItem } from '../watching.js';
import type { Subject } from '../subject.js';
import { randomId } from '../clock.js';
import type { Clock, SubjectKey } from '../contract.js';
import { TidemarkError } from '../errors.js';
import type { Events } from '../events.js';
import type { AnyRow, EntityPlan, Id, Topology } from '../model.js';
import { type Footprint, idText, subjectKinds, subjectParts } from '../subject.js';
import { branchOf, chainOf } from './branches.js';
import { type Bumps, bumpsOf, bumpsOfSubject, planOf } from './cascade.js';
import type { MarkTable } from './marks.js';
import { areaKey } from './moves.js';
import { createReceipt, queuedReceipt } from './receipt.js';
import type { ChangeMessage, Traces } from '../traces.js';
import type { Statistics } from './stats.js';

/** A change as a host hands it in, types erased. */
export type AnyChange = SubjectsChange | AnyEntityChange;

export interface AnyEntityChange {
  readonly type: string;
  readonly id: unknown;
  readonly op: string;
  readonly before?: unknown;
  readonly after?: unknown;
  readonly by?: string | undefined;
  readonly branch?: string | undefined;
}

/** What subscribers are told, before it has a cursor. */
export type ChangeEvent = Omit<ChangeItem, 'kind' | 'cursor'>;

/** A change checked and understood: what it bumps and what it announces. */
export interface PlannedChange {
  readonly bumps: Bumps;
  /** Where exactly the entity was and is, by type and branch. */
  readonly moved: readonly [key: string, shapes: readonly unknown[]] | null;
  readonly announce: (changeId: string) => ChangeEvent;
  /** Of which type, empty for a whole branch; and what it was. */
  readonly made: { readonly type: string; readonly op: string };
  readonly advice: readonly string[];
}

/** A change of several: `id` tells it from the others. */
export interface NamedChange extends PlannedChange {
  readonly id: string;
}

/** What was settled before a change is made. */
export interface Under {
  readonly changeId?: string | undefined;
  /** By change, what tells it from the others. Default: its place. */
  readonly ids?: readonly string[] | undefined;
  /** Called once the bus has all of its events; never where it fails. */
  readonly announced?: (() => void) | undefined;
}

/**
 * What subscribers are told of a change that is swept: its events; that each is missing which was not announced; or, where
 * nobody else can have announced any, that some are.
 */
export type Telling = 'events' | 'missing' | 'missing as one';

/** An event, and where it is announced. */
interface PlacedEvent {
  readonly topics: readonly SubjectKey[];
  readonly id: string;
}

interface Located {
  readonly footprint: Footprint;
  readonly shape: unknown;
}

export interface ChangerOptions {
  readonly topology: Topology;
  readonly table: MarkTable;
  readonly clock: Clock;
  readonly random: () => number;
  readonly statistics: Statistics;
  readonly events: Events;
  readonly traces: Traces;
  /** Told of what was changed, once its marks are written or wait to be. */
  readonly made: (changeId: string, planned: readonly NamedChange[]) => void;
  /** Announces the events of one change, each on these subjects, with what it bumped. */
  readonly publish: (
    events: readonly (PlacedEvent & { readonly event: ChangeEvent })[],
    marks: Receipt['marks'],
  ) => Promise<void>;
  /** Announces that these are missing, unless they have been announced. */
  readonly missing: (changeId: string, events: readonly PlacedEvent[]) => Promise<void>;
  /** Where a geometry is, in cells and exactly; null if it does not say. Throws INVALID_GEOMETRY, saying where the fault is. */
  readonly placeOf: (geometry: unknown, where: string) => Located | null;
}

/** A change that touches more cells bumps the type's placement instead. */
const MOST_CELLS = 32;
const PLACEMENT = `${subjectKinds.placement}:`;
const OPS = ['create', 'update', 'delete', 'restore'] as const;

/** The write path: check everything, bump once, then announce. */
export class Changer {
  readonly #options: ChangerOptions;

  constructor(options: ChangerOptions) {
    this.#options = options;
  }

  /**
   * Commit → marks → bus → subscribers. Nothing is bumped if any change of the batch is malformed. Once it resolves, no
   * read on this replica gets an older value, also if it could only be queued: it is sent and announced later then.
   */
  async change(changes: readonly AnyChange[], under: Under = {}): Promise<Receipt> {
    const { table, random, events, traces } = this.#options;
    const planned = changes.map((change, i) => ({
      ...this.plan(change, changes.length === 1 ? 'change' : `change[${String(i)}]`),
      id: under.ids?.[i] ?? String(i),
    }));
    const changeId = under.changeId ?? randomId(random);
    if (planned.length === 0) return createReceipt(changeId, []);
    const subjects = subjectsOf(planned);
    table.moves.expect(changeId, shapesBy(planned));
    const make = async (): Promise<Receipt> => {
      const bumps = await table.bump(subjects, { changeId }, (late) => {
        void this.#announce(planned, createReceipt(changeId, late), under.announced);
      });
      table.moves.made(changeId);
      this.#count(changeId, planned);
      events.emit('change', { changeId, subjects });
      if (bumps === 'queued') return queuedReceipt(changeId);
      const receipt = createReceipt(changeId, bumps);
      await this.#announce(planned, receipt, under.announced);
      return receipt;
    };
    if (!traces.hears('change')) return make();
    const types = [...new Set(planned.map(({ made }) => made.type))];
    const message: ChangeMessage = { tide: traces.tide, types, count: planned.length, changeId };
    return traces.run('change', message, make, ({ state }) => {
      message.state = state;
    });
  }

  #count(changeId: string, planned: readonly NamedChange[]): void {
    const { made, statistics, topology } = this.#options;
    made(changeId, planned);
    statistics.changes += planned.length;
    for (const { made: what, bumps } of planned) {
      statistics.made.add(what);
      for (const subject of bumps.keys()) {
        // The names of types are few; what else a subject names is not.
        const type = subject.startsWith(PLACEMENT) ? subjectParts(subject)[1] : undefined;
        if (type !== undefined && what.op !== 'bulk' && topology.types.has(type)) statistics.imprecise.add({ type });
      }
    }
  }

  /**
   * What was committed a while ago, or by somebody who announces nothing. Rejects where it could not be bumped, or not be
   * announced everywhere: it may be given again.
   */
  async sweep(changeId: string, planned: readonly NamedChange[], telling: Telling): Promise<void> {
    const { table, events, missing } = this.#options;
    const subjects = subjectsOf(planned);
    table.moves.expect(changeId, shapesBy(planned));
    try {
      const bumps = await table.bumpNow(subjects, { changeId });
      this.#count(changeId, planned);
      events.emit('change', { changeId, subjects });
      if (telling === 'events') await this.#publish(planned, createReceipt(changeId, bumps));
      else {
        const events = planned.map((one) => placed(changeId, one));
        await missing(
          changeId,
          telling === 'missing' ? events : [{ topics: subjects, id: (events[0] as PlacedEvent).id }],
        );
      }
    } finally {
      table.moves.made(changeId);
    }
  }

  /** What went stale is stale already: a bus that fails is an event here and a gap for its subscribers. */
  async #announce(
    planned: readonly NamedChange[],
    receipt: Receipt,
    announced: () => void = () => undefined,
  ): Promise<void> {
    await this.#publish(planned, receipt).then(announced, (error: unknown) => {
      this.#options.events.emit('error', { error: error as Error, where: `bus: change ${receipt.changeId}` });
    });
  }

  #publish(planned: readonly NamedChange[], { changeId, marks }: Receipt): Promise<void> {
    const { publish, traces } = this.#options;
    const send = (): Promise<void> => publish(publicationsOf(planned, changeId), marks);
    if (!traces.hears('publish')) return send();
    return traces.run('publish', { tide: traces.tide, count: planned.length, changeId }, send);
  }

  /** Runs nothing. Throws INVALID_CHANGE, UNKNOWN_TYPE, BLANK_ID, ID_MISMATCH or INVALID_GEOMETRY. */
  plan(change: AnyChange, where: string): PlannedChange {
    if (typeof change !== 'object' || change === null) {
      throw new TidemarkError('INVALID_CHANGE', `${where}: expected an object, got ${String(change)}.`);
    }
    return 'subjects' in change ? this.#planSubjects(change, where) : this.#planEntity(change, where);
  }

  #planSubjects(change: SubjectsChange, where: string): PlannedChange {
    if (!Array.isArray(change.subjects) || change.subjects.length === 0) {
      throw new TidemarkError('INVALID_CHANGE', `${where}.subjects: expected at least one subject, got none.`);
    }
    const { topology } = this.#options;
    const bumps: Bumps = new Map();
    for (const [i, named] of change.subjects.entries()) {
      const key: unknown = (named as Subject | null | undefined)?.key;
      if (typeof key !== 'string') {
        throw new TidemarkError(
          'INVALID_CHANGE',
          `${where}.subjects[${String(i)}]: expected what tide.subject makes, got ${typeof named}.`,
        );
      }
      for (const [subject, why] of bumpsOfSubject(key as SubjectKey, topology)) bumps.set(subject, why);
    }
    const [kind, ...names] = subjectParts((change.subjects[0] as { key: SubjectKey }).key);
    const event = {
      entityType: kind === 'branch' ? '' : (names[0] ?? ''),
      entityId: null,
      branch: names.at(-1) ?? '',
      op: 'bulk' as const,
      changes: { fields: null, values: {} },
      version: null,
      modifiedBy: change.by ?? null,
    };
    return {
      bumps,
      moved: null,
      made: { type: topology.types.has(event.entityType) ? event.entityType : '', op: event.op },
      advice: [],
      announce: (changeId) => ({ ...event, changeId, modifiedAt: this.#now() }),
    };
  }

  #planEntity(change: AnyEntityChange, where: string): PlannedChange {
    const { topology } = this.#options;
    const plan = planOf(topology, change.type);
    const branch = branchOf(topology, change.branch);
    const id = idText(change.id, `${where}.id of '${plan.type}'`);
    const op = OPS.find((known) => known === change.op);
    if (op === undefined) {
      throw new TidemarkError(
        'INVALID_CHANGE',
        `${where}.op: expected ${OPS.join(', ')}, got ${JSON.stringify(change.op)}.`,
      );
    }
    const before = this.#image(plan, change, 'before', where);
    const after = this.#image(plan, change, 'after', where);
    const inherits = (chainOf(topology, branch)?.length ?? 2) > 1;
    const places = this.#places(
      plan,
      { before, after },
      (name) => `${where}.${name} of '${plan.type}' ${show(change.id)}`,
    );
    const footprints = places && places.map(({ footprint }) => footprint);
    const bumps = bumpsOf({ plan, id, branch, op, before, after, places: footprints, inherits }, topology);
    const event = {
      entityType: plan.type,
      entityId: change.id as Id,
      branch,
      op,
      changes: announced(plan, before, after),
      version: (after === null ? undefined : plan.versionOf(after)) ?? null,
      modifiedBy: change.by ?? null,
    };
    return {
      bumps,
      moved: places && [areaKey(plan.type, branch), places.map(({ shape }) => shape)],
      made: { type: plan.type, op },
      advice: adviceOn(plan, op, before, after, bumps),
      announce: (changeId) => ({ ...event, changeId, modifiedAt: this.#now() }),
    };
  }

  #image(plan: EntityPlan, change: AnyEntityChange, name: 'before' | 'after', where: string): AnyRow | null {
    const image = change[name];
    if (image === undefined || image === null) return null;
    if (typeof image !== 'object' || Array.isArray(image)) {
      throw new TidemarkError(
        'INVALID_CHANGE',
        `${where}.${name}: expected a row or null, got ${Array.isArray(image) ? 'an array' : typeof image}.`,
      );
    }
    const row = image as AnyRow;
    const id = row[plan.idField];
    if (id !== undefined && id !== change.id) {
      throw new TidemarkError(
        'ID_MISMATCH',
        `${where}.${name}.${plan.idField}: expected ${show(change.id)}, the change's id, got ${show(id)}.`,
      );
    }
    return row;
  }

  #places(
    plan: EntityPlan,
    images: Readonly<Record<string, AnyRow | null>>,
    where: (image: string) => string,
  ): readonly Located[] | null {
    const { geometryOf } = plan;
    if (geometryOf === undefined) return [];
    const places: Located[] = [];
    let unstated = false;
    for (const [name, row] of Object.entries(images)) {
      if (row === null) continue;
      const geometry = geometryOf(row);
      if (geometry === null || geometry === undefined) continue; // nowhere
      const place = this.#options.placeOf(geometry, where(name));
      if (place === null) unstated = true;
      else places.push(place);
    }
    const bumped = new Set(places.flatMap(({ footprint: { cells, ancestors } }) => [...cells, ...ancestors]));
    return unstated || bumped.size > MOST_CELLS ? null : places;
  }

  #now(): string {
    return new Date(this.#options.clock.wallNow()).toISOString();
  }
}

const subjectsOf = (planned: readonly PlannedChange[]): SubjectKey[] => [
  ...new Set(planned.flatMap(({ bumps }) => [...bumps.keys()])),
];

/** Of the event of one of the changes that were made together. */
export const eventId = (changeId: string, id: string): string => `${changeId}.${id}`;

const placed = (changeId: string, { bumps, id }: NamedChange): PlacedEvent => ({
  topics: [...bumps.keys()],
  id: eventId(changeId, id),
});

const publicationsOf = (planned: readonly NamedChange[], changeId: string) =>
  planned.map((one) => ({ ...placed(changeId, one), event: one.announce(changeId) }));

function shapesBy(planned: readonly PlannedChange[]): Map<string, unknown[]> {
  const shapes = new Map<string, unknown[]>();
  for (const { moved } of planned)
    if (moved !== null) shapes.set(moved[0], [...(shapes.get(moved[0]) ?? []), ...moved[1]]);
  return shapes;
}

/** Names of the fields that differ, and the new values of those that may be published. */
function announced(plan: EntityPlan, before: AnyRow | null, after: AnyRow | null): ChangeItem['changes'] {
  const values: Record<string, unknown> = {};
  for (const field of plan.announce) if (after !== null && field in after) values[field] = after[field];
  if (before === null || after === null) return { fields: null, values };
  const fields = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(
    (field) => !sameField(before[field], after[field]),
  );
  return { fields, values: Object.fromEntries(Object.entries(values).filter(([field]) => fields.includes(field))) };
}

function sameField(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (a instanceof Date && b instanceof Date) return a.getTime() === b.getTime();
  const [names, others] = [Object.keys(a), Object.keys(b)];
  return (
    names.length > 0 &&
    names.length === others.length &&
    names.every((name) => sameField((a as AnyRow)[name], (b as AnyRow)[name]))
  );
}

function adviceOn(plan: EntityPlan, op: string, before: AnyRow | null, after: AnyRow | null, bumps: Bumps): string[] {
  if (![...bumps.keys()].some((subject) => subjectParts(subject)[0] === 'placement')) return [];
  const missing = [
    op !== 'create' && before === null ? 'before' : '',
    op !== 'delete' && after === null ? 'after' : '',
  ];
  const named = missing.filter((name) => name !== '').join(' and ');
  const links = plan.parents.map((parent) => parent.type).join(', ');
  return [
    named === ''
      ? `The row images do not name every parent (${links}), or their versions do not follow each other: all lists of ${plan.plural} go stale.`
      : `Pass ${named}: without, all lists of ${plan.plural} in the branch go stale instead of one or two.`,
  ];
}

function show(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}
