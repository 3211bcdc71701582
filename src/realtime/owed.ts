import { inTime } from '../clock.js';
import type { Bus, Clock, SubjectKey } from '../contract.js';
import { RecentBumps } from './recent-bumps.js';
import { type OnError, toError } from './retry.js';
import { type Announcement, type Codec, type Reason, decodeAnnouncement, encodeAnnouncement, timesOn } from './wire.js';

/** How long a change's events may take once its marks were heard, and each call of the bus about them. */
const PATIENCE_MS = 3000;
/** A bus that recovers again and again postpones this often. */
const MOST_PAUSES = 5;
/** Pairs of a change and a topic remembered, of those that came and of those still to come. */
const MOST = 10_000;
/** Of those that say that something is missing. */
const MOST_TOLD = 1000;
/** Messages of a topic in which an event is looked for that came unseen. */
const LOOK_BACK = 500;

/** A followed topic, as seen from here. */
export interface Followed {
  readonly recovering: boolean;
  /** Reads history, in case messages were lost without a word. */
  look(): void;
}

export interface OwedOptions {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly codec: Codec;
  readonly onError: OnError;
  /** Undefined for a topic that nobody follows. */
  readonly followed: (topic: SubjectKey) => Followed | undefined;
}

interface Debt {
  /** Counts upward. */
  readonly number: number;
  dueMs: number;
  pauses: number;
  /** By topic that lacks some: the ids of the events that came. */
  readonly topics: Map<SubjectKey, Set<string>>;
}

interface Gap {
  /** Of the change or the loss. */
  readonly changeId: string;
  readonly reason: Reason;
}

/**
 * Events that are still to come: of changes whose marks were heard, and of those of which only some came. Whoever was to
 * announce them may have died in between. What does not come in time is announced as missing, on the bus, so that every
 * replica tells it in the same place and whoever resumes elsewhere is told too; its id is the change's, so that it is
 * told once however many replicas notice. What is lost for another reason is announced likewise.
 */
export class Owed {
  readonly #options: OwedOptions;
  /** By change id, the first due first. */
  readonly #debts = new Map<string, Debt>();
  readonly #changesOf = new Map<SubjectKey, Set<string>>();
  /** Pairs of which everything came, or is covered by a resync; the oldest first. */
  readonly #settled = new Set<string>();
  /** What is missing and yet to be announced. One per topic covers all that came before it. */
  readonly #gaps = new Map<SubjectKey, Gap>();
  /** By id of what said that something is missing: the number of the last debt made before it came first. */
  readonly #told = new Map<string, number>();
  readonly #recent = new RecentBumps();
  #debtsMade = 0;
  #pairs = 0;
  #collecting = false;
  #closed = false;
  #cancelTimer: (() => void) | undefined;

  constructor(options: OwedOptions) {
    this.#options = options;
  }

  /** The marks of a change were heard: its events will come on those of its subjects that are followed. */
  bumped(changeId: string, subjects: readonly SubjectKey[]): void {
    this.#recent.add(changeId, subjects, this.#options.clock.now());
    for (const topic of subjects) if (this.#options.followed(topic) !== undefined) this.#expect(changeId, topic);
  }

  /** Who goes on here from elsewhere may be owed events that nobody here waited for: who was to announce them may have died. */
  resumed(topics: readonly SubjectKey[]): void {
    const now = this.#options.clock.now();
    for (const topic of topics) for (const changeId of this.#recent.of(topic, now)) this.#expect(changeId, topic);
  }

  #expect(changeId: string, topic: SubjectKey): void {
    if (!this.#settled.has(pair(changeId, topic))) this.#owe(changeId, topic);
  }

  /** Nobody knows what was lost on these topics. `id` is that of the loss, on every replica that finds it. */
  lost(id: string, topics: readonly SubjectKey[]): void {
    for (const topic of topics) {
      if (this.#settled.has(pair(id, topic))) continue;
      // Owed until it has come in.
      this.#owe(id, topic);
      this.#miss(topic, { changeId: id, reason: 'epoch' });
    }
    if (this.#gaps.size > 0) void this.#collect();
  }

  /** The events of a change could not be published on these topics: that they are missing is said when the bus is back. */
  failed(changeId: string, topics: readonly SubjectKey[]): void {
    for (const topic of topics) this.#miss(topic, { changeId, reason: 'gap' });
    this.#arm();
  }

  /** Whether something of other changes is missing on a topic that is yet to be announced. */
  lacks(topic: SubjectKey, changeId: string): boolean {
    const gap = this.#gaps.get(topic);
    return gap !== undefined && gap.changeId !== changeId;
  }

  /** Announces what is missing on a topic, ahead of its time. Rejects if the bus does not take it. */
  async announceGap(topic: SubjectKey): Promise<void> {
    const gap = this.#gaps.get(topic);
    if (gap === undefined || (await this.#announce(topic, gap))) return;
    throw new Error(`publish ${topic}: what is missing before it could not be announced.`);
  }

  /** A topic's next message. */
  arrived(topic: SubjectKey, announcement: Announcement): void {
    const { id, changeId, event } = announcement;
    if (typeof event === 'string') {
      this.#gaps.delete(topic);
      // On several topics it is told with the first: what was changed since then is not covered.
      const told = this.#told.get(id) ?? this.#debtsMade;
      this.#told.set(id, told);
      if (this.#told.size > MOST_TOLD) this.#told.delete(this.#told.keys().next().value as string);
      this.waive(topic, told);
    } else {
      const times = timesOn(topic, announcement);
      if (times > 1) {
        if (this.#settled.has(pair(changeId, topic))) return;
        if (this.#owe(changeId, topic).add(id).size < times) return;
      }
    }
    this.#settle(changeId, topic);
  }

  /** A message of the topic is a `resync` to whoever reads it: that covers whatever was changed before. */
  waive(topic: SubjectKey, upTo = Infinity): void {
    for (const changeId of [...(this.#changesOf.get(topic) ?? [])]) {
      if ((this.#debts.get(changeId)?.number ?? 0) <= upTo) this.#settle(changeId, topic);
    }
  }

  /** The topic has caught up after a gap: what was held up by the same fault begins to count from here. */
  calmed(topic: SubjectKey): void {
    for (const changeId of [...(this.#changesOf.get(topic) ?? [])]) {
      const debt = this.#debts.get(changeId);
      if (debt !== undefined && debt.pauses++ < MOST_PAUSES) this.#postpone(changeId, debt);
    }
  }

  close(): void {
    this.#closed = true;
    this.#cancelTimer?.();
  }

  // ── The table ─────────────────────────────────────────────────────────────────────────────────────────────────

  #owe(changeId: string, topic: SubjectKey): Set<string> {
    let debt = this.#debts.get(changeId);
    if (debt === undefined) {
      debt = {
        number: ++this.#debtsMade,
        dueMs: this.#options.clock.now() + PATIENCE_MS,
        pauses: 0,
        topics: new Map(),
      };
      this.#debts.set(changeId, debt);
    }
    const known = debt.topics.get(topic);
    if (known !== undefined) return known;
    const ids = new Set<string>();
    debt.topics.set(topic, ids);
    const changes = this.#changesOf.get(topic) ?? new Set();
    this.#changesOf.set(topic, changes.add(changeId));
    if (++this.#pairs > MOST) this.#giveUp();
    this.#arm();
    return ids;
  }

  /** The oldest is announced as missing without being looked for. */
  #giveUp(): void {
    const [oldest] = this.#debts;
    if (oldest === undefined) return;
    const [changeId, { topics }] = oldest;
    for (const topic of [...topics.keys()]) {
      this.#miss(topic, { changeId, reason: 'gap' });
      this.#settle(changeId, topic);
    }
    void this.#collect();
  }

  #miss(topic: SubjectKey, gap: Gap): void {
    if (!this.#gaps.has(topic)) this.#gaps.set(topic, gap);
  }

  #settle(changeId: string, topic: SubjectKey): void {
    this.#drop(changeId, topic);
    this.#settled.add(pair(changeId, topic));
    if (this.#settled.size > MOST) this.#settled.delete(this.#settled.values().next().value as string);
  }

  #drop(changeId: string, topic: SubjectKey): void {
    const debt = this.#debts.get(changeId);
    if (debt?.topics.delete(topic) !== true) return;
    this.#pairs--;
    if (debt.topics.size === 0) this.#debts.delete(changeId);
    const changes = this.#changesOf.get(topic);
    changes?.delete(changeId);
    if (changes?.size === 0) this.#changesOf.delete(topic);
  }

  /** Behind all others: every due time is a patience from when it was set. */
  #postpone(changeId: string, debt: Debt): void {
    if (!this.#debts.delete(changeId)) return;
    debt.dueMs = this.#options.clock.now() + PATIENCE_MS;
    this.#debts.set(changeId, debt);
    this.#arm();
  }

  // ── Collecting ────────────────────────────────────────────────────────────────────────────────────────────────

  #arm(): void {
    const { clock } = this.#options;
    const now = clock.now();
    const [first] = this.#debts.values();
    const dueMs = Math.min(first?.dueMs ?? Infinity, this.#gaps.size > 0 ? now + PATIENCE_MS : Infinity);
    if (dueMs === Infinity || this.#collecting || this.#closed) return;
    this.#cancelTimer ??= clock.after(Math.max(1, dueMs - now), () => {
      this.#cancelTimer = undefined;
      void this.#collect();
    });
  }

  async #collect(): Promise<void> {
    if (this.#collecting || this.#closed) return;
    this.#collecting = true;
    await this.#lookForDue();
    const tried = new Set<Gap>();
    const untried = () => [...this.#gaps].filter(([, gap]) => !tried.has(gap));
    for (let gaps = untried(); gaps.length > 0; gaps = untried()) {
      for (const [, gap] of gaps) tried.add(gap);
      await Promise.all(gaps.map(([topic, gap]) => this.#announce(topic, gap)));
    }
    this.#collecting = false;
    this.#arm();
  }

  async #lookForDue(): Promise<void> {
    const { clock, followed } = this.#options;
    const now = clock.now();
    const due: (readonly [changeId: string, debt: Debt])[] = [];
    for (const [changeId, debt] of this.#debts) {
      if (debt.dueMs > now) break;
      due.push([changeId, debt]);
    }
    const topics = new Set(due.flatMap(([, debt]) => [...debt.topics.keys()]));
    const calm = [...topics].filter((topic) => followed(topic)?.recovering !== true);
    const histories = new Map(
      await Promise.all(calm.map(async (topic) => [topic, await this.#lookBack(topic)] as const)),
    );
    for (const [changeId, debt] of due) {
      for (const topic of [...debt.topics.keys()]) {
        const history = histories.get(topic);
        if (history === undefined) continue;
        if (isWhole(history, changeId, topic)) {
          // Lost on its way here, or it came before the topic was followed.
          this.#settle(changeId, topic);
          followed(topic)?.look();
        } else this.#miss(topic, { changeId, reason: 'gap' });
      }
      // What could not be looked for now, or whose announcement is still to come in.
      this.#postpone(changeId, debt);
    }
  }

  /** The newest messages of a topic; undefined if they cannot be had. */
  async #lookBack(topic: SubjectKey): Promise<readonly Announcement[] | undefined> {
    const { bus, codec } = this.#options;
    return this.#try(`read ${topic}`, async () => {
      const { epoch, offset } = (await bus.read(topic, undefined, 1)).top;
      const since = { epoch, offset: Math.max(0, offset - LOOK_BACK) };
      const { messages } = await bus.read(topic, since, LOOK_BACK);
      return messages.flatMap(({ bytes }) => {
        try {
          return [decodeAnnouncement(bytes, codec)];
        } catch {
          return []; // told where it stands
        }
      });
    });
  }

  /** False if it fails. */
  async #announce(topic: SubjectKey, gap: Gap): Promise<boolean> {
    const { bus, codec, followed } = this.#options;
    const { changeId, reason } = gap;
    const id = `${changeId}.${reason}`;
    const bytes = encodeAnnouncement({ id, on: [], times: [], changeId, marks: null, event: reason }, codec);
    const position = await this.#try(`publish ${topic}`, () => bus.publish(topic, bytes, { id }));
    if (position === undefined) return false;
    if (this.#gaps.get(topic) === gap) this.#gaps.delete(topic);
    if (followed(topic) === undefined) this.waive(topic);
    return true;
  }

  /** Undefined if it fails or takes too long: it is tried again with the next collection. */
  async #try<T>(what: string, call: () => Promise<T>): Promise<T | undefined> {
    const { clock, onError } = this.#options;
    const late = (): Error => new Error(`${what}: expected an answer within ${String(PATIENCE_MS)} ms, got none.`);
    try {
      return await inTime(clock, PATIENCE_MS, call, late);
    } catch (thrown) {
      if (!this.#closed) onError(toError(thrown), what);
      return undefined;
    }
  }
}

const pair = (changeId: string, topic: SubjectKey): string => `${changeId} ${topic}`;

/** True if a history has all events of a change, or says that some are missing. */
function isWhole(history: readonly Announcement[], changeId: string, topic: SubjectKey): boolean {
  const found = history.filter((announcement) => announcement.changeId === changeId);
  const ids = new Set(found.map(({ id }) => id));
  return found.some((one) => typeof one.event === 'string' || ids.size >= timesOn(topic, one));
}
