import type { Awaitable, Clock } from '../../contract.js';
import { TidemarkError } from '../../errors.js';
import type { AnyModel } from '../../model.js';
import type { ConnectionOptions, Credentials, Realtime } from '../../realtime-verbs.js';

/** What is needed of a tide. */
export interface LiveTide<M extends AnyModel, Principal> {
  readonly realtime: Pick<Realtime<M, Principal>, 'connect'>;
}

/** What clients may do on a link, whatever it is made of. */
export interface LinkOptions<M extends AnyModel, Principal, Request> extends Pick<
  ConnectionOptions<M, Principal>,
  'rooms' | 'signals' | 'maxSubscriptions' | 'maxFramesPerMinute'
> {
  /** Who a request is from. Null, undefined or an error is a no, and the client is told nothing more than that. */
  readonly authenticate?: ((request: Request) => Awaitable<Credentials<Principal> | null | undefined>) | undefined;
  /** Measures silence. Default: this machine's. */
  readonly clock?: Clock | undefined;
}

/** The same for all connections of a host. */
export function connectionOptions<M extends AnyModel, Principal>({
  rooms,
  signals,
  maxSubscriptions,
  maxFramesPerMinute,
}: LinkOptions<M, Principal, never>) {
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

export const refusal = (): TidemarkError =>
  new TidemarkError('UNAUTHORIZED', 'link: expected credentials that are good, got none.');
