import type { Awaitable, Clock } from '../../contract.js';
import type { AnyModel } from '../../model.js';
import type { ConnectionOptions, Credentials, Realtime } from '../../realtime-verbs.js';

/** What is needed of a tide. */
export interface LiveTide<M extends AnyModel, Principal> {
  readonly realtime: Pick<Realtime<M, Principal>, 'connect'>;
}

/** What clients may do on a link, whatever it is made of. */
export type LinkLimits<M extends AnyModel, Principal> = Pick<
  ConnectionOptions<M, Principal>,
  'rooms' | 'signals' | 'maxSubscriptions' | 'maxFramesPerMinute'
>;

export interface LinkOptions<M extends AnyModel, Principal, Request> extends LinkLimits<M, Principal> {
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
}: LinkLimits<M, Principal>): LinkLimits<M, Principal> {
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
