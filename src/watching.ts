import type { AnyModel, IdOf, TypeName } from './model.js';
import type { Subject } from './subject.js';

/** What subscriptions are asked for and give, as types. No code. */

export type ChangeOp = 'create' | 'update' | 'delete' | 'restore';

export type SubscribeTarget<M extends AnyModel> =
  | Subject
  | { [T in TypeName<M>]: { readonly type: T; readonly id: IdOf<M, T> } }[TypeName<M>]
  | { readonly type: TypeName<M> };

/**
 * What happens to a subscriber who falls behind the ring. `resync`: it is told so, and goes on with what is announced next.
 * `replay`: it reads what left the ring from the history of the bus, as fast as it can, and is told `resync` where that has an
 * end. `drop-oldest`: it is told `resync` with how many items it lost, and goes on with the oldest of the ring. `coalesce`: of
 * each entity it is told the newest change, with all fields that differ since. `disconnect`: it ends with OVERFLOW.
 */
export type Overflow = 'resync' | 'replay' | 'drop-oldest' | 'coalesce' | 'disconnect';

export interface SubscribeOptions {
  /** The cursor of the last item seen: continue right after it, or be told `resync`. */
  readonly since?: string | undefined;
  /** What happens when this subscriber falls behind the ring. Default `'resync'`. */
  readonly overflow?: Overflow | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** One change as subscribers see it. */
export interface ChangeItem {
  readonly kind: 'change';
  /** Where this item stands: pass it as `since` to continue after it. */
  readonly cursor: string;
  readonly changeId: string;
  readonly entityType: string;
  readonly entityId: string | number | bigint | null;
  readonly branch: string;
  readonly op: ChangeOp | 'bulk';
  readonly changes: {
    /** Names of the fields that differ; null if the change came without both row images. */
    readonly fields: readonly string[] | null;
    /** New values of the fields that the model allows to be announced. */
    readonly values: Readonly<Record<string, unknown>>;
  };
  readonly version: number | null;
  readonly modifiedBy: string | null;
  /** ISO 8601, by the clock of the replica that changed it. */
  readonly modifiedAt: string;
}

/**
 * A computed field of the entity has another value, for whatever reason: its row, a row that its rules look at, a rule. The
 * first change after a subscription begins, and after a `resync`, tells all fields once, also those that stand.
 */
export interface ComputedItem {
  readonly kind: 'computed';
  readonly cursor: string;
  readonly entityType: string;
  readonly entityId: string | number | bigint;
  readonly branch: string;
  readonly field: string;
  /** The value that this subscriber was told last, or that stood when it began; absent where that is not known here. */
  readonly before?: unknown;
  /** Null where no rule gives one, and of an entity that is gone. */
  readonly after: unknown;
}

/** Items may be missing before this one: fetch the present state, then go on. */
export interface ResyncItem {
  readonly kind: 'resync';
  readonly cursor: string;
  readonly reason: 'overflow' | 'truncated' | 'gap' | 'epoch' | 'branch';
  /** How many items were left out, with `overflow: 'drop-oldest'`. */
  readonly dropped?: number;
}

export type SubscriptionItem = ChangeItem | ComputedItem | ResyncItem;
