import type { Aborts } from '../aborts.js';
import type { Awaitable, Clock, OriginContext } from '../contract.js';
import { TidemarkError, isTidemarkError, messageOf } from '../errors.js';

/** Calls the host's code with a deadline and an abort signal, and names what went wrong. */

export interface Deadline {
  readonly clock: Clock;
  readonly originTimeoutMs: number;
  /** Fires when the tide closes. */
  readonly closing: AbortSignal;
  readonly aborts: Aborts;
}

/** What the called code is given. */
export interface Patience {
  /** Fires when nobody waits any more. */
  readonly signal: AbortSignal;
  /** A part of the work is done: the time begins anew. */
  readonly progressed: () => void;
}

/**
 * Resolves with what `call` returns. Rejects with ORIGIN_TIMEOUT when it neither settles nor progresses in time, CLOSED
 * when the tide closes, else with `failure` around what it threw. An error of this library passes as it is.
 */
export function withDeadline<T>(
  deadline: Deadline,
  where: string,
  failure: 'ORIGIN_FAILED' | 'LOAD_FAILED',
  call: (patience: Patience) => Awaitable<T>,
): Promise<T> {
  const { clock, originTimeoutMs, closing, aborts } = deadline;
  const aborter = new AbortController();
  return new Promise<T>((resolve, reject) => {
    const settle = (act: () => void): void => {
      cancel();
      stopWaiting();
      act();
    };
    const fail = (error: TidemarkError): void => {
      settle(() => {
        aborter.abort(error);
        reject(error);
      });
    };
    let since = clock.now();
    const late = (): void => {
      const leftMs = since + originTimeoutMs - clock.now();
      if (leftMs > 0) cancel = clock.after(leftMs, late);
      else {
        const limit = `${String(originTimeoutMs)} ms`;
        fail(new TidemarkError('ORIGIN_TIMEOUT', `${where}: expected an answer within ${limit}, got none.`));
      }
    };
    let cancel = clock.after(originTimeoutMs, late);
    const progressed = (): void => {
      since = clock.now();
    };
    const close = (): void => {
      fail(new TidemarkError('CLOSED', `${where}: the tide was closed while it ran.`));
    };
    const stopWaiting = aborts.on(closing, close);
    if (closing.aborted) {
      close();
      return;
    }
    const thrown = (cause: unknown): void => {
      settle(() => {
        reject(isTidemarkError(cause) ? cause : new TidemarkError(failure, `${where}: ${messageOf(cause)}`, { cause }));
      });
    };
    try {
      Promise.resolve(call({ signal: aborter.signal, progressed })).then((value) => {
        settle(() => {
          resolve(value);
        });
      }, thrown);
    } catch (cause) {
      thrown(cause);
    }
  });
}

/** The loaders of one entity type as the core calls them, types erased. */
export interface AnyEntityOrigin {
  byIds?: (ids: readonly unknown[], context: OriginContext) => Awaitable<unknown>;
  all?: (context: OriginContext) => Iterable<unknown> | AsyncIterable<unknown>;
  childrenOf?: Readonly<
    Record<string, ((ids: readonly unknown[], context: OriginContext) => Awaitable<unknown>) | undefined>
  >;
}
