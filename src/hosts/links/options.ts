import type { Awaitable, Clock } from '../../contract.js';
import type { AnyModel } from '../../model.js';
import type { ConnectionLimits, Credentials, Realtime } from '../../realtime-verbs.js';

/** What is needed of a tide. */
export interface LiveTide<M extends AnyModel, Principal> {
  readonly realtime: Pick<Realtime<M, Principal>, 'check' | 'connect'>;
}

export interface LinkOptions<M extends AnyModel, Principal, Request> extends ConnectionLimits<M, Principal> {
  /** Who a request is from. Null, undefined or an error is a no, and the client is told nothing more than that. */
  readonly authenticate?: ((request: Request) => Awaitable<Credentials<Principal> | null | undefined>) | undefined;
  /** Measures silence. Default: this machine's. */
  readonly clock?: Clock | undefined;
}

/** Of a host's options those of its connections. */
export function limitsOf<M extends AnyModel, Principal>({
  rooms,
  signals,
  maxSubscriptions,
  maxFramesPerMinute,
}: ConnectionLimits<M, Principal>): ConnectionLimits<M, Principal> {
  return { rooms, signals, maxSubscriptions, maxFramesPerMinute };
}

/** Who it is; null if that is not to be known. */
export async function credentialsOf<Principal, Request>(
  authenticate: ((request: Request) => Awaitable<Credentials<Principal> | null | undefined>) | undefined,
  request: Request,
): Promise<Credentials<Principal> | null> {
  try {
    return (await authenticate?.(request)) ?? null;
  } catch {
    return null;
  }
}
