import type { FrameTarget, PlainValue } from '../realtime/frames.js';
import type { Overflow, SubscriptionItem } from '../watching.js';
import type { Platform } from './platform.js';

/** The subscription is permitted: what is announced from its cursor on comes. To begin, fetch now. */
export interface SubscribedItem {
  readonly kind: 'subscribed';
  readonly cursor: string;
}

/** The last item: the server has ended the subscription, or did not begin it. */
export interface EndedItem {
  readonly kind: 'ended';
  /** A code of a TidemarkError, such as `REVOKED` or `UNAUTHORIZED`. */
  readonly code: string;
  readonly message: string;
}

/** Another client says something to those who follow the same. It has no place among the others. */
export interface SignalItem {
  readonly kind: 'signal';
  /** Names the connection of that client. */
  readonly from: string;
  readonly value: PlainValue;
}

/** What a subscriber is told. */
export type ClientItem = SubscriptionItem | SubscribedItem | EndedItem | SignalItem;

export interface ClientSubscribeOptions {
  readonly branch?: string | undefined;
  /** The cursor of the last item seen, from wherever: go on right after it, or be told `resync`. */
  readonly since?: string | undefined;
  /** What happens if this client falls behind. Default `'resync'`. */
  readonly overflow?: Overflow | undefined;
}

/**
 * `connecting`: on its way. `open`: the server has said welcome. `waiting`: for the next attempt, or for the first subscription.
 * `refused`: the server does not want this client, and it does not come back by itself. `closed`: by `close()`.
 */
export type ClientStatus = 'connecting' | 'open' | 'waiting' | 'refused' | 'closed';

export interface ClientState {
  readonly status: ClientStatus;
  /** Changes heard since the link is open that had happened before. */
  readonly caughtUp: number;
  /** Why it waits or is refused, as the server or the browser says. */
  readonly reason: string;
}

export interface ClientOptions {
  /** Where the server listens. */
  readonly url: string;
  /** Asked for each time it connects, and when a token runs out. What it throws is an attempt that failed. */
  readonly token?: (() => string | undefined | Promise<string | undefined>) | undefined;
  /** Default: `'ws'` for a url that begins with `ws`, else `'sse'`. */
  readonly transport?: 'ws' | 'sse' | undefined;
  /**
   * One connection for all tabs of an origin that name the same url, and the same name here. Default: true where a document,
   * Web Locks and BroadcastChannel exist; without those each client has its own.
   */
  readonly shared?: boolean | string | undefined;
  /** For the requests of `'sse'`. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Hears what listeners and `token` throw. Default: `reportError`, where that exists. */
  readonly onError?: ((error: unknown) => void) | undefined;
  /** What it takes from its surroundings. Default: the globals. */
  readonly platform?: Partial<Platform> | undefined;
}

export interface Client {
  readonly state: ClientState;
  /** Hears each new state, not the present one. Returns the function that ends that. */
  onState(listener: (state: ClientState) => void): () => void;
  /**
   * Tells the listener every change of the target, in order, each once, whatever happens to links, servers and tabs; where changes may
   * be missing it is told `resync` first. Returns the function that ends it.
   */
  subscribe(target: FrameTarget, listener: (item: ClientItem) => void, options?: ClientSubscribeOptions): () => void;
  /**
   * Says something to all who follow the same, if this client does, the link is a web socket and the server lets it pass: that one
   * looks, where one points. Nothing is kept, and any may be lost.
   */
  signal(target: FrameTarget, value: PlainValue, options?: { readonly branch?: string | undefined }): void;
  /** Tries at once, also if it was refused. */
  reconnect(): void;
  /** Nobody is told anything any more. Another tab takes over what this one held for all. Idempotent. */
  close(): void;
}
