import { systemClock } from '../../clock.js';
import type { Clock } from '../../contract.js';
import { checkMs, refuseOthers } from './options.js';
import type { FollowedServer, Requests } from './requests.js';

export interface StopOptions {
  /**
   * How long readiness says 503 while every request is still served. As long as your load balancer takes to notice, since who is
   * sent to a server that has stopped is refused. Default 0.
   */
  readonly drainMs?: number | undefined;
  /** Connections that are still busy so long after that are cut. Default 10,000. */
  readonly timeoutMs?: number | undefined;
  /** Default: this machine's. */
  readonly clock?: Clock | undefined;
}

/** What is needed of a tide. */
export interface StoppedTide {
  readonly realtime: { close(): void };
  close(): Promise<void>;
}

/** A server of node, of HTTP/1 or 2. */
export interface StoppedServer extends FollowedServer {
  close(done: () => void): unknown;
  /** Where it is there, of HTTP/1. */
  closeIdleConnections?(): void;
}

const OPTIONS = ['drainMs', 'timeoutMs', 'clock'];

/** Throws INVALID_OPTION. */
export function checkStop(options: StopOptions, where: string): void {
  refuseOthers(options, where, OPTIONS);
  checkMs(options.drainMs, `${where}: drainMs`);
  checkMs(options.timeoutMs, `${where}: timeoutMs`);
}

/**
 * The end of a server and its tide that drops no request: readiness says no; all is served until that has been noticed, each
 * connection for the last time; live updates end, for which a server would wait for ever; what is under way is finished; the tide is
 * closed. The function that it returns does that, once however often it is called, and resolves to how many connections were cut.
 */
export function stopping(
  server: StoppedServer,
  tide: StoppedTide,
  { requests, drainMs = 0, timeoutMs = 10_000, clock = systemClock }: StopOptions & { readonly requests: Requests },
): () => Promise<number> {
  requests.follow(server);
  const stop = async (): Promise<number> => {
    requests.drain();
    if (drainMs > 0) await new Promise<void>((resolve) => void clock.after(drainMs, resolve));
    tide.realtime.close();
    let cut = 0;
    const cancel = clock.after(timeoutMs, () => {
      cut = requests.cut();
    });
    // That it did not listen is no error of who wants it to stop.
    await new Promise<void>((resolve) => {
      server.close(() => {
        resolve();
      });
      server.closeIdleConnections?.();
      requests.closeSilent();
    });
    cancel();
    await tide.close();
    return cut;
  };
  let stopped: Promise<number> | undefined;
  return () => (stopped ??= stop());
}
