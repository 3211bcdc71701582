import type { Clock } from '../../contract.js';
import { TidemarkError } from '../../errors.js';
import { isWellFormed } from './names.js';

type Argument = string | Buffer | number;
/** What a server answers to `callBuffer`. */
export type Reply = Buffer | number | null | readonly Reply[];
export type Listener = (...args: unknown[]) => void;

/** What the adapter looks at of a client's options. */
export interface RedisClientOptions {
  readonly db?: number | undefined;
  readonly keyPrefix?: string | undefined;
  /** Sentinel: 'slave' reads from a replica. */
  readonly role?: string | undefined;
  readonly readOnly?: boolean | undefined;
  /** Cluster: where reads go. */
  readonly scaleReads?: unknown;
  /** Cluster: subscriptions go to the node that holds the channel's slot. */
  readonly shardedSubscribers?: boolean | undefined;
}

/**
 * A client of the host: ioredis 5 or 6, `Redis` (single, Sentinel) or `Cluster`, or what has their shape. Whoever made
 * it closes it.
 */
export interface RedisClient {
  /** Sends a command; bulk replies come as buffers. */
  callBuffer(command: string, ...args: Argument[]): Promise<unknown>;
  pipeline(commands: unknown[][]): {
    exec(): Promise<readonly (readonly [error: Error | null, reply: unknown])[] | null>;
  };
  on(event: string, listener: Listener): unknown;
  off(event: string, listener: Listener): unknown;
  readonly options: RedisClientOptions;
  readonly isCluster?: boolean | undefined;
  /** Cluster only. */
  nodes?(role: 'master'): RedisNode[];
}

/** One server of a cluster. */
export type RedisNode = Pick<RedisClient, 'callBuffer'>;

/** A connection of its own for subscriptions: `client.duplicate()`. */
export type RedisSubscriber = Pick<RedisClient, 'callBuffer' | 'on' | 'off' | 'options' | 'isCluster'>;

export interface ClientOptions {
  readonly client: RedisClient;
  /** Before every key and channel, so that what else lies in the same database is left alone. Default none. */
  readonly prefix?: string | undefined;
  /** Measures pings and waits between attempts. */
  readonly clock?: Pick<Clock, 'after' | 'now'> | undefined;
}

export interface SubscriberOptions extends ClientOptions {
  /** A connection of its own for subscriptions: `client.duplicate()`. */
  readonly subscriber: RedisSubscriber;
  /** Uniform in [0, 1), for epochs. Default: the operating system's generator. */
  readonly random?: (() => number) | undefined;
}

/** Throws INVALID_OPTION for what is no client, or one whose own prefix would reach keys but neither channels nor globs. */
export function checkClient(client: RedisSubscriber | undefined, name = 'client', wanted = 'an ioredis client'): void {
  if (typeof client?.callBuffer !== 'function') refuse(name, wanted, client === null ? 'null' : typeof client);
  const { keyPrefix } = client.options;
  if (keyPrefix) refuse(name, 'no keyPrefix, but the option prefix', JSON.stringify(keyPrefix));
}

/** Throws INVALID_OPTION unless the two can serve Marks: a subscriber apart, and answers of the primary. */
export function checkClients({ client, subscriber }: SubscriberOptions): void {
  checkClient(client);
  const apart = 'an ioredis client of its own for subscriptions, client.duplicate()';
  checkClient(subscriber, 'subscriber', apart);
  if ((subscriber as object) === client) refuse('subscriber', apart, 'the same as client');
  // A replica's marks are those of a moment ago.
  const { scaleReads = 'master', readOnly = false, role = 'master' } = client.options;
  const primary = 'one that reads from the primary';
  if (scaleReads !== 'master')
    refuse('client', primary, `scaleReads ${JSON.stringify(scaleReads) ?? typeof scaleReads}`);
  if (readOnly) refuse('client', primary, 'readOnly true');
  if (role === 'slave') refuse('client', primary, 'role "slave"');
}

/** Throws INVALID_OPTION for a prefix that would decide the slot of a key in a cluster, or has no bytes of its own. */
export function checkPrefix(prefix = ''): string {
  if (/[{}]/.test(prefix) || !isWellFormed(prefix))
    refuse('prefix', "text without '{' and '}'", JSON.stringify(prefix));
  return prefix;
}

function refuse(name: string, expected: string, got: string): never {
  throw new TidemarkError('INVALID_OPTION', `${name}: expected ${expected}, got ${got}.`);
}

/**
 * What all adapters over one client have in common, of an ESM and a CJS copy even. It is kept on the client, whose state
 * it describes.
 */
export function sharedOn<Shared extends object>(client: object, name: string, make: () => Shared): Shared {
  const key = Symbol.for(`tidemark.redis.${name}`);
  const holder = client as Record<symbol, Shared | undefined>;
  if (holder[key] === undefined) Object.defineProperty(holder, key, { value: make() });
  return holder[key] as Shared;
}

/** Keeps a client's 'error' events from going unhandled; returns the function that stops it, which may be called again. */
export function listenForErrors(client: Pick<RedisClient, 'on' | 'off'>): () => void {
  // A call that fails says so itself.
  const shared = sharedOn(client, 'errors', () => ({ listeners: new Set<object>(), ignore: (): void => {} }));
  const mine = {};
  if (shared.listeners.size === 0) client.on('error', shared.ignore);
  shared.listeners.add(mine);
  return () => {
    if (shared.listeners.delete(mine) && shared.listeners.size === 0) client.off('error', shared.ignore);
  };
}
