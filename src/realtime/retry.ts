import type { Clock } from '../contract.js';
import { TidemarkError } from '../errors.js';

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 10_000;

/** Who is told of a failure that nobody can be thrown at, and what failed. */
export type OnError = (error: Error, where: string) => void;

export interface Retrying {
  readonly clock: Clock;
  readonly onError: OnError;
  /** What is tried, for `onError`. */
  readonly where: string;
  /** Ends the attempts. */
  readonly signal: AbortSignal;
}

/**
 * Calls `run`, at once, and again after pauses that double up to ten seconds until it succeeds, telling `onError` of each failure.
 * Never rejects; resolves with undefined once the signal has fired. `run` gets the number of failures so far.
 */
export async function untilDone<T>(
  run: (failures: number) => Promise<T>,
  { clock, onError, where, signal }: Retrying,
): Promise<T | undefined> {
  for (let failures = 0; !signal.aborted; failures++) {
    try {
      return await run(failures);
    } catch (thrown) {
      if (signal.aborted) return undefined;
      onError(toError(thrown), where);
    }
    await pause(Math.min(FIRST_PAUSE_MS * 2 ** failures, LONGEST_PAUSE_MS), clock, signal);
  }
  return undefined;
}

export function pause(delayMs: number, clock: Clock, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const stop = (): void => {
      cancel();
      resolve();
    };
    const cancel = clock.after(delayMs, () => {
      signal.removeEventListener('abort', stop);
      resolve();
    });
    signal.addEventListener('abort', stop, { once: true });
  });
}

export function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error('a value that is no Error was thrown', { cause: thrown });
}

/** A call of the bus that took too long. */
export function lateError(what: string, timeoutMs: number): TidemarkError {
  return new TidemarkError(
    'STORE_TIMEOUT',
    `bus.${what}: expected an answer within ${String(timeoutMs)} ms, got none.`,
  );
}
