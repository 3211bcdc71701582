/** True time and everything that is due in it: one queue, in order of time and then of its making. Nothing waits for real. */

interface Due {
  readonly at: number;
  readonly serial: number;
  readonly run: () => void;
  /** Nothing of it reaches a replica's code, so that no promise job can follow. */
  readonly quiet: boolean;
  cancelled: boolean;
}

export class Engine {
  /** True milliseconds. No replica's clock shows exactly this. */
  now = 0;
  /** Every event so far: what a record calls its moment, since many share a time. */
  moment = 0;
  readonly #heap: Due[] = [];
  #serial = 0;
  #stopped = false;
  readonly #deferred: (() => void)[] = [];
  readonly #ends: (() => void)[] = [];

  /** Returns the function that cancels it. */
  at(time: number, run: () => void, quiet = false): () => void {
    const due: Due = { at: Math.max(time, this.now), serial: ++this.#serial, run, quiet, cancelled: false };
    this.#push(due);
    return () => {
      due.cancelled = true;
    };
  }

  /** Within an event: once everything that it queued has run. */
  defer(run: () => void): void {
    this.#deferred.push(run);
  }

  /** Within an event: at its very end. */
  turnEnd(run: () => void): void {
    this.#ends.push(run);
  }

  /** Nothing happens any more. */
  stop(): void {
    this.#stopped = true;
  }

  /**
   * Lets time pass until `until`, one event after the other, each followed by all its promise jobs, what was deferred and
   * the jobs of that, and the end of the turn.
   */
  run(until: number): Promise<void> {
    return new Promise((resolve, reject) => {
      // A tick that is asked for by a promise job runs when the queue of promise jobs is empty: about a microsecond, where
      // setImmediate takes a round of the event loop.
      const afterJobs = (): void => {
        queueMicrotask(() => {
          process.nextTick(goOn);
        });
      };
      const goOn = (): void => {
        try {
          if (this.#endsTurn() && !this.#passTo(until)) resolve();
          else afterJobs();
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)));
        }
      };
      goOn();
    });
  }

  /** False if what was deferred has run just now, and may have more to follow. */
  #endsTurn(): boolean {
    if (this.#deferred.length > 0) {
      for (const run of this.#deferred.splice(0)) run();
      return false;
    }
    for (const run of this.#ends.splice(0)) run();
    return true;
  }

  /** The next event after which promise jobs may follow; false if there is none. */
  #passTo(until: number): boolean {
    for (let next = this.#heap[0]; next !== undefined && next.at <= until && !this.#stopped; next = this.#heap[0]) {
      this.#pop();
      if (next.cancelled) continue;
      this.now = next.at;
      this.moment++;
      next.run();
      if (!next.quiet) return true;
    }
    if (!this.#stopped) this.now = until;
    return false;
  }

  #push(due: Due): void {
    const heap = this.#heap;
    let at = heap.push(due) - 1;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (isBefore(heap[above] as Due, due)) break;
      heap[at] = heap[above] as Due;
      at = above;
    }
    heap[at] = due;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as Due;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= heap.length) break;
      if (below + 1 < heap.length && isBefore(heap[below + 1] as Due, heap[below] as Due)) below++;
      if (isBefore(last, heap[below] as Due)) break;
      heap[at] = heap[below] as Due;
      at = below;
    }
    heap[at] = last;
  }
}

const isBefore = (a: Due, b: Due): boolean => a.at < b.at || (a.at === b.at && a.serial < b.serial);
