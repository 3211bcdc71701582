import type { Clock } from './contract.js';

/** The clock of this machine. Its timers do not keep the process alive. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wallNow: () => Date.now(),
  after: (delayMs, run) => {
    const timer = setTimeout(run, Math.min(delayMs, MAX_TIMER_MS));
    timer.unref();
    return () => {
      clearTimeout(timer);
    };
  },
  // A promise job first, then a tick: runs after every promise job that is already queued, so that loads started by
  // resolved promises join the batch. The technique of graphql/dataloader's enqueuePostPromiseJob.
  defer: (run) => {
    void settled.then(() => {
      process.nextTick(run);
    });
  },
  turnEnd: (run) => {
    process.nextTick(run);
  },
};

const settled = Promise.resolve();
/** setTimeout fires at once above this. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Uniform in [0, 1), 32 bits, from the operating system's generator, fetched in blocks. */
export function createRandom(): () => number {
  const block = new Uint32Array(256);
  let used = block.length;
  return () => {
    if (used === block.length) {
      crypto.getRandomValues(block);
      used = 0;
    }
    return (block[used++] as number) / 2 ** 32;
  };
}

/** 128 random bits as 32 hex digits. */
export function randomId(random: () => number): string {
  let id = '';
  for (let i = 0; i < 4; i++)
    id += Math.floor(random() * 2 ** 32)
      .toString(16)
      .padStart(8, '0');
  return id;
}

/** What the call comes to within `limitMs`; else rejects with what `late` makes. A call that throws rejects as well. */
export async function inTime<T>(clock: Clock, limitMs: number, call: () => Promise<T>, late: () => Error): Promise<T> {
  let cancel = (): void => undefined;
  const tooLate = new Promise<never>((_, reject) => {
    cancel = clock.after(limitMs, () => {
      reject(late());
    });
  });
  try {
    return await Promise.race([call(), tooLate]);
  } finally {
    cancel();
  }
}

/** A monotonic clock may stand still while a machine sleeps; messages of that time are lost or on their way. */
const JUMP_MS = 1000;
/** How often a time that was read once may be used before it is read again, within one turn. */
const USES = 1024;

/**
 * A clock that is read once per turn of the event loop and again after {@link USES} uses: a cache hit costs no clock
 * call, and a process that was paused does not go on with the old time.
 */
export class CoarseClock {
  /** Called when this machine's two clocks have moved apart: the process was suspended, or somebody set the time. */
  onJump: () => void = () => {};
  readonly #clock: Clock;
  #apart: number;
  #now = 0;
  #left = 0;
  readonly #forget = (): void => {
    this.#left = 0;
  };

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#apart = clock.wallNow() - clock.now();
  }

  now(): number {
    if (this.#left > 0) {
      this.#left--;
      return this.#now;
    }
    return this.#read();
  }

  #read(): number {
    this.#now = this.#clock.now();
    this.#left = USES;
    this.#clock.turnEnd(this.#forget);
    const apart = this.#clock.wallNow() - this.#now;
    if (Math.abs(apart - this.#apart) > JUMP_MS) {
      this.#apart = apart;
      this.onJump();
    }
    return this.#now;
  }
}
