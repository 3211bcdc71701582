import type { Kingdom, Settlement } from './model.js';

/** What a replica and the parent say to each other. All of it survives JSON, all times are of `now()`. */

/** How a replica connects: to Redis, or to Postgres. */
export type Connection = RedisConnection | PostgresConnection;

/** Options of a pool of pg, with the addresses of the proxies. */
export interface PostgresConnection {
  readonly client: object;
  readonly subscriber: object;
}

/** Options of ioredis, with the addresses of the proxies. */
export interface RedisConnection {
  readonly cluster: boolean;
  /** Of a cluster. */
  readonly nodes: readonly { readonly host: string; readonly port: number }[];
  readonly client: object;
  readonly subscriber: object;
}

export interface HostOptions {
  readonly name: string;
  readonly connection: Connection;
  readonly schema: string;
  /** Options of createTidemark() that are plain data. */
  readonly tide: object;
  /** How far the wall clock of this replica is off. */
  readonly skewMs: number;
}

// ── What was seen ───────────────────────────────────────────────────────────────────────────────────────────────

export type Seen = readonly (readonly [id: string, version: number])[];

/** One read of `record:<id>`, `list:<kingdom>`, `view:<kingdom>` or `key:<kingdom>`. */
export interface Read {
  readonly what: string;
  readonly start: number;
  readonly end: number;
  /** Undefined if it failed. */
  readonly seen?: Seen | undefined;
  readonly error?: string | undefined;
  /** `consistency: 'strong'`. */
  readonly strong: boolean;
  /** It had to be at least as new as this. */
  readonly after?: readonly [id: string, version: number] | undefined;
}

/** `change()` of a version that had been committed before. */
export interface Changed {
  readonly id: string;
  readonly version: number;
  readonly start: number;
  readonly end: number;
  readonly state?: 'done' | 'queued' | undefined;
  readonly changeId?: string | undefined;
  /** When the store had its marks; undefined for what waits. From then on nobody who reads again gets anything older. */
  readonly bumpedAt?: number | undefined;
  readonly receipt?: string | undefined;
  readonly error?: string | undefined;
}

/** A change that waited has reached the store. */
export interface Sent {
  readonly changeId: string;
  readonly at: number;
}

/** What a subscription to one entity was given: a version, or null for `resync`. */
export interface Heard {
  readonly subscription: string;
  readonly id: string;
  readonly version: number | null;
  readonly reason?: string | undefined;
  readonly at: number;
}

/** Events of the tide's own life. */
export interface Event {
  readonly name: string;
  readonly detail: string;
  readonly at: number;
}

export interface Batch {
  readonly reads: readonly Read[];
  readonly changes: readonly Changed[];
  readonly sent: readonly Sent[];
  readonly heard: readonly Heard[];
  readonly events: readonly Event[];
}

// ── Calls ───────────────────────────────────────────────────────────────────────────────────────────────────────

export interface Load {
  /** Reads under way at once. */
  readonly readers: number;
  /** Of each reader between two reads. */
  readonly pauseMs: number;
  /** What is read, at random. */
  readonly targets: readonly string[];
  /** The entities that this replica alone changes, in turn. */
  readonly writes: readonly string[];
  readonly writePauseMs: number;
  /** How many of the reads name the latest receipt of something they read. */
  readonly afterShare: number;
  /** How many of them are strong. */
  readonly strongShare: number;
}

export interface Verbs {
  /** Becomes this replica; `close` ends that. */
  open(options: HostOptions): Promise<void>;
  ready(): Promise<void>;
  read(what: string, options?: ReadOptions): Promise<Read>;
  /** Commits at the origin, then announces it. */
  change(id: string): Promise<Changed>;
  /** So many callers at once, each by a scope of its own; how long the last one took. */
  herd(what: string, callers: number): Promise<{ readonly ms: number; readonly versions: readonly number[] }>;
  load(load: Load): Promise<void>;
  rest(): Promise<void>;
  subscribe(ids: readonly string[]): Promise<void>;
  stats(): Promise<{
    readonly hits: number;
    readonly misses: number;
    readonly tier2Hits: number;
    readonly loads: number;
    readonly entries: number;
  }>;
  resetStats(): Promise<void>;
  close(): Promise<void>;
}

/** A version, and the receipt of its change. */
export interface Receipted {
  readonly id: string;
  readonly version: number;
  readonly receipt: string;
}

export interface ReadOptions {
  readonly after?: Receipted | undefined;
  readonly consistency?: 'strong' | 'bounded' | undefined;
}

export type Verb = keyof Verbs;

// ── Messages ────────────────────────────────────────────────────────────────────────────────────────────────────

export interface Question {
  readonly kind: 'byIds' | 'childrenOf' | 'commit';
  readonly type: string;
  readonly ids: readonly string[];
}

export interface Written {
  readonly before: Settlement | null;
  readonly after: Settlement;
}

export type FromHost =
  | { readonly kind: 'question'; readonly n: number; readonly question: Question }
  | { readonly kind: 'reply'; readonly n: number; readonly result?: unknown; readonly error?: string }
  | { readonly kind: 'batch'; readonly batch: Batch };

export interface Answer {
  readonly rows?: readonly (Kingdom | Settlement)[];
  readonly written?: Written;
}

export type ToHost =
  | { readonly kind: 'call'; readonly n: number; readonly verb: Verb; readonly args: readonly unknown[] }
  | ({ readonly kind: 'answer'; readonly n: number } & Answer)
  /** The latest change of an entity, by any replica. */
  | ({ readonly kind: 'receipt' } & Receipted);
