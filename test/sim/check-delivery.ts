import type { BusPosition, SubjectKey, SubscriptionItem } from '../../src/index.js';
import type { Violated } from './check.js';
import type { ChangeRecord, History } from './history.js';
import type { Ledger } from './ledger.js';
import type { Process } from './process.js';
import type { Server } from './server.js';
import type { Commit } from './world.js';

/** One subscriber, followed over the replicas on which it was resumed. */
export interface Session {
  readonly name: string;
  /** In the branch that it watches. */
  readonly topic: SubjectKey;
  /** And in those that it inherits from. */
  readonly topics: readonly SubjectKey[];
  readonly concerns: (commit: Commit) => boolean;
  /** `s1@main` if it is told of the computed fields of that settlement. */
  readonly settlement: string | undefined;
  process: Process;
  cursor: string | undefined;
  /** True time since when it is certainly subscribed; later after trouble on the way there. */
  since: number;
  /** What came in the wrong order since the last resync: one has to follow. */
  disordered: string | undefined;
  /** When it last came to a replica, which may have begun to follow its topics only then. */
  cameAt: number;
  /** Until when it was watched; infinite while it is. */
  until: number;
  readonly items: Delivered[];
}

interface Delivered {
  readonly item: SubscriptionItem;
  readonly at: number;
}

/** P7: per subject in order, no duplicate, and never a silent hole. */
export class DeliveryChecker {
  readonly #history: History;
  readonly #violated: Violated;
  /** Events, by topic and change. */
  readonly #published = new Map<string, Map<string, BusPosition>>();
  /** Changes of which any topic has an event, or that one is missing. */
  readonly #announced = new Set<string>();

  readonly #ledger: Ledger | null;
  readonly #runIdsCompared: boolean;
  #wentBackAt = -Infinity;

  constructor(parts: {
    readonly history: History;
    readonly violated: Violated;
    /** A restored copy begins new epochs. Without, two halves of a split count on alike. */
    readonly runIdsCompared: boolean;
    readonly ledger: Ledger | null;
  }) {
    this.#history = parts.history;
    this.#violated = parts.violated;
    this.#ledger = parts.ledger;
    this.#runIdsCompared = parts.runIdsCompared;
  }

  /** The bus took it. An id that a server has forgotten may be taken again: the last place counts. */
  published(topic: string, id: string, position: BusPosition): void {
    const [changeId = '', part = ''] = id.split('.');
    this.#announced.add(changeId);
    if (!/^\d+$/.test(part)) return; // that something of it is missing
    let of = this.#published.get(topic);
    if (of === undefined) this.#published.set(topic, (of = new Map<string, BusPosition>()));
    of.set(changeId, position);
  }

  /** The store has an older copy from here on. */
  wentBack(at: number): void {
    this.#wentBackAt = at;
  }

  delivered(session: Session, item: SubscriptionItem, at: number): void {
    const { items, topic, name } = session;
    if (item.kind === 'change') {
      this.#ledger?.delivered(item.changeId);
      const place = this.#placeOf(topic, item.changeId);
      for (const before of sinceResync(items)) {
        if (before.item.kind !== 'change') continue;
        // Without run ids the places of a copy are taken for those of what it lost, and its ids are known no more.
        if (!this.#runIdsCompared && this.#wentBackAt >= before.at) continue;
        if (before.item.changeId === item.changeId && before.item.entityId === item.entityId) {
          this.#violated('P7', `${name}: change ${item.changeId} was delivered twice`);
        }
        const earlier = this.#placeOf(topic, before.item.changeId);
        if (place !== undefined && earlier !== undefined && isBehind(place, earlier)) {
          // What was published while the subscription was being made may come late, or not at all.
          if (!this.#isSince(session, before.item.changeId) || !this.#isSince(session, item.changeId)) continue;
          if (this.#areCrossed(before.item.changeId, item.changeId)) continue;
          session.disordered = `change ${item.changeId} was delivered after a later one of the same subject`;
        }
      }
    } else if (item.kind === 'resync') session.disordered = undefined;
    items.push({ item, at });
  }

  /** At rest: what came in another order was followed by a resync, whatever concerned it was delivered, or a resync after it says that something may be missing. */
  finish(session: Session): void {
    if (session.disordered !== undefined && session.until === Infinity)
      this.#violated('P7', `${session.name}: ${session.disordered}`);
    for (const change of this.#history.changes) {
      if (!this.#mustHave(session, change)) continue;
      const { items } = session;
      if (items.some(({ item }) => item.kind === 'change' && item.changeId === change.changeId)) continue;
      if (items.some(({ item, at }) => item.kind === 'resync' && at >= change.startAt)) continue;
      if (this.#isUnknowable(session, change)) continue;
      this.#violated('P7', `${session.name}: ${change.label} was neither delivered nor covered by a resync`);
    }
  }

  #mustHave(session: Session, change: ChangeRecord): boolean {
    if (!change.isEvent || !change.commits.some(session.concerns)) return false;
    if (change.startAt < session.since || session.until !== Infinity) return false;
    // The marks refuse it, so that nothing tells it of messages that are lost without a word.
    if (session.process.stranger) return false;
    // What no surviving store has heard of is not known to anybody but the replica that made it.
    const history = this.#history;
    // What the other half announced lies at places that this one takes for seen.
    if (!this.#runIdsCompared && isInSplit(change, history.servers)) return false;
    // Nor does a topic that went back look like another one, and who did not watch the marks by then has nothing else to tell.
    if (!this.#runIdsCompared && change.startAt <= this.#wentBackAt && !(session.process.watchedAt < this.#wentBackAt))
      return false;
    if (history.executionOf(change) === null || history.standsSince(change) === null) return false;
    return session.topics.some((topic) => history.isToldOf(change, topic));
  }

  /**
   * Two faults at once: the event was never published, since its replica crashed or the bus refused it, and the message of
   * its bump was lost on the way to this replica. It reads the marks again, so that no stale value is served, but nothing
   * is left that would say which subscribers were owed an event. (Docs: without an outbox, and out of touch meanwhile.)
   */
  #isUnknowable({ process }: Session, change: ChangeRecord): boolean {
    const { changeId } = change;
    if (this.#ledger?.has(change) === true) return false; // the sweeper says so
    return !(changeId !== null && this.#announced.has(changeId)) && change.boundOn.get(process)?.how !== 'bump';
  }

  #isSince({ since, cameAt }: Session, changeId: string): boolean {
    return this.#history.withId(changeId).every(({ startAt }) => startAt >= Math.max(since, cameAt));
  }

  /**
   * Whether other topics have them the other way round, directly or by what was published between them: several
   * publishers at once, and no order is that of all topics.
   */
  #areCrossed(delivered: string, later: string): boolean {
    const reached = new Set([delivered]);
    for (const id of reached) {
      for (const places of this.#published.values()) {
        const from = places.get(id);
        if (from === undefined) continue;
        for (const [other, place] of places) if (isBehind(from, place)) reached.add(other);
      }
    }
    return reached.has(later);
  }

  #placeOf(topic: string, changeId: string) {
    return this.#published.get(topic)?.get(changeId);
  }
}

/** Whether two servers were up while it was made, or one took over from another. */
function isInSplit({ startAt, endAt }: ChangeRecord, servers: readonly Server[]): boolean {
  return servers.some((next) =>
    servers.some(
      (old) =>
        old.beganAt < next.beganAt &&
        startAt <= Math.max(old.diedAt, next.beganAt) &&
        (endAt ?? Infinity) >= Math.min(old.diedAt, next.beganAt),
    ),
  );
}

function sinceResync(items: readonly Delivered[]): readonly Delivered[] {
  return items.slice(items.findLastIndex(({ item }) => item.kind === 'resync') + 1);
}

const isBehind = (a: BusPosition, b: BusPosition): boolean => a.epoch === b.epoch && a.offset < b.offset;
