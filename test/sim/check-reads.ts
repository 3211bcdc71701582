import type { PromiseName, Violated } from './check.js';
import type { ChangeRecord, History, ReadRecord } from './history.js';
import { type Commit, type ValueName, type World, typeOfId } from './world.js';

export interface ReadCheckerParts {
  readonly world: World;
  readonly history: History;
  readonly violated: Violated;
  /** No read is older than what the store accepted so long before it began. */
  readonly boundMs: number;
  /** Of the origin's read replica. */
  readonly lagMs: number;
  /** A restored copy begins a new epoch. Without, a replica cannot always tell that the store went back. */
  readonly runIdsCompared: boolean;
}

/**
 * Regularity of every value: a read gives what the value was after some commit that is not older than any that binds
 * the read. Which commits bind is what P1 to P3 say; they are looked at only where the answer is not the newest anyway.
 */
export class ReadChecker {
  readonly #parts: ReadCheckerParts;

  constructor(parts: ReadCheckerParts) {
    this.#parts = parts;
  }

  judge(read: ReadRecord, name: ValueName, value: unknown): void {
    const fault = this.#faultOf(read, name, JSON.stringify(value));
    if (fault !== null) this.#parts.violated(...fault, read);
  }

  /** Everything that a read could have given of a value. */
  allowed(read: ReadRecord, name: ValueName): unknown[] {
    const { world } = this.#parts;
    const contents = new Set<string>();
    for (let number = world.last; number >= 0; number--) contents.add(world.contentAt(name, number));
    return [...contents]
      .filter((content) => this.#faultOf(read, name, content) === null)
      .map((text) => JSON.parse(text) as unknown);
  }

  #faultOf(read: ReadRecord, name: ValueName, content: string): readonly [rule: PromiseName, message: string] | null {
    const { world } = this.#parts;
    const seen = world.newestWith(name, content, world.last);
    if (seen === null) return ['P1', `${read.label}: ${name} was never ${content}`];
    for (let number = read.lastAtStart; number > seen; number--) {
      const commit = world.commits[number - 1] as Commit;
      if (!world.touches(commit, name)) continue;
      if (this.#mayLag(read, name, commit)) continue;
      const promise = this.#promiseOf(read, commit, name);
      if (promise === null || this.#isExcused(read, name, commit, seen)) continue;
      const [rule, why] = promise;
      const what = `${name} is as after commit ${String(seen)}, before commit ${String(number)}`;
      return [rule, `${read.label} on ${read.process.name}: ${what}, ${why}`];
    }
    return null;
  }

  /** Of a read past every cache: it sees whatever was committed when it began. */
  judgeCommitted(read: ReadRecord, name: ValueName, value: unknown): void {
    const { world, violated } = this.#parts;
    const seen = world.newestWith(name, JSON.stringify(value), world.last);
    for (let number = read.lastAtStart; number > (seen ?? -1); number--) {
      if (seen !== null && !world.touches(world.commits[number - 1] as Commit, name)) continue;
      violated('P1', `${read.label} on ${read.process.name}: ${name} is older than commit ${String(number)}`, read);
      return;
    }
  }

  /** The promise by which this read must not be older than the commit, and how. */
  #promiseOf(read: ReadRecord, commit: Commit, name: ValueName): readonly [rule: PromiseName, why: string] | null {
    for (const change of this.#parts.history.announcedBy(commit)) {
      // A deletion by pattern clears entries; the index behind answers about places is none and follows changes only.
      if (!change.isEvent && name.includes('/')) continue;
      const promise = this.promiseOf(read, change);
      if (promise !== null) return promise;
    }
    return null;
  }

  promiseOf(read: ReadRecord, change: ChangeRecord): readonly [rule: PromiseName, why: string] | null {
    const { boundMs, lagMs, runIdsCompared, history } = this.#parts;
    // A deletion by pattern says that what was loaded before is gone; a lagging read replica may give it once more.
    if (!change.isEvent && change.commits.length > 0 && lagMs > 0) return null;
    const since = history.standsSince(change);
    // Where no run id is compared, a store that went back and was written on looks like one that did not: a change that
    // it forgot binds again once somebody has said so, by a new epoch or by another bump.
    const mayBeForgotten = !runIdsCompared && since === null;
    const bound = change.boundOn.get(read.process);
    if (bound !== undefined && bound.resolved < read.start && !mayBeForgotten) {
      return ['P1', `whose change() had resolved on ${read.process.name}`];
    }
    // A replica repeats only its own bumps. What it merely heard and a store has forgotten since, the other half of a split
    // for one, counts as if it were new once the one that made the change has repeated it (PROTOCOL: re-bumps).
    if (since !== null && bound?.told.some(({ order, at }) => order < read.start && at >= since) === true) {
      return ['P1', `which ${read.process.name} had heard of (${bound.how})`];
    }
    // Of two halves of a split that count on alike, each takes the other's positions for its own.
    if (read.after.includes(change) && (runIdsCompared || history.isKnownToAll(change)))
      return ['P1', 'whose receipt it names'];
    if (since === null) return null;
    if (read.strong && since <= read.startAt) return ['strong', `accepted at ${since.toFixed(1)}`];
    if (read.startAt - since > boundMs) {
      return ['P3', `accepted ${(read.startAt - since).toFixed(0)} ms before it began`];
    }
    return null;
  }

  /**
   * What a lagging read replica of the database has not got yet is the host's delay, not the cache's: P1 speaks of values
   * loaded before a change. The host is told which entities changed recently, so that whoever
   * was told of one does not get an older one, and what a receipt names is asked for as recently changed; of what depends on others, a parent that
   * went for one, nobody can know before the row is there. Such values are not kept (`originLagMs`).
   */
  #mayLag(read: ReadRecord, name: ValueName, commit: Commit): boolean {
    const { lagMs, history } = this.#parts;
    if (lagMs === 0 || commit.at <= read.startAt - lagMs) return false;
    // Who is refused by the marks has only the origin, and hears of nothing.
    if (read.process.stranger) return true;
    const changes = history.announcedBy(commit);
    if (changes.some((change) => read.after.includes(change))) return false;
    const isTold = changes.some((change) => {
      const bound = change.boundOn.get(read.process);
      if (!change.isEvent || bound === undefined) return false;
      return bound.resolved < read.start || bound.told.some(({ order, how }) => how !== 'gap' && order < read.start);
    });
    return !(isTold && name.startsWith(`${String(commit.type)}:${commit.id}@`));
  }

  /** The branch of the value was hung elsewhere before that, and nobody has said so yet: the reader may not see it inherit. */
  #hangsElsewhere(read: ReadRecord, name: ValueName, { number }: Commit): boolean {
    const branch = name.split('@')[1];
    const { commits } = this.#parts.world;
    const hung = commits.slice(0, number).findLast((earlier) => earlier.type === null && earlier.branch === branch);
    return hung !== undefined && this.#promiseOf(read, hung, name) === null;
  }

  /**
   * A record that moved without anybody having said so yet: nobody can know what a change of its new parent means for it.
   * It counts again from its own announcement.
   */
  #isExcused(read: ReadRecord, name: ValueName, commit: Commit, seen: number): boolean {
    const [what, branch] = name.split('@') as [string, string];
    if (branch !== commit.branch && this.#hangsElsewhere(read, name, commit)) return true;
    const inPlace = what.split('/')[1];
    const [type, id] = inPlace === undefined ? what.split(':') : [typeOfId(inPlace), inPlace];
    if (what.includes('<') || (commit.type === type && commit.id === id)) return false;
    for (let number = commit.number - 1; number > seen; number--) {
      const earlier = this.#parts.world.commits[number - 1] as Commit;
      if (earlier.type !== type || earlier.id !== id || !earlier.moves) continue;
      if (branch === 'main' && earlier.branch !== 'main') continue;
      if (this.#promiseOf(read, earlier, name) === null) return true;
    }
    return false;
  }
}
