import type { AnyModel, Model } from './model.js';

/** How a verb is called: in which branch, and how new its answer must be. As types, read off a model. No code. */

/** Proof of a change. Its string fits a header or a cookie. */
export interface Receipt {
  /** `queued`: the marks do not have it yet; of a transaction with an outbox, it may not be committed either. */
  readonly state: 'done' | 'queued';
  readonly changeId: string;
  /** By partition, the position that the change took there. */
  readonly marks: Readonly<Record<number, { readonly epoch: string; readonly position: number }>>;
  toString(): string;
}

/** Reads `M`'s second parameter: whether calls name a branch. */
export type BranchOption<M extends AnyModel, Required extends boolean> =
  M extends Model<M['entities'], true>
    ? Required extends true
      ? { readonly branch: string }
      : { readonly branch?: string | undefined }
    : { readonly branch?: 'The model declares no branches: leave this out.' | undefined };

/** What says how new a read must be: a receipt, or its string from a header or cookie. */
export type After = Receipt | string;

/** How new a read must be. */
export interface Freshness {
  /** At least as new as this change. */
  readonly after?: After | undefined;
  /** `'strong'`: as new as every change that the store had accepted when the read began; one round trip. */
  readonly consistency?: 'bounded' | 'strong' | undefined;
  /** If the origin fails: a value loaded at most so long ago will do, whether or not it is known to be current. */
  readonly staleIfOutageMs?: number | undefined;
}

export type CallOptions<M extends AnyModel> = BranchOption<M, true> &
  Freshness & {
    readonly signal?: AbortSignal | undefined;
  };

/** The last argument of a verb outside a scope: required as soon as the model declares branches. */
export type CallArguments<M extends AnyModel, More = unknown> =
  M extends Model<M['entities'], true> ? [call: CallOptions<M> & More] : [call?: CallOptions<M> & More];

/** The same for what is not read. */
export type BranchArguments<M extends AnyModel> =
  M extends Model<M['entities'], true> ? [where: BranchOption<M, true>] : [where?: BranchOption<M, true>];
