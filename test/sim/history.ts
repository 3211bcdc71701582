import type { Bump, Receipt, SubjectKey } from '../../src/index.js';
import {
  PATTERNS,
  allSubject,
  branchSubject,
  entitySubject,
  keySubject,
  partitionOf,
  rulesSubject,
} from '../../src/subject.js';
import type { Engine } from './engine.js';
import type { Process } from './process.js';
import type { Server } from './server.js';
import type { Accepted } from './server-state.js';
import type { Commit } from './world.js';

/** What a checker may know: who did what when and got what. Nothing of how the core works. */

export interface ReadRecord {
  readonly process: Process;
  readonly label: string;
  readonly start: number;
  readonly startAt: number;
  readonly after: readonly ChangeRecord[];
  readonly strong: boolean;
  /** The last commit when it began. */
  readonly lastAtStart: number;
  endAt: number | null;
}

/** How the bump of a change is known from others of its replica, even if nobody is ever told of it. */
export interface KnownBump {
  /** One that it must name. */
  readonly subject: SubjectKey;
  readonly isOf: (subjects: ReadonlySet<string>) => boolean;
}

/** An announcement: of commits, or of a hand-set key's value. */
export interface ChangeRecord {
  readonly number: number;
  readonly process: Process;
  readonly label: string;
  readonly commits: readonly Commit[];
  readonly bump: KnownBump;
  /** Subscribers are told of it. A deletion by pattern stands for all commits so far, but is no event. */
  readonly isEvent: boolean;
  readonly start: number;
  readonly startAt: number;
  readonly startMoment: number;
  endAt: number | null;
  changeId: string | null;
  receipt: Receipt | null;
  /** By process: since when, in order of the history, its reads must not be older. */
  readonly boundOn: Map<Process, Bound>;
  readonly heardBy: Map<Process, Set<number>>;
}

/** Since when, in the order of the history, a change binds the reads of a replica; infinite where it does not. */
interface Bound {
  /** Its change() resolved there. */
  resolved: number;
  /** When it was told of the change: at first, and again after a server had forgotten it. Both in true time too. */
  readonly told: { readonly order: number; readonly at: number; readonly how: How }[];
  /** The best of that. */
  how: How;
}

/** By a bump, by an event, or only that something may have been missed. */
type How = 'bump' | 'event' | 'gap';

/** The bumps that were asked for under one change id. */
interface Asked {
  /** By partition, everything asked for. */
  readonly parts: Map<number, Set<SubjectKey>>;
  /** The same, as replicas asked that count partitions otherwise than the servers, which refuse them. */
  readonly refused: Map<number, Set<SubjectKey>>;
  readonly acknowledged: Set<number>;
  /** Moments of the first and the last execution. */
  executed: { readonly first: number; readonly last: number } | null;
}

export class History {
  readonly reads: ReadRecord[] = [];
  readonly changes: ChangeRecord[] = [];
  readonly servers: Server[] = [];
  /** The last change that resolved with a receipt. */
  lastWithReceipt: ChangeRecord | null = null;
  readonly #engine: Engine;
  readonly #asked = new Map<string, Asked>();
  readonly #byChangeId = new Map<string, ChangeRecord[]>();
  readonly #byCommit = new Map<number, ChangeRecord[]>();
  readonly #heard = new Map<Process, Set<Accepted>>();
  /** By process, partition and epoch: the highest position that it knows of. */
  readonly #reached = new Map<Process, Map<string, Bump>>();
  #sequence = 0;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** The order in which things happened, finer than time. */
  next(): number {
    return ++this.#sequence;
  }

  // ── Reads and changes ─────────────────────────────────────────────────────────────────────────────────────────

  read(
    process: Process,
    label: string,
    how: { after?: readonly ChangeRecord[]; strong?: boolean; last: number },
  ): ReadRecord {
    const read: ReadRecord = {
      process,
      label,
      start: this.next(),
      startAt: this.#engine.now,
      after: how.after ?? [],
      strong: how.strong ?? false,
      lastAtStart: how.last,
      endAt: null,
    };
    this.reads.push(read);
    return read;
  }

  change(
    process: Process,
    label: string,
    what: {
      readonly commits?: readonly Commit[];
      readonly bump: KnownBump;
      readonly isEvent?: boolean;
    },
  ): ChangeRecord {
    const { commits = [], bump, isEvent = false } = what;
    const change: ChangeRecord = {
      number: this.changes.length + 1,
      process,
      label,
      commits,
      bump,
      isEvent,
      start: this.next(),
      startAt: this.#engine.now,
      startMoment: this.#engine.moment,
      endAt: null,
      changeId: null,
      receipt: null,
      boundOn: new Map(),
      heardBy: new Map(),
    };
    this.changes.push(change);
    for (const { number } of commits) {
      const of = this.#byCommit.get(number);
      if (of === undefined) this.#byCommit.set(number, [change]);
      else of.push(change);
    }
    return change;
  }

  /** It resolved: from here on no read of its own replica may be older. */
  resolved(change: ChangeRecord, receipt: Receipt | null): void {
    change.endAt = this.#engine.now;
    change.receipt = receipt;
    if (receipt !== null) {
      this.#link(change, receipt.changeId);
      this.lastWithReceipt = change;
    }
    this.#boundOn(change, change.process).resolved = this.next();
  }

  announcedBy(commit: Commit): readonly ChangeRecord[] {
    return this.#byCommit.get(commit.number) ?? [];
  }

  withId(changeId: string): readonly ChangeRecord[] {
    return this.#byChangeId.get(changeId) ?? [];
  }

  /** By partition, the subjects under which it was to be bumped. */
  partsOf({ changeId }: ChangeRecord): ReadonlyMap<number, ReadonlySet<SubjectKey>> {
    const asked = changeId === null ? undefined : this.#asked.get(changeId);
    if (asked === undefined) return new Map();
    return asked.parts.size > 0 ? asked.parts : asked.refused;
  }

  acknowledged({ changeId }: ChangeRecord): ReadonlySet<number> {
    return (changeId === null ? undefined : this.#asked.get(changeId)?.acknowledged) ?? new Set();
  }

  #boundOn({ boundOn }: ChangeRecord, process: Process): Bound {
    let bound = boundOn.get(process);
    if (bound === undefined) boundOn.set(process, (bound = { resolved: Infinity, told: [], how: 'gap' }));
    return bound;
  }

  #tell(change: ChangeRecord, process: Process, how: How): void {
    const bound = this.#boundOn(change, process);
    bound.told.push({ order: this.next(), at: this.#engine.now, how });
    if (bound.how === 'gap') bound.how = how;
  }

  /** It has this id from the start. */
  named(change: ChangeRecord, changeId: string): void {
    this.#link(change, changeId);
  }

  #link(change: ChangeRecord, changeId: string): void {
    if (change.changeId === changeId) return;
    change.changeId = changeId;
    const of = this.#byChangeId.get(changeId);
    if (of === undefined) this.#byChangeId.set(changeId, [change]);
    else of.push(change);
  }

  // ── What a replica asks for and is told ───────────────────────────────────────────────────────────────────────

  /** The replica asks for a bump, by partition. */
  bumping(process: Process, groups: ReadonlyMap<number, ReadonlySet<SubjectKey>>, changeId: string): void {
    const asked = this.#askedUnder(changeId);
    const parts = process.stranger ? asked.refused : asked.parts;
    for (const [partition, subjects] of groups) {
      const part = parts.get(partition) ?? new Set();
      for (const subject of subjects) part.add(subject);
      parts.set(partition, part);
    }
    if (this.#byChangeId.has(changeId)) return;
    const all = new Set([...groups.values()].flatMap((group) => [...group]));
    // The first that has none: what waited in the queue, though it may have resolved, goes out before what came later.
    const change = this.changes.find((one) => one.process === process && one.changeId === null && one.bump.isOf(all));
    if (change !== undefined) this.#link(change, changeId);
  }

  /** A server has done it, whether or not anybody will know. */
  executed({ changeId }: Bump): void {
    const asked = this.#askedUnder(changeId);
    const { moment } = this.#engine;
    asked.executed = { first: asked.executed?.first ?? moment, last: moment };
  }

  executionOf({ changeId }: ChangeRecord): { readonly first: number; readonly last: number } | null {
    return (changeId === null ? undefined : this.#asked.get(changeId)?.executed) ?? null;
  }

  #askedUnder(changeId: string): Asked {
    let asked = this.#asked.get(changeId);
    if (asked === undefined) {
      asked = { parts: new Map(), refused: new Map(), acknowledged: new Set(), executed: null };
      this.#asked.set(changeId, asked);
    }
    return asked;
  }

  /** Its acknowledgement has arrived, though the replica may not wait any more, or have none for another partition. */
  bumped(bump: Bump): void {
    this.#asked.get(bump.changeId)?.acknowledged.add(bump.partition);
  }

  knows(process: Process, bump: Bump): void {
    let reached = this.#reached.get(process);
    if (reached === undefined) this.#reached.set(process, (reached = new Map<string, Bump>()));
    const key = `${String(bump.partition)} ${bump.epoch}`;
    if ((reached.get(key)?.position ?? 0) < bump.position) reached.set(key, bump);
  }

  reachedBy(process: Process, partition: number, epoch: string | null): Bump | null {
    return this.#reached.get(process)?.get(`${String(partition)} ${String(epoch)}`) ?? null;
  }

  /** A message of a partition was delivered: with it everything before, since a hole is noticed. */
  heard(process: Process, partition: number, accepted: Accepted | null, how: How = 'bump'): void {
    let known = this.#heard.get(process);
    if (known === undefined) this.#heard.set(process, (known = new Set()));
    for (let at = accepted; at !== null && !known.has(at); at = at.before) {
      const { changeId, at: time } = at;
      known.add(at);
      const changes = changeId === null ? this.changes.filter((one) => isBefore(one, time)) : this.withId(changeId);
      // Of those before it that did not come, it knows only that there were some.
      for (const change of changes) this.#hears(process, change, { partition, how: at === accepted ? how : 'gap' });
    }
  }

  /** Its subscriptions were made again: what had been accepted by then was perhaps missed, and it was told so. */
  reconnected(process: Process, server: Server): void {
    for (const [partition, { accepted }] of server.state.partitions.entries())
      this.heard(process, partition, accepted, 'gap');
  }

  /** A subscriber on this replica was given the event. */
  told(process: Process, changeId: string): void {
    for (const change of this.withId(changeId)) this.#tell(change, process, 'event');
  }

  #hears(process: Process, change: ChangeRecord, { partition, how }: { partition: number; how: How }): void {
    let parts = change.heardBy.get(process);
    if (parts === undefined) change.heardBy.set(process, (parts = new Set()));
    parts.add(partition);
    for (const part of this.partsOf(change).keys()) if (!parts.has(part)) return;
    if (this.partsOf(change).size > 0) this.#tell(change, process, how);
  }

  // ── What the servers know ─────────────────────────────────────────────────────────────────────────────────────

  /**
   * Since when every server that anybody may listen to knows of the change; null if one does not. A server that is gone
   * without having known of it could mislead until it went.
   */
  standsSince(change: ChangeRecord): number | null {
    const parts = this.partsOf(change);
    if (parts.size === 0) return null;
    let since = 0;
    for (const server of this.servers) {
      for (const [partition, subjects] of parts) {
        const covered = coveredSince(server, partition, subjects, change);
        if (covered === null && server.alive) return null;
        since = Math.max(since, covered ?? server.diedAt);
      }
    }
    return since;
  }

  /** Whether no server ever was without it: one that was told of it only after its replica had resolved it may have been. */
  isKnownToAll(change: ChangeRecord): boolean {
    return this.servers.every((server) =>
      [...this.partsOf(change)].every(
        ([partition, subjects]) =>
          (coveredSince(server, partition, subjects, change) ?? Infinity) <= (change.endAt ?? Infinity),
      ),
    );
  }

  /**
   * Whether a server that is up tells whoever watches this subject of the change. After a split brain it may know of a part
   * of it only, and what one replica bumped since then hides that the rest is lost, unless run ids are compared.
   */
  isToldOf(change: ChangeRecord, subject: SubjectKey): boolean {
    const part = [...this.partsOf(change)].find(([, subjects]) => subjects.has(subject));
    if (part === undefined) return false;
    const [partition] = part;
    return this.servers.some(({ alive, state }) => {
      const of = state.partitions[partition];
      return alive && of !== undefined && tellsOf(of, change);
    });
  }

  /** Whether it says where a branch hung before a later change that stands: that is not to be said again. */
  isReplaced({ bump: { subject }, number }: ChangeRecord): boolean {
    return this.changes.some(
      (later) =>
        later.number > number &&
        later.bump.subject === subject &&
        subject.startsWith('branch:') &&
        this.standsSince(later) !== null,
    );
  }

  /**
   * Whether it was never asked for and need not be: whoever asks a server for the marks of its partition gets an epoch
   * that began after it. Only of its own subject is the partition known.
   */
  isOvertaken(change: ChangeRecord): boolean {
    const { subject } = change.bump;
    return (
      this.partsOf(change).size === 0 &&
      this.servers.every((server) => {
        const number = partitionOf(subject, server.partitions);
        return !server.alive || coveredSince(server, number, new Set([subject]), change) !== null;
      })
    );
  }
}

/** Whether the partition has the change's own bump, or a new epoch since. */
function tellsOf({ accepted }: Server['state']['partitions'][number], change: ChangeRecord): boolean {
  for (let at = accepted; at !== null && at.at >= change.startAt; at = at.before) {
    if (at.changeId === null ? isBefore(change, at.at) : at.changeId === change.changeId) return true;
  }
  return false;
}

/** Everything it announces was committed before that time. */
const isBefore = ({ commits, startAt }: ChangeRecord, at: number): boolean =>
  commits.length === 0 ? startAt < at : commits.every((commit) => commit.at < at);

function coveredSince(
  server: Server,
  number: number,
  subjects: ReadonlySet<SubjectKey>,
  change: ChangeRecord,
): number | null {
  const partition = server.state.partitions[number];
  if (partition === undefined) return null;
  let since: number | null = null;
  // Whoever asks a server with another run id gets a new epoch, which nothing older fits.
  if (server.willRotate(number)) since = Math.max(server.beganAt, change.startAt);
  for (let at = partition.accepted; at !== null && at.at >= (change.commits[0]?.at ?? change.startAt); at = at.before) {
    if (covers(at, subjects, change)) since = at.at;
  }
  return since;
}

function covers(at: Accepted, subjects: ReadonlySet<SubjectKey>, change: ChangeRecord): boolean {
  if (at.changeId === null) return isBefore(change, at.at);
  if (at.changeId === change.changeId) return true;
  return at.moment >= change.startMoment && [...subjects].every((subject) => at.subjects.includes(subject));
}

export const bumpOf = {
  entity: ({ type, id, branch }: Commit): KnownBump => {
    const subject = entitySubject(type as string, id, branch);
    return { subject, isOf: (subjects) => subjects.has(subject) };
  },
  bulk: (type: string, branch: string): KnownBump => {
    const subject = allSubject(type, branch);
    const isOf = (subjects: ReadonlySet<string>): boolean =>
      subjects.has(subject) && ![...subjects].some((one) => one.startsWith('entity:'));
    return { subject, isOf };
  },
  rules: (type: string): KnownBump => {
    const subject = rulesSubject(type, 'all', 'main');
    return { subject, isOf: (subjects) => subjects.has(subject) };
  },
  branch: (branch: string): KnownBump => {
    const subject = branchSubject(branch);
    return { subject, isOf: (subjects) => subjects.has(subject) };
  },
  set: (key: string): KnownBump => {
    const subject = keySubject(key);
    return { subject, isOf: (subjects) => subjects.has(subject) && !subjects.has(PATTERNS) };
  },
  del: (key: string): KnownBump => {
    const subject = keySubject(key);
    return { subject, isOf: (subjects) => subjects.has(subject) && subjects.has(PATTERNS) };
  },
  patterns: { subject: PATTERNS, isOf: (subjects) => subjects.has(PATTERNS) && subjects.size === 1 } as KnownBump,
} as const;
