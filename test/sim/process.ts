import type { Clock } from '../../src/contract.js';
import { type Random, pick } from './dice.js';
import type { Engine } from './engine.js';

/** Where something reaches a process: each is first in, first out. */
export type Inbox = 'timer' | 'request' | 'client' | 'subscriber' | 'origin';

/** A timer is never early, whatever the rounding: else one that is set again for the rest would never get there. */
const INSTANT_MS = 1e-6;
const WALL_START = 1_767_225_600_000;

/** One replica's process: it may be paused or suspended, its clocks drift, and once dead it never does anything again. */
export class Process {
  /** Such as `A` or, after a crash, `A2`. */
  readonly name: string;
  alive = true;
  /** Configured differently from the others: the marks refuse it. */
  readonly stranger: boolean;
  readonly clock: Clock;
  readonly #engine: Engine;
  readonly #random: Random;
  readonly #rate: number;
  readonly #inboxes = new Map<Inbox, (() => void)[]>();
  /** True time. */
  pausedUntil = 0;
  /** True time since when it watches the marks. */
  watchedAt = Infinity;
  /** True time during which the monotonic clock stood still. */
  #lost = 0;
  #wallOffset = WALL_START;

  constructor(
    name: string,
    parts: { readonly engine: Engine; readonly random: Random; readonly rate: number; readonly stranger: boolean },
  ) {
    this.name = name;
    this.#engine = parts.engine;
    this.#random = parts.random;
    this.#rate = parts.rate;
    this.stranger = parts.stranger;
    const { engine } = parts;
    this.clock = {
      now: () => this.#monotonic(),
      wallNow: () => engine.now + this.#wallOffset,
      after: (delayMs, run) => this.#after(delayMs, run),
      defer: (run) => {
        engine.defer(run);
      },
      turnEnd: (run) => {
        engine.turnEnd(run);
      },
    };
  }

  get paused(): boolean {
    return this.#engine.now < this.pausedUntil;
  }

  /** Runs it now, or when the process goes on, or never. */
  receive(inbox: Inbox, run: () => void): void {
    if (!this.alive) return;
    if (!this.paused) {
      run();
      return;
    }
    const waiting = this.#inboxes.get(inbox);
    if (waiting === undefined) this.#inboxes.set(inbox, [run]);
    else waiting.push(run);
  }

  /** Blocked or stopped. A suspended machine's monotonic clock stands still, its wall clock is right when it wakes. */
  pause(ms: number, suspended: boolean): void {
    if (!this.alive || this.paused) return;
    this.pausedUntil = this.#engine.now + ms;
    if (suspended) this.#lost += ms;
    this.#engine.at(this.pausedUntil, () => {
      this.#resume();
    });
  }

  shiftWall(ms: number): void {
    this.#wallOffset += ms;
  }

  /** What waited is seen to, each in an event of its own: every inbox in its order, among them in any. */
  #resume(): void {
    for (;;) {
      const full = [...this.#inboxes.values()].filter((waiting) => waiting.length > 0);
      if (full.length === 0) return;
      const run = pick(full, Math.floor(this.#random() * full.length)).shift() as () => void;
      this.#engine.at(this.#engine.now, () => {
        if (this.alive) run();
      });
    }
  }

  #monotonic(): number {
    return (this.#engine.now - this.#lost) * this.#rate;
  }

  #after(delayMs: number, run: () => void): () => void {
    const due = this.#monotonic() + Math.max(0, delayMs);
    let cancelled = false;
    const wait = (): void => {
      this.#engine.at(this.#engine.now + Math.max(0, due - this.#monotonic()) / this.#rate + INSTANT_MS, () => {
        if (cancelled) return;
        this.receive('timer', () => {
          if (cancelled) return;
          if (this.#monotonic() < due) wait();
          else run();
        });
      });
    };
    wait();
    return () => {
      cancelled = true;
    };
  }
}
