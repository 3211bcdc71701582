import type { AnyModel, IdOf, TypeName } from './model.js';
import type { Subject } from './subject.js';

/** What subscriptions are asked for and give, as types. No code. */

export type ChangeOp = 'create' | 'update' | 'delete' | 'restore';

export type SubscribeTarget<M extends AnyModel> =
  | Subject
  | { [T in TypeName<M>]: { readonly type: T; readonly id: IdOf<M, T> } }[TypeName<M>]
  | { readonly type: TypeName<M> };

export interface SubscribeOptions {
  /** The cursor of the last item seen: continue right after it, or be told `resync`. */
  readonly since?: string | undefined;
  /** What happens when this subscriber falls behind the ring. Default `'resync'`. */
  readonly overflow?: 'resync' | 'disconnect' | undefined;
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
}

export type SubscriptionItem = ChangeItem | ComputedItem | ResyncItem;
