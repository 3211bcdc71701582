/**
 * What the core asks of the outside: types and comments, no code. Each contract is small enough to guess and has a
 * suite of cases in `tidemark/testing` that every implementation passes.
 */

declare const subjectBrand: unique symbol;
/** The text of a subject, made by `subject.ts` only. Equal texts are the same subject; the text never needs parsing by an adapter. */
export type SubjectKey = string & { readonly [subjectBrand]: true };

export type Awaitable<T> = T | PromiseLike<T>;

// ── Time ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Time and scheduling as parameters. Tests pass `fakeClock()`. */
export interface Clock {
  /** Monotonic milliseconds; only differences mean anything. */
  now(): number;
  /** Wall-clock milliseconds since 1970, for people to read. Never compared with another machine's. */
  wallNow(): number;
  /** Calls `run` once after `delayMs`; returns the function that cancels it. Must not keep the process alive. */
  after(delayMs: number, run: () => void): () => void;
  /** Calls `run` once everything already queued in this turn of the event loop has run: the end of a batch. */
  defer(run: () => void): void;
  /** Calls `run` before control returns to the event loop: where a time that was read once ends. */
  turnEnd(run: () => void): void;
}

// ── Tier 1 ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** An in-process map. A `Map` fits, an `lru-cache` too. It may forget anything at any time; it may not change values. */
export interface LocalStore<Value = unknown> {
  get(key: string): Value | undefined;
  set(key: string, value: Value): unknown;
  delete(key: string): unknown;
  clear(): void;
  readonly size: number;
}

// ── Tier 2 ──────────────────────────────────────────────────────────────────────────────────────────────────────

export interface StoredValue {
  readonly value: Uint8Array;
  /** Milliseconds left to live; undefined if it never expires or the store cannot tell. */
  readonly ttlMs?: number | undefined;
}

export interface StoreEntry {
  readonly key: string;
  readonly value: Uint8Array;
  /** Milliseconds to live, above 0; undefined: until evicted. */
  readonly ttlMs?: number | undefined;
}

/** Orders writes to one key: within an epoch the higher position is newer; another epoch is always newer. */
export interface StoreVersion {
  readonly epoch: string;
  readonly position: number;
}

export interface StoreInfo {
  readonly pingMs: number;
  readonly memoryUsedBytes: number | null;
  readonly memoryLimitBytes: number | null;
  readonly policy: string | null;
  /** Keys by type, an estimate where counting would be a walk. */
  readonly keyCountByType: Readonly<Record<string, number>>;
}

/** What a store cannot do, said beforehand. What is left out it can. */
export interface StoreCapabilities {
  /**
   * False: `setIfAbsent`, `setIfNewer`, `renewIf` and `deleteIf` are a read and a write, between which another process may
   * write. Values stay right by their marks, and an older one that wins is a miss. A lease would be worth nothing: the
   * core takes none.
   */
  readonly atomic?: boolean | undefined;
  /** False: `scan` rejects with STORE_FAILED. */
  readonly scan?: boolean | undefined;
  /** False: the `keyCountByType` of `info` is empty. */
  readonly count?: boolean | undefined;
}

/** Bytes by key, shared by replicas, in batches only. Keys are final. It may lose anything at any time. */
export interface Store {
  /** Undefined: it can do all that follows. A store that wraps another passes this on. */
  readonly capabilities?: StoreCapabilities | undefined;
  /** One answer per key, in the order of the keys; undefined where absent. One round trip per node. */
  getMany(keys: readonly string[]): Promise<readonly (StoredValue | undefined)[]>;
  setMany(entries: readonly StoreEntry[]): Promise<void>;
  /** True if the key was absent and is now set. */
  setIfAbsent(key: string, value: Uint8Array, ttlMs: number): Promise<boolean>;
  /** Applies a write (`value`) or a deletion (`null`) unless the key was last written by a newer version. True if applied. */
  setIfNewer(key: string, value: Uint8Array | null, version: StoreVersion, ttlMs?: number): Promise<boolean>;
  /** Extends the life of a key that still holds exactly these bytes. True if it did. */
  renewIf(key: string, value: Uint8Array, ttlMs: number): Promise<boolean>;
  /** Deletes a key that still holds exactly these bytes. True if it did. */
  deleteIf(key: string, value: Uint8Array): Promise<boolean>;
  /** How many of the keys existed. */
  deleteMany(keys: readonly string[]): Promise<number>;
  /** Pages of keys that match a Redis glob, over every node. Keys that live throughout the scan are seen at least once. */
  scan(glob: string): AsyncIterable<readonly string[]>;
  /** `typeOf` says what a key counts as; null for not at all. Default: the text before its first ':'. */
  info(typeOf?: (key: string) => string | null): Promise<StoreInfo>;
  /** Releases what the adapter itself opened. Idempotent. Whoever made a client closes it. */
  close(): Promise<void>;
}

// ── Marks ───────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * A subject's latest change. Minted by Marks, once per execution of a bump, never twice. Equality of all three fields
 * decides freshness; `position` only orders tokens of one partition and epoch. A subject that was never bumped in
 * this epoch has position 0 and an empty nonce.
 */
export interface Token {
  readonly epoch: string;
  readonly position: number;
  readonly nonce: string;
}

export interface Head {
  readonly partition: number;
  readonly epoch: string;
  /** Position of the last bump in this partition and epoch; 0 before the first. */
  readonly head: number;
  /** Nonce of the bump at `head`; empty before the first. Two nonces at one position: the store went back. */
  readonly nonce: string;
  /**
   * The epoch that this one replaced, and up to which position its bumps are known to have been here when it ended.
   * Null where nothing is known of one, as after a flush.
   */
  readonly from: { readonly epoch: string; readonly head: number } | null;
}

export interface MarksRead {
  /** One token per subject, in the order of the subjects. */
  readonly tokens: readonly Token[];
  /** How long ago each was minted, for position 0 how long ago the epoch began: milliseconds by the store's own clock. */
  readonly agesMs: readonly number[];
  /** The heads of the partitions touched, taken atomically with their tokens. */
  readonly heads: readonly Head[];
}

export interface Fetched {
  /** One answer per key, as `Store.getMany` gives. */
  readonly entries: readonly (StoredValue | undefined)[];
  /** The subjects that `read` answers: those asked for, then what else of `subjectsOf` could be had in the same trip. */
  readonly subjects: readonly SubjectKey[];
  readonly read: MarksRead;
}

/**
 * Values and marks in one round trip, values not newer than the marks. `subjectsOf` gives the subjects that a value
 * names; an implementation that cannot call it where the values are reads them from the value's documented header, or
 * answers those asked for only.
 */
export type Fetch = (
  keys: readonly string[],
  subjects: readonly SubjectKey[],
  subjectsOf: (value: Uint8Array) => readonly SubjectKey[],
) => Promise<Fetched>;

/** What one bump did in one partition, and what every watcher of that partition is told, in order. */
export interface Bump {
  readonly partition: number;
  readonly epoch: string;
  /** The head before this bump. */
  readonly prev: number;
  /** The head after it: with `epoch` and `nonce` the new token of every subject listed. */
  readonly position: number;
  readonly nonce: string;
  readonly subjects: readonly SubjectKey[];
  readonly changeId: string;
  /** Globs of keys deleted by pattern, when `subjects` holds the one of all pattern deletions. */
  readonly globs: readonly string[];
}

export interface BumpRequest {
  readonly changeId: string;
  /** From the caller's random; Marks adds what makes it unique per execution. */
  readonly nonce: string;
  /** Announced with the partition that holds the subject of all pattern deletions. Default none. */
  readonly globs?: readonly string[] | undefined;
}

export interface MarksWatcher {
  onBump(bump: Bump): void;
  /** Messages of this partition (undefined: of any) may have been lost. */
  onGap(partition: number | undefined): void;
}

/** Where correctness lives: the latest token of each subject. */
export interface Marks {
  /**
   * Subjects are spread by `partitionOf(subject, partitions)`. Where replicas could be configured differently, the store
   * remembers the number, and every call of a replica with another one rejects with INVALID_OPTION.
   */
  readonly partitions: number;
  /**
   * How to read values of this store together with marks; null where the two do not lie together. `suffix` is appended
   * to the subjects that values name, as a namespace does; those asked for have it already.
   */
  fetchFrom?(store: Store, suffix?: string): Fetch | null;
  read(subjects: readonly SubjectKey[]): Promise<MarksRead>;
  /** One atomic bump, with its announcement, per partition concerned. Resolves once all are acknowledged. */
  bump(subjects: readonly SubjectKey[], request: BumpRequest): Promise<readonly Bump[]>;
  /** The heads of all partitions, in order of partition. */
  heads(): Promise<readonly Head[]>;
  /**
   * Gives a partition a new epoch if it still has `ifEpoch`; returns the head it has now. Nothing is known of what the
   * old one lost: the new one is `from` position 0 of it.
   */
  newEpoch(partition: number, ifEpoch: string): Promise<Head>;
  /** Resolves, once acknowledged, with the function that stops watching. No bump accepted after that is missed silently. */
  watch(watcher: MarksWatcher): Promise<() => Promise<void>>;
  close(): Promise<void>;
}

// ── Bus ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Where a message stands in its topic. Another epoch: the history before it is gone. */
export interface BusPosition {
  readonly epoch: string;
  /** 1 for the first message of an epoch. */
  readonly offset: number;
}

export interface BusMessage {
  readonly position: BusPosition;
  readonly bytes: Uint8Array;
}

export interface BusListener {
  onMessage(message: BusMessage): void;
  /** Messages may have been lost; `read` from the last position tells. */
  onGap(): void;
  onState?(state: 'live' | 'recovering'): void;
}

export interface BusHistory {
  readonly messages: readonly BusMessage[];
  /** The topic's present end; offset 0 if nothing was published in this epoch. */
  readonly top: BusPosition;
  /** True if messages between `since` and the first one returned are gone. */
  readonly truncated: boolean;
}

/** Pub/sub with positions. Per topic in order; publishing with an id already seen has no effect. */
export interface Bus {
  publish(topic: string, bytes: Uint8Array, message: { readonly id: string }): Promise<BusPosition>;
  /** Resolves, once acknowledged, with the function that unsubscribes. */
  subscribe(topic: string, listener: BusListener): Promise<() => Promise<void>>;
  /** Messages after `since` (undefined: none, just `top`), oldest first, at most `limit`. */
  read(topic: string, since: BusPosition | undefined, limit: number): Promise<BusHistory>;
  /** Topics without history, apart from the others. */
  readonly ephemeral?: EphemeralTopics | undefined;
  close(): Promise<void>;
}

/** For what matters only now, such as where somebody points: no positions, nothing is kept, any message may be lost or overtaken. */
export interface EphemeralTopics {
  /** Resolves once it is on its way; at most 4,096 bytes. */
  send(topic: string, bytes: Uint8Array): Promise<void>;
  /** What is sent from the acknowledgement on. Resolves with the function that ends it. */
  listen(topic: string, onMessage: (bytes: Uint8Array) => void): Promise<() => Promise<void>>;
}

// ── Origin ──────────────────────────────────────────────────────────────────────────────────────────────────────

export interface OriginContext {
  readonly branch: string;
  /**
   * The reader's branch, its parent, … the root: of rows with one id the first one counts. One name where the model has no
   * branches, and for a branch that does not exist.
   */
  readonly branches: readonly string[];
  /** Fires when nobody waits any more: after `originTimeoutMs`, or when the tide closes. */
  readonly signal: AbortSignal;
  /** True if something asked for was changed within the last few seconds: read it from the primary. */
  readonly recentlyChanged: boolean;
  /** The handle a transaction was given, when the read is part of one. */
  readonly via?: unknown;
}

/** Rows in any order, absent ones left out; or a map that can also fail single ids. */
export type OriginAnswer<Id, Row> = ReadonlyMap<Id, Row | Error | null | undefined> | Iterable<Row>;

/** All rows whose link names one of these parents, in any order. */
export type ChildrenOf<ParentId, Row> = (
  parentIds: readonly ParentId[],
  context: OriginContext,
) => Awaitable<Iterable<Row>>;

/** Where one entity type is loaded from. `ids` are unique and never empty. */
export interface EntityOrigin<Id, Row, Links extends object = Readonly<Record<string, ChildrenOf<unknown, Row>>>> {
  byIds(ids: readonly Id[], context: OriginContext): Awaitable<OriginAnswer<Id, Row>>;
  /** Every row of the type, deleted ones left out or not. Fills the embedded spatial index. */
  all?(context: OriginContext): Iterable<Row> | AsyncIterable<Row>;
  /** By parent type. */
  readonly childrenOf?: Links | undefined;
}

// ── Databases ───────────────────────────────────────────────────────────────────────────────────────────────────

export type { Outbox, OutboxInfo, OutboxRow, Sql, SweepOptions, Swept, SweptRow } from './contract/database.js';

// ── Where things are ────────────────────────────────────────────────────────────────────────────────────────────

/** In the units of the model's SRID; for SRID 4326 `x` is the longitude and `y` the latitude, in degrees. */
export interface Position {
  readonly x: number;
  readonly y: number;
}

/** Closed: what lies on the border is inside. */
export interface Box {
  readonly minX: number;
  readonly minY: number;
  readonly maxX: number;
  readonly maxY: number;
}

/** GeoJSON, in the model's SRID. Rings are closed. */
export interface Geometry {
  readonly type: string;
  readonly coordinates?: unknown;
  readonly geometries?: readonly Geometry[] | undefined;
}

/** How coordinates are to be understood. */
export interface SpatialSystem {
  readonly srid: number;
  /** Geodesic: metres along the WGS 84 ellipsoid, SRID 4326 only. Planar: units of the SRID. */
  readonly distance: 'planar' | 'geodesic';
}

/** What can be asked about the entities of a type. Every number was checked; polygons are valid. */
export type SpatialQuestion =
  /** At most `radius` away. */
  | { readonly kind: 'near'; readonly point: Position; readonly radius: number }
  /** The `count` that are nearest, of those at most `maxDistance` away; `limit` is not given beside it. */
  | {
      readonly kind: 'nearest';
      readonly point: Position;
      readonly count: number;
      readonly maxDistance: number | undefined;
    }
  /** With a point in common with one of these boxes: two for a box across the antimeridian. */
  | { readonly kind: 'inBox'; readonly boxes: readonly Box[] }
  /** With no point outside a polygon, its border included; strict: and with one in its interior. */
  | { readonly kind: 'within'; readonly region: Geometry; readonly strict: boolean }
  /** Regions that have this point, their border included; strict: in their interior. */
  | { readonly kind: 'containing'; readonly point: Position; readonly strict: boolean };

export interface SpatialFilter {
  readonly field: string;
  readonly oneOf: readonly (string | number | boolean | null)[];
}

export interface SpatialAsk {
  readonly type: string;
  readonly system: SpatialSystem;
  /** The reader's branch, its parent, … the root: of rows with one id the first one counts. One name where there are none. */
  readonly branches: readonly string[];
  readonly question: SpatialQuestion;
  /** Only entities all of whose named fields have one of these values. */
  readonly where: readonly SpatialFilter[];
  /** At most so many, the first ones; undefined: all. */
  readonly limit: number | undefined;
  readonly signal: AbortSignal;
}

export interface SpatialMatch {
  readonly id: string | number | bigint;
  /** From the point asked about; 0 for what contains it. Null where nothing was asked about a distance. */
  readonly distance: number | null;
}

/** What keeps a back end from answering well, and the SQL that mends it. */
export interface SpatialFault {
  readonly type: string | null;
  readonly what: string;
  readonly mend: string | null;
}

/** Where entities are, kept outside this process: PostGIS. Without one an index in the process is filled from `origin.all`. */
export interface Spatial {
  /** `near` and `nearest` by distance, then id; the others by id. Text ids in the order of their code units. */
  find(ask: SpatialAsk): Promise<readonly SpatialMatch[]>;
  /** 0 if they have a point in common. */
  distance(a: Geometry, b: Geometry, system: SpatialSystem): Promise<number>;
  /** Whether their interiors meet and neither lies in the other: ST_Overlaps. */
  overlaps(a: Geometry, b: Geometry, system: SpatialSystem): Promise<boolean>;
  /** Asked by `tide.ready()`; empty if all is well. */
  check(types: readonly string[], system: SpatialSystem): Promise<readonly SpatialFault[]>;
}
