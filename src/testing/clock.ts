import type { Clock } from '../contract.js';

export interface FakeClock extends Clock {
  /**
   * Lets time pass as it passes in an idle process: promise jobs settle, due timers run in order of time and of their
   * setting, each at its own instant and followed by its promise jobs. Rejects if a timer throws. Await it.
   */
  advance(ms: number): Promise<void>;
  /** Lets time pass as in a process that is blocked or suspended: nothing runs. Due timers run at the next `advance`. */
  block(ms: number): void;
  /** Sets this machine's wall clock forward or back, as an administrator or a time server does. */
  shiftWall(ms: number): void;
  /** Timers that wait: 0 once everything is closed. */
  readonly timers: number;
}

interface Timer {
  readonly at: number;
  readonly run: () => void;
}

/** Where the wall clock of a {@link fakeClock} stands at first: 2026-01-01T00:00:00Z. */
const WALL_START = 1_767_225_600_000;

/**
 * A clock that stands still until a test moves it. Only `after` needs that: `defer` and `turnEnd` run at the end of the
 * turn, as they do in a real process, so code that batches works under plain `await`.
 *
 * @example
 * const clock = fakeClock();
 * clock.after(1000, () => refresh());
 * await clock.advance(1000); // refresh() ran, and what it awaits has settled
 */
export function fakeClock(start = 0): FakeClock {
  const timers = new Set<Timer>();
  let now = start;
  let wallOffset = WALL_START - start;

  const nextDue = (until: number): Timer | undefined => {
    let first: Timer | undefined;
    for (const timer of timers) if (timer.at <= until && (first === undefined || timer.at < first.at)) first = timer;
    return first;
  };

  return {
    now: () => now,
    wallNow: () => now + wallOffset,
    after: (delayMs, run) => {
      const timer = { at: now + Math.max(0, delayMs), run };
      timers.add(timer);
      return () => {
        timers.delete(timer);
      };
    },
    defer: (run) => {
      void Promise.resolve().then(() => {
        process.nextTick(run);
      });
    },
    turnEnd: (run) => {
      process.nextTick(run);
    },
    advance: async (ms) => {
      const until = now + ms;
      await settled();
      for (let timer = nextDue(until); timer !== undefined; timer = nextDue(until)) {
        timers.delete(timer);
        now = Math.max(now, timer.at);
        timer.run();
        await settled();
      }
      now = Math.max(now, until);
      await settled();
    },
    block: (ms) => {
      now += ms;
    },
    shiftWall: (ms) => {
      wallOffset += ms;
    },
    get timers() {
      return timers.size;
    },
  };
}

/** Resolves when every promise job and tick that is queued, and all that those queue, has run. No time passes. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
