import type { Clock } from '../../contract.js';
import { TidemarkError } from '../../errors.js';
import { isWellFormed } from '../../names.js';

/** What a server answers to a command whose name ends in `Buffer`. */
export type Reply = Buffer | number | null | readonly Reply[];
export type Argument = string | Buffer | number;
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
  /** Whether it subscribes again by itself. */
  autoResubscribe?: boolean | undefined;
}

/*
 * Clients of the host: ioredis 5 or 6, `Redis` (single, Sentinel) or `Cluster`, or what has their shape. Whoever made one
 * closes it. Commands go by their own methods: `call` loses the command's name where ioredis pipelines by itself
 * (`enableAutoPipelining`).
 */

interface Emitter {
  on(event: string, listener: Listener): unknown;
  off(event: string, listener: Listener): unknown;
}

/** One server, of a cluster perhaps. */
export interface RedisNode {
  evalsha(digest: string, keys: number, ...args: Argument[]): Promise<unknown>;
  eval(source: string, keys: number, ...args: Argument[]): Promise<unknown>;
  ping(): Promise<unknown>;
  info(section: string): Promise<unknown>;
  dbsize(): Promise<unknown>;
}

export interface RedisClient extends RedisNode, Emitter {
  pipeline(commands: unknown[][]): {
    exec(): Promise<readonly (readonly [error: Error | null, reply: unknown])[] | null>;
  };
  publish(channel: string, message: Buffer): Promise<unknown>;
  spublish(channel: string, message: Buffer): Promise<unknown>;
  readonly options: RedisClientOptions;
  readonly isCluster?: boolean | undefined;
  /** Cluster only. */
  nodes?(role: 'master'): RedisNode[];
}

/** A connection of its own for subscriptions: `client.duplicate()`. */
export interface RedisSubscriber extends Emitter {
  subscribe(...channels: string[]): Promise<unknown>;
  unsubscribe(...channels: string[]): Promise<unknown>;
  ssubscribe(...channels: string[]): Promise<unknown>;
  sunsubscribe(...channels: string[]): Promise<unknown>;
  /** Asked of it only by who follows topics by pattern. */
  psubscribe?(...patterns: string[]): Promise<unknown>;
  punsubscribe?(...patterns: string[]): Promise<unknown>;
  readonly options: RedisClientOptions;
  readonly isCluster?: boolean | undefined;
}

/** A node whose scripts answer in buffers: every ioredis has these methods, and no version declares them. */
export interface BufferNode {
  evalshaBuffer: RedisNode['evalsha'];
  evalBuffer: RedisNode['eval'];
}

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
export function checkClient(client: RedisClient | undefined): void {
  check(client, { name: 'client', verb: 'evalshaBuffer', expected: 'an ioredis client' });
}

interface Expected {
  readonly name: string;
  /** A method that only such a client has. */
  readonly verb: string;
  readonly expected: string;
}

function check(client: { readonly options: RedisClientOptions } | undefined, { name, verb, expected }: Expected): void {
  const held = client as Record<string, unknown> | null | undefined;
  if (typeof held?.[verb] !== 'function') refuse(name, expected, held == null ? String(held) : `one without ${verb}()`);
  const keyPrefix = client?.options.keyPrefix;
  if (keyPrefix) refuse(name, 'no keyPrefix, but the option prefix', JSON.stringify(keyPrefix));
}

/** Throws INVALID_OPTION unless the two can serve Marks: a subscriber apart, and answers of the primary. */
export function checkClients({ client, subscriber }: SubscriberOptions): void {
  checkClient(client);
  const apart = 'an ioredis client of its own for subscriptions, client.duplicate()';
  check(subscriber, { name: 'subscriber', verb: 'subscribe', expected: apart });
  if (subscriber.isCluster === true && subscriber.options.shardedSubscribers !== true) {
    const says = 'a Cluster with shardedSubscribers true, or a Redis connected to one of its nodes';
    refuse('subscriber', says, 'a Cluster that does not say when its subscriptions were interrupted');
  }
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
export function listenForErrors(client: Emitter): () => void {
  // A call that fails says so itself.
  const shared = sharedOn(client, 'errors', () => ({ listeners: new Set<object>(), ignore: (): void => {} }));
  const mine = {};
  if (shared.listeners.size === 0) client.on('error', shared.ignore);
  shared.listeners.add(mine);
  return () => {
    if (shared.listeners.delete(mine) && shared.listeners.size === 0) client.off('error', shared.ignore);
  };
}
