import type { Config } from '../../config.js';
import type { Sql } from '../../contract.js';
import { messageOf } from '../../errors.js';
import { loadPackage } from '../host-module.js';
import type { OpenRedis, RedisAddress, RedisConnection } from './redis-facts.js';

/** How long a server may take to answer at all. */
const PATIENCE_MS = 5_000;

/** Where a server is, without what lets one in. */
export interface Target<Options> {
  readonly where: string;
  readonly isLocal: boolean;
  readonly options: Options;
  /** Not to be printed, whatever an error says. */
  readonly secrets: readonly string[];
}

export interface DatabaseOptions {
  readonly connectionString: string;
}

/** Which database of the server the app uses is of no matter here: all of them are looked at. */
export interface RedisOptions extends RedisAddress {
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly tls: object | undefined;
}

const LOCAL = ['localhost', '127.0.0.1', '::1', ''];

/** Throws with a sentence that shows nothing of what was given. */
function urlOf(option: string, text: string, protocols: readonly string[]): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && protocols.includes(url.protocol)) return url;
  throw new Error(`${option}: expected a URL beginning with ${protocols.map((one) => `${one}//`).join(' or ')}.`);
}

const decoded = (text: string): string | undefined => {
  try {
    return text === '' ? undefined : decodeURIComponent(text);
  } catch {
    return text;
  }
};

const secretsOf = (url: URL): readonly string[] =>
  [url.password, decoded(url.password) ?? ''].filter((secret) => secret !== '');

export function redisTarget(option: string, text: string): Target<RedisOptions> {
  const url = urlOf(option, text, ['redis:', 'rediss:']);
  const host = url.hostname.replace(/^\[|\]$/g, '') || '127.0.0.1';
  const port = Number(url.port || 6379);
  const options = {
    ...{ host, port, username: decoded(url.username), password: decoded(url.password) },
    tls: url.protocol === 'rediss:' ? {} : undefined,
  };
  return { where: `${host}:${String(port)}`, isLocal: LOCAL.includes(host), options, secrets: secretsOf(url) };
}

export function redisOfConfig(redis: NonNullable<Config['redis']>): Target<RedisOptions> {
  if (redis.url !== null) return redisTarget('REDIS_URL', redis.url);
  const { port, password } = redis;
  const host = redis.host ?? '127.0.0.1';
  return {
    where: `${host}:${String(port)}`,
    isLocal: LOCAL.includes(host),
    options: { host, port, username: undefined, password: password ?? undefined, tls: undefined },
    secrets: password === null ? [] : [password],
  };
}

export function databaseTarget(option: string, text: string): Target<DatabaseOptions> {
  const url = urlOf(option, text, ['postgres:', 'postgresql:']);
  const host = url.hostname || 'localhost';
  const named = `${host}:${url.port || '5432'}${url.pathname}`;
  return { where: named, isLocal: LOCAL.includes(host), options: { connectionString: text }, secrets: secretsOf(url) };
}

interface IoredisOptions {
  readonly Redis: new (options: object) => RedisConnection;
}

/** Connections by the ioredis of the project, which give up rather than wait. */
export async function redisOpener(cwd: string, { options }: Target<RedisOptions>): Promise<OpenRedis> {
  const { Redis } = (await loadPackage(cwd, 'ioredis', 'Looking at Redis')) as unknown as IoredisOptions;
  return async (address) => {
    const connection = new Redis({
      ...options,
      ...address,
      ...{ lazyConnect: true, enableReadyCheck: false, connectTimeout: PATIENCE_MS, commandTimeout: PATIENCE_MS },
      ...{ retryStrategy: () => null, maxRetriesPerRequest: 0, monitor: false },
    });
    let said: unknown;
    connection.on('error', (error?: unknown) => {
      said ??= error;
    });
    try {
      await connection.connect();
    } catch (error) {
      connection.disconnect();
      // 'Connection is closed.' is what is left of it where the event said why.
      throw said ?? error;
    }
    return connection;
  };
}

export interface DatabaseClient extends Sql {
  connect(): Promise<void>;
  end(): Promise<void>;
  on(event: 'error', listener: () => void): unknown;
}

interface PgPackage {
  readonly Client: new (options: object) => DatabaseClient;
}

/** A connection by the `pg` of the project, yet to be made, which gives up rather than wait. */
export async function databaseClient(cwd: string, { options }: Target<DatabaseOptions>): Promise<DatabaseClient> {
  const { Client } = (await loadPackage(cwd, 'pg', 'Looking at PostgreSQL')) as unknown as PgPackage;
  const client = new Client({
    ...options,
    ...{ connectionTimeoutMillis: PATIENCE_MS, query_timeout: PATIENCE_MS, application_name: 'tidemark doctor' },
  });
  client.on('error', () => undefined);
  return client;
}

/** What an error says, without what must not be printed. */
export function saidBy(error: unknown, secrets: readonly string[]): string {
  const errors = error instanceof AggregateError ? (error.errors as readonly unknown[]) : [error];
  const text = errors.map(messageOf).join('; ');
  return secrets.reduce((left, secret) => left.replaceAll(secret, '***'), text);
}
