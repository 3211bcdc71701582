export interface Address {
  readonly host: string;
  readonly port: number;
}
export interface RedisServer extends Address {
  /** What redis-cli prints. */
  cli(...command: string[]): string;
  kill(): Promise<void>;
  restart(): Promise<void>;
  stop(): Promise<void>;
}
export interface RedisCluster {
  readonly nodes: readonly Address[];
  readonly servers: readonly RedisServer[];
  stop(): Promise<void>;
}
export interface RedisSentinel {
  readonly name: string;
  readonly sentinels: readonly Address[];
  /** The primary, the replica and the sentinel, as they were at the start. */
  readonly servers: readonly [RedisServer, RedisServer, RedisServer];
  stop(): Promise<void>;
}
export function startRedis(
  settings?: Readonly<Record<string, string | number>>,
  /** A redis.conf. */
  file?: string,
): Promise<RedisServer>;
export function startCluster(options?: { readonly replicas?: number | undefined }): Promise<RedisCluster>;
export function startSentinel(): Promise<RedisSentinel>;
export interface PostgresServer extends Address {
  readonly url: string;
  /** The directory of its data. */
  readonly data: string;
  /** Without a signal as a crash. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  restart(): Promise<void>;
  stop(): Promise<void>;
}
export function startPostgres(settings?: Readonly<Record<string, string | number>>): Promise<PostgresServer>;
export interface PgbouncerServer extends Address {
  readonly url: string;
  stop(): Promise<void>;
}
export function startPgbouncer(
  server: Address,
  settings?: Readonly<Record<string, string | number>>,
): Promise<PgbouncerServer>;
export interface NginxServer extends Address {
  readonly url: string;
  stop(): Promise<void>;
}
export function startNginx(configure: (port: number) => string, directory?: string): Promise<NginxServer>;
