import { isTidemarkError } from '../../src/index.js';
import type { Violated } from './check.js';
import type { ReadChecker } from './check-reads.js';
import type { ChangeRecord, History, ReadRecord } from './history.js';
import type { Process } from './process.js';

/** What an outage may cost a reader; everything else that fails is this library's to bear (P6). */
const OF_THE_ORIGIN = ['ORIGIN_FAILED', 'ORIGIN_TIMEOUT', 'LOAD_FAILED'];

/** Receipts are honest, failures are coded, and hand-set keys are registers. */
export class ChangeChecker {
  readonly #history: History;
  readonly #violated: Violated;
  readonly #reads: ReadChecker;
  readonly #runIdsCompared: boolean;
  readonly #sets = new Map<string, { readonly change: ChangeRecord; readonly value: unknown }[]>();

  constructor(parts: {
    readonly history: History;
    readonly reads: ReadChecker;
    readonly violated: Violated;
    readonly runIdsCompared: boolean;
  }) {
    this.#history = parts.history;
    this.#reads = parts.reads;
    this.#violated = parts.violated;
    this.#runIdsCompared = parts.runIdsCompared;
  }

  /** `done` only if every partition acknowledged, and then with where. */
  receipt(change: ChangeRecord): void {
    const { receipt, label } = change;
    if (receipt === null || receipt.state === 'queued') return;
    const parts = this.#history.partsOf(change);
    const acknowledged = this.#history.acknowledged(change);
    if (parts.size === 0) this.#violated('receipt', `${label}: done, but no bump was ever asked for`);
    for (const partition of parts.keys()) {
      if (!acknowledged.has(partition)) {
        this.#violated('receipt', `${label}: done, but partition ${String(partition)} has not acknowledged`);
      }
      if (receipt.marks[partition] === undefined) {
        this.#violated('receipt', `${label}: done, but its receipt does not name partition ${String(partition)}`);
      }
    }
  }

  /**
   * A failure that a caller saw. `originFaulty`: the origin was slow or down while it ran. `stoodStill`: the process was, while
   * the time that its loads have went on.
   */
  failed(
    label: string,
    error: unknown,
    about: { readonly originFaulty: boolean; readonly storeFaulty: boolean; readonly stoodStill: boolean },
  ): void {
    if (isTidemarkError(error)) {
      if (OF_THE_ORIGIN.includes(error.code) && about.originFaulty) return;
      if (error.code === 'ORIGIN_TIMEOUT' && about.stoodStill) return;
      if ((error.code as string) === 'OVERLOADED' && about.storeFaulty) return;
    }
    const code = isTidemarkError(error) ? error.code : 'no code';
    this.#violated('P6', `${label} failed: ${code}: ${error instanceof Error ? error.message : String(error)}`);
  }

  /**
   * At rest, with every server up: every server has what its replica was told is done, or queued, or a new epoch in its
   * place. Where no run id is compared it may have been forgotten without a sign.
   */
  finish(change: ChangeRecord): void {
    const { process, receipt, boundOn, label } = change;
    if ((boundOn.get(process)?.resolved ?? Infinity) === Infinity || !process.alive || process.stranger) return;
    const history = this.#history;
    if (history.standsSince(change) !== null || history.isOvertaken(change)) return;
    if (history.isReplaced(change)) return;
    if (this.isForgotten(change)) return;
    if (receipt?.state === 'queued') {
      this.#violated('receipt', `${label}: queued, and never sent although the store is back`);
    } else this.#violated('P2', `${label}: a store has forgotten it, and ${process.name} did not bump again`);
  }

  /** Where no run id is compared, a store may forget without a sign what it had. Otherwise who had it bumped repeats it, if it lives. */
  isForgotten(change: ChangeRecord, bumpedBy: Iterable<Process> = [change.process]): boolean {
    if (!this.#isAcknowledged(change)) return false;
    return !this.#runIdsCompared || [...bumpedBy].every(({ alive }) => !alive);
  }

  #isAcknowledged(change: ChangeRecord): boolean {
    const acknowledged = this.#history.acknowledged(change);
    const parts = [...this.#history.partsOf(change).keys()];
    return parts.length > 0 && parts.every((partition) => acknowledged.has(partition));
  }

  herded(key: string, { loads, most }: { readonly loads: number; readonly most: number }): void {
    if (loads > most) this.#violated('P4', `${key}: ${String(loads)} calls of the origin for one cold key`);
  }

  /** A rolled-back change has an id of its own, so that whatever speaks of it is wrong (P8). */
  rolledBack(text: string, where: string): void {
    if (text.includes('ghost')) this.#violated('P8', `a transaction that threw was ${where}: ${text}`);
  }

  // ── Hand-set keys ─────────────────────────────────────────────────────────────────────────────────────────────

  /** `value` undefined: deleted. */
  set(key: string, value: unknown, change: ChangeRecord): void {
    const of = this.#sets.get(key) ?? [];
    of.push({ change, value });
    this.#sets.set(key, of);
  }

  /** Nothing is always allowed: a cache may forget. A value must not have been replaced by one that binds the read. */
  gotKey(read: ReadRecord, key: string, value: unknown): void {
    if (value === undefined) return;
    const sets = this.#sets.get(key) ?? [];
    const found = sets.find((set) => set.value === value);
    if (found === undefined) {
      this.#violated('P1', `${read.label}: ${key} was never ${JSON.stringify(value)}`, read);
      return;
    }
    const of = this.#history.executionOf(found.change);
    for (const { change } of sets) {
      const by = this.#history.executionOf(change);
      if (of === null || by === null || by.first <= of.last) continue;
      const promise = this.#reads.promiseOf(read, change);
      if (promise === null) continue;
      const [rule, why] = promise;
      this.#violated(
        rule,
        `${read.label} on ${read.process.name}: ${found.change.label}, before ${change.label}, ${why}`,
        read,
      );
    }
  }
}
