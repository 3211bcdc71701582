import type { BranchArguments, BranchOption, CallArguments, Freshness, Receipt } from './call.js';
import type { ChildrenOf, EntityOrigin, Sql } from './contract.js';
import type { TideEventName, TideListener } from './events.js';
import type { Inspection } from './inspection.js';
import type { AnyModel, ComputedOf, IdOf, Model, ParentOf, ParentRef, RecordOf, TypeName } from './model.js';
import type { Health, MergedHealth, MergedOptions, MergedStats, Stats } from './report.js';
import type { Metrics } from './metrics.js';
import type { Realtime } from './realtime-verbs.js';
import type { Rules } from './rules-verbs.js';
import type { SpatialReader, TideSpatial } from './spatial-verbs.js';
import type { Subject } from './subject.js';
import type { ChangeOp, SubscribeOptions, SubscribeTarget, SubscriptionItem } from './watching.js';

/** The public verbs as types, read off a model. No code. */

// ── Reading ─────────────────────────────────────────────────────────────────────────────────────────────────────

/** What a view's load reads through: whatever it reads, the view depends on. */
export interface Reader<M extends AnyModel> {
  readonly branch: string;
  readonly signal: AbortSignal | undefined;
  /** The record, or null if there is none or it is deleted. */
  get<T extends TypeName<M>>(type: T, id: IdOf<M, T>): Promise<RecordOf<M, T> | null>;
  /** One result per id, in order; null where there is none. Rejects if any id fails. */
  getMany<T extends TypeName<M>>(type: T, ids: readonly IdOf<M, T>[]): Promise<(RecordOf<M, T> | null)[]>;
  /** All undeleted children of one parent, in the origin's order. */
  children<T extends TypeName<M>>(type: T, parent: ParentRef<M, T>): Promise<readonly RecordOf<M, T>[]>;
  view<Params extends ViewParams, Result>(view: View<M, Params, Result>, params: Params): Promise<Result>;
  /** The values of its computed fields, as rules have them, null where none gives one; null if there is no such entity. */
  computed<T extends TypeName<M>>(type: T, id: IdOf<M, T>): Promise<ComputedOf<M, T> | null>;
  readonly spatial: SpatialReader<M>;
}

/** Plain data: strings, numbers, bigints, booleans, null, arrays and objects of them. */
export type ViewParams = object | string | number | bigint | boolean | null | undefined;

/** What a value depends on beyond what it read. */
export type DependsOn<Params = unknown> = readonly Subject[] | ((params: Params) => readonly Subject[]);

export interface View<M extends AnyModel, Params extends ViewParams, Result> {
  readonly name: string;
  readonly ttlMs?: number | undefined;
  readonly dependsOn?: DependsOn<Params> | undefined;
  readonly load: (read: Reader<M>, params: Params) => Result | PromiseLike<Result>;
}

export interface EntityLoader<M extends AnyModel, T extends TypeName<M>> {
  load(id: IdOf<M, T>): Promise<RecordOf<M, T> | null>;
  /** One result per id, in order; a failed id is its Error, as DataLoader has it. */
  loadMany(ids: readonly IdOf<M, T>[]): Promise<(RecordOf<M, T> | null | Error)[]>;
  /** The children of one parent: `loaders.structure.of({ settlement: id })`. */
  of(parent: ParentRef<M, T>): Promise<readonly RecordOf<M, T>[]>;
  /** The values of its computed fields; null if there is no such entity. */
  computed(id: IdOf<M, T>): Promise<ComputedOf<M, T> | null>;
}

export type Loaders<M extends AnyModel> = { readonly [T in TypeName<M>]: EntityLoader<M, T> };

// ── Changing ────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * One write that was committed. `before` is the row image that this write replaced (row lock, RETURNING, trigger),
 * `after` the one it left. Both are optional: right without, more precise with.
 */
export type EntityChange<M extends AnyModel, T extends TypeName<M> = TypeName<M>> = {
  [Type in T]: {
    readonly type: Type;
    readonly id: IdOf<M, Type>;
    readonly op: ChangeOp;
    readonly before?: Partial<RecordOf<M, Type>> | null | undefined;
    readonly after?: Partial<RecordOf<M, Type>> | null | undefined;
    /** Who did it, as published with the change. */
    readonly by?: string | undefined;
  };
}[T];

/** Bulk writes, imports, forks: everything under these subjects may have changed. */
export interface SubjectsChange {
  readonly subjects: readonly Subject[];
  readonly by?: string | undefined;
}

export type Change<M extends AnyModel> = EntityChange<M> | SubjectsChange;
/** A change as `tide.change` takes it: with its branch where the model declares branches. */
export type BranchedChange<M extends AnyModel> = (EntityChange<M> & BranchOption<M, true>) | SubjectsChange;

export interface Changes<M extends AnyModel> {
  /**
   * Keeps a change until the transaction's callback has resolved. Its branch is the transaction's unless it names one. Throws
   * at once if it is malformed. With an outbox it is also written through `via`, by default the transaction's own; resolves
   * once it is, and if it cannot be, the transaction rejects.
   */
  add(
    change: (EntityChange<M> & BranchOption<M, false>) | SubjectsChange,
    options?: { readonly via?: Sql | undefined },
  ): Promise<void>;
  /** Reads inside the transaction: straight from the origin with the transaction's `via`, never from or into a cache. */
  readonly read: Reader<M>;
}

export type TransactionOptions<M extends AnyModel> = BranchOption<M, false> & {
  /** The transaction's own connection: handed to the origin as `context.via`; with an outbox, what changes are written through. */
  readonly via?: unknown;
};

// ── Explaining ──────────────────────────────────────────────────────────────────────────────────────────────────

export interface Explanation {
  /** Every subject the change would bump, and why. */
  readonly subjects: readonly { readonly subject: string; readonly why: string }[];
  /** Every fresh entry of this replica's tier 1 that would go stale, and through which subjects. */
  readonly entries: readonly {
    readonly key: string;
    readonly kind: string;
    /** Since it was loaded. */
    readonly ageMs: number;
    readonly because: readonly string[];
  }[];
  /** Views with an entry among them. Views never used on this replica are not known here. */
  readonly views: readonly string[];
  /** Live subscriptions of this replica that would receive it. */
  readonly subscribers: readonly { readonly subject: string; readonly count: number }[];
  /** What would make it more precise, in a sentence each. */
  readonly advice: readonly string[];
}

// ── By key ──────────────────────────────────────────────────────────────────────────────────────────────────────

export interface DeletedByPattern {
  readonly success: boolean;
  /** Entries of this replica's tier 1, and of tier 2 if there is one, that were deleted. */
  readonly keysDeleted: number;
  readonly error?: string;
}

export interface KeyedCache<M extends AnyModel> {
  /** The value, or undefined if absent. Null, false, 0 and '' are values. */
  get(key: string): Promise<unknown>;
  /** Stores a value under a key of your own. `ttlMs` 0: until evicted. */
  set(key: string, value: unknown, options?: { readonly ttlMs?: number | undefined }): Promise<void>;
  /** True if an entry was there on this replica or in tier 2. */
  del(key: string): Promise<boolean>;
  /** Deletes every entry, the model's own too, whose key matches a Redis glob. */
  delPattern(glob: string): Promise<DeletedByPattern>;
  /** The value, loaded once however many ask; stale as soon as anything the load read changes. */
  getOrLoad<T>(key: string, ...rest: KeyedLoadArguments<M, T>): Promise<T>;
}

export type KeyedLoadOptions<M extends AnyModel> = BranchOption<M, true> &
  Freshness & {
    readonly ttlMs?: number | undefined;
    readonly dependsOn?: readonly Subject[] | undefined;
  };
export type KeyedLoadArguments<M extends AnyModel, T> =
  M extends Model<M['entities'], true>
    ? [options: KeyedLoadOptions<M>, load: (read: Reader<M>) => T | PromiseLike<T>]
    : | [load: (read: Reader<M>) => T | PromiseLike<T>]
      | [options: KeyedLoadOptions<M>, load: (read: Reader<M>) => T | PromiseLike<T>];

// ── The origin, typed ───────────────────────────────────────────────────────────────────────────────────────────

// Mapped over every type and not over the parents alone, so that inline functions know the type of their ids.
type Links<M extends AnyModel, T extends TypeName<M>> = {
  readonly [P in TypeName<M>]?: Link<M, T, P, ParentOf<M, T>>;
};
type Link<M extends AnyModel, T extends TypeName<M>, P extends TypeName<M>, Parents> = [P] extends [Parents]
  ? ChildrenOf<IdOf<M, P>, RecordOf<M, T>>
  : never;

/** Where each entity type is loaded from. A type that is never read needs no entry. */
export type Origin<M extends AnyModel> = {
  readonly [T in TypeName<M>]?: EntityOrigin<IdOf<M, T>, RecordOf<M, T>, Links<M, T>>;
};

// ── The tide ────────────────────────────────────────────────────────────────────────────────────────────────────

export type ScopeOptions<M extends AnyModel, Principal> = BranchOption<M, true> &
  Freshness & {
    /** Who asks. With one, subscriptions are refused unless the authorizer allows them. */
    readonly principal?: Principal | undefined;
    /** Ends this scope's waiting and its subscriptions. */
    readonly signal?: AbortSignal | undefined;
  };

export type ScopeArguments<M extends AnyModel, Principal> =
  M extends Model<M['entities'], true> ? [options: ScopeOptions<M, Principal>] : [options?: ScopeOptions<M, Principal>];

/** One request: batched, remembered for the request, in one branch, for one principal. */
export interface Scope<M extends AnyModel, Principal = unknown> extends Reader<M> {
  readonly principal: Principal | undefined;
  readonly loaders: Loaders<M>;
  /**
   * Tier 1 only, synchronous: undefined unless the value is held, provably fresh and as new as this scope asks.
   * `scope.peek(…) ?? scope.get(…)` spares a resolver the promise.
   */
  peek<T extends TypeName<M>>(type: T, id: IdOf<M, T>): RecordOf<M, T> | null | undefined;
  peekChildren<T extends TypeName<M>>(type: T, parent: ParentRef<M, T>): readonly RecordOf<M, T>[] | undefined;
  peekView<Params extends ViewParams, Result>(view: View<M, Params, Result>, params: Params): Result | undefined;
  /** Announces one committed write, or several as one. */
  change(change: EntityChange<M> | SubjectsChange | readonly (EntityChange<M> | SubjectsChange)[]): Promise<Receipt>;
  subscribe(target: SubscribeTarget<M>, options?: SubscribeOptions): AsyncIterableIterator<SubscriptionItem>;
}

/** Names of what can change. */
export interface Subjects<M extends AnyModel> {
  entity<T extends TypeName<M>>(type: T, id: IdOf<M, T>, ...call: BranchArguments<M>): Subject;
  /** The children of one parent. */
  list<T extends TypeName<M>>(type: T, parent: ParentRef<M, T>, ...call: BranchArguments<M>): Subject;
  /** Everything of a type, and of the types beneath it. */
  type(type: TypeName<M>, ...call: BranchArguments<M>): Subject;
  /** The rule set of a type within a scope of the host's own, such as a campaign. */
  rules(type: TypeName<M>, scope: string, ...call: BranchArguments<M>): Subject;
  /** Everything in a branch: forked, re-parented, deleted or merged into. */
  branch(branch: string): Subject;
}

export interface Tidemark<M extends AnyModel, Principal = unknown> {
  readonly model: M;
  /** Reads and writes for one request. */
  scope(...options: ScopeArguments<M, Principal>): Scope<M, Principal>;

  get<T extends TypeName<M>>(type: T, id: IdOf<M, T>, ...call: CallArguments<M>): Promise<RecordOf<M, T> | null>;
  getMany<T extends TypeName<M>>(
    type: T,
    ids: readonly IdOf<M, T>[],
    ...call: CallArguments<M>
  ): Promise<(RecordOf<M, T> | null)[]>;
  children<T extends TypeName<M>>(
    type: T,
    parent: ParentRef<M, T>,
    ...call: CallArguments<M>
  ): Promise<readonly RecordOf<M, T>[]>;
  view<Params extends ViewParams, Result>(
    view: View<M, Params, Result>,
    params: Params,
    ...call: CallArguments<M>
  ): Promise<Result>;
  /** The values of its computed fields, as rules have them, null where none gives one; null if there is no such entity. */
  computed<T extends TypeName<M>>(type: T, id: IdOf<M, T>, ...call: CallArguments<M>): Promise<ComputedOf<M, T> | null>;

  readonly spatial: TideSpatial<M>;

  /** Tier 1 only, synchronous: undefined unless the value is held and provably fresh. Null: known to be absent. */
  peek<T extends TypeName<M>>(type: T, id: IdOf<M, T>, ...where: BranchArguments<M>): RecordOf<M, T> | null | undefined;
  peekChildren<T extends TypeName<M>>(
    type: T,
    parent: ParentRef<M, T>,
    ...where: BranchArguments<M>
  ): readonly RecordOf<M, T>[] | undefined;
  peekView<Params extends ViewParams, Result>(
    view: View<M, Params, Result>,
    params: Params,
    ...where: BranchArguments<M>
  ): Result | undefined;

  /**
   * Announces a committed write, or several as one: call it right after the commit. Once it resolves, no read on this
   * replica gets an older value. One round trip per partition concerned. Where the marks cannot be reached the receipt says
   * `queued`: it is sent later, and other replicas may serve older values until then, at most `maxStalenessMs` after it was.
   */
  change(change: BranchedChange<M> | readonly BranchedChange<M>[]): Promise<Receipt>;
  /**
   * Runs the callback; applies the changes it added once it has resolved, drops them if it throws.
   *
   * With an outbox, exactly what is committed is applied: the callback commits before it resolves. What is not committed by
   * then is applied by the sweeper, a few seconds later, if it ever is; the receipt says `queued`, and neither this replica
   * nor another knows of the change yet.
   */
  transaction<T>(
    run: (changes: Changes<M>) => Promise<T>,
    options?: TransactionOptions<M>,
  ): Promise<{ readonly value: T; readonly receipt: Receipt }>;
  /** What a change would touch, and why. Runs nothing. */
  explain(change: BranchedChange<M>): Explanation;
  /** Trusted host code: nobody is asked. */
  subscribe(target: SubscribeTarget<M>, ...options: SubscribeArguments<M>): AsyncIterableIterator<SubscriptionItem>;

  readonly cache: KeyedCache<M>;
  /** Subscriptions of clients, as they come over a link, and what takes their permissions back. */
  readonly realtime: Realtime<M, Principal>;
  /** The rules of computed fields, to look at, to try and to save. */
  readonly rules: Rules<M>;
  readonly subject: Subjects<M>;
  /** A key from a name and parameters: equal parameters, equal key, whatever the order of their fields. */
  key(name: string, params?: ViewParams): string;

  /** Resolves once marks are watched. Reads wait for it by themselves. */
  ready(): Promise<void>;
  /** Calls the listener at every such event; returns the function that stops it. */
  on<Name extends TideEventName>(event: Name, listener: TideListener<Name>): () => void;
  /** Of this replica. Writes nothing, and never rejects. */
  health(): Promise<Health>;
  /**
   * Of all replicas on this bus and namespace: who answers within `waitMs`, which it takes unless the bus is this tide's own. Where
   * none but this one can be asked, that is an issue and `degraded`. Rejects with INVALID_OPTION, or CLOSED.
   */
  health(options: MergedOptions): Promise<MergedHealth>;
  /** Of this replica, since it was made or `resetStats()`. */
  stats(): Stats;
  /** Of all replicas, in the same way. */
  stats(options: MergedOptions): Promise<MergedStats>;
  /** Of this replica since it was made, for who watches many: what `tidemark/metrics` reports. A walk over subscriptions, no call. */
  metrics(): Metrics;
  /** Looks into this replica, and has it remember loads and changes until `close()`: what `tidemark/inspector` shows. */
  inspect(): Inspection;
  /** Of this replica, all counters at once. What is cached stays. */
  resetStats(): void;
  /** Ends loads and subscriptions. Closes nothing that it was given. Idempotent. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}
export type SubscribeArguments<M extends AnyModel> =
  M extends Model<M['entities'], true>
    ? [options: SubscribeOptions & BranchOption<M, true>]
    : [options?: SubscribeOptions & BranchOption<M, true>];
