import type { ChangeOp, Overflow, ResyncItem } from '../watching.js';

/**
 * What a connection and its client say to each other, whatever the link: plain objects that JSON can write. Types only, so
 * that a client in a browser may import them.
 */

// ── Values ──────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * A value as JSON has it. What JSON lacks is an object with one field that names its type: `{ $bigint: '12' }`,
 * `{ $date: '2026-01-01T00:00:00.000Z' }`, `{ $number: 'NaN' }`, `{ $bytes: 'base64' }`, `{ $map: [[key, value], …] }`,
 * `{ $set: [value, …] }`; an object with a field of its own that begins with `$` is `{ $object: [[name, value], …] }`.
 */
export type PlainValue =
  string | number | boolean | null | readonly PlainValue[] | { readonly [name: string]: PlainValue | undefined };

/** An id: a bigint is `{ $bigint: '12' }`, all others are as they are. */
export type PlainId = string | number | { readonly $bigint: string };

// ── From the server ─────────────────────────────────────────────────────────────────────────────────────────────

/** By the client's key of a subscription: where it stands behind this frame, for `since`. */
export type Cursors = Readonly<Record<string, string>>;

/** A `ChangeItem` without its place. */
export interface PlainChange {
  readonly changeId: string;
  readonly entityType: string;
  readonly entityId: PlainId | null;
  readonly branch: string;
  readonly op: ChangeOp | 'bulk';
  readonly changes: {
    readonly fields: readonly string[] | null;
    readonly values: Readonly<Record<string, PlainValue>>;
  };
  readonly version: number | null;
  readonly modifiedBy: string | null;
  readonly modifiedAt: string;
}

/** A `ComputedItem` without its place. */
export interface PlainComputed {
  readonly entityType: string;
  readonly entityId: PlainId;
  readonly branch: string;
  readonly field: string;
  readonly before?: PlainValue;
  readonly after: PlainValue;
}

/** The first frame of a connection. */
export interface WelcomeFrame {
  readonly kind: 'welcome';
  /** Names this connection, for `revoke`. */
  readonly connection: string;
  /** When the credentials run out, in milliseconds since 1970; null: never. */
  readonly until: number | null;
  /** The server's clock, in milliseconds since 1970: what was changed before it had happened when the client came. */
  readonly at: number;
}

/** A subscription is permitted: what is announced from its cursor on comes. */
export interface SubscribedFrame {
  readonly kind: 'subscribed';
  readonly on: Cursors;
}

/**
 * One change, sent once however many subscriptions it concerns. `number` counts those of this connection from 1: a client
 * that keeps the last 256 can tell its subscriptions of the copies.
 */
export interface ChangeFrame {
  readonly kind: 'change';
  readonly number: number;
  readonly change: PlainChange;
  readonly on: Cursors;
}

/** A change that was sent before, one of the last 256 of this connection, comes in its place of other subscriptions. */
export interface AgainFrame {
  readonly kind: 'again';
  readonly number: number;
  readonly on: Cursors;
}

export interface ComputedFrame {
  readonly kind: 'computed';
  readonly computed: PlainComputed;
  readonly on: Cursors;
}

/** Items of these subscriptions may be missing before this frame: fetch the present state, then go on. */
export interface ResyncFrame {
  readonly kind: 'resync';
  readonly reason: ResyncItem['reason'];
  /** How many were left out, where that is known. */
  readonly dropped?: number;
  readonly on: Cursors;
}

/** The client has unsubscribed, or the subscription is over for the reason that the code names. */
export interface EndedFrame {
  readonly kind: 'ended';
  readonly key: string;
  /** A code of a TidemarkError, such as `REVOKED` or `UNAUTHORIZED`; null: it was asked for. */
  readonly code: string | null;
  readonly message: string;
}

/** A frame of the client had no effect. */
export interface RefusedFrame {
  readonly kind: 'refused';
  /** Of the subscription that the frame was to begin or to end; null: it was about none. */
  readonly key: string | null;
  /** A code of a TidemarkError, such as `INVALID_FRAME` or `LIMIT_EXCEEDED`. */
  readonly code: string;
  readonly message: string;
}

/** The credentials run out soon: authenticate, or the connection will be closed with 4401. */
export interface ExpiringFrame {
  readonly kind: 'expiring';
  readonly until: number;
}

export interface AuthenticatedFrame {
  readonly kind: 'authenticated';
  readonly until: number | null;
}

/**
 * The server is there. Links on which a client could not tell silence from a server that is gone carry one at least every 15 s;
 * what counts as no sign of life is 40 s.
 */
export interface AliveFrame {
  readonly kind: 'alive';
}

/**
 * Another client says something to those who follow the same: that it looks, where it points. Nothing is kept, and any may be
 * lost.
 */
export interface SignalFrame {
  readonly kind: 'signal';
  /** Names the connection of the other client. */
  readonly from: string;
  /** As the other client's server let it pass. */
  readonly value: PlainValue;
  /** The subscriptions in which it was said. */
  readonly keys: readonly string[];
}

export type ServerFrame =
  | WelcomeFrame
  | SubscribedFrame
  | ChangeFrame
  | AgainFrame
  | ComputedFrame
  | ResyncFrame
  | EndedFrame
  | RefusedFrame
  | ExpiringFrame
  | AuthenticatedFrame
  | AliveFrame
  | SignalFrame;

/**
 * Why a connection is closed, as a close code of a web socket: 1001 the server goes away, 4401 the credentials ran out, 4403
 * the connection was revoked, 4408 the client does not read, or not fast enough.
 */
export type CloseCode = 1001 | 4401 | 4403 | 4408;

// ── From the client ─────────────────────────────────────────────────────────────────────────────────────────────

/**
 * What a client may ask for: one entity, the children of one parent (`{ type: 'settlement', parent: { kingdom: 'k1' } }`), a
 * whole type, or a room such as `settlement:7`.
 */
export type FrameTarget =
  | { readonly type: string; readonly id: PlainId }
  | { readonly type: string; readonly parent: Readonly<Record<string, PlainId>> }
  | { readonly type: string }
  | { readonly room: string };

export interface SubscribeFrame {
  readonly kind: 'subscribe';
  /** The client's own name for the subscription, free on this connection; at most 256 characters. */
  readonly key: string;
  readonly target: FrameTarget;
  readonly branch?: string | undefined;
  /** The last cursor of this subscription, on whichever connection. */
  readonly since?: string | undefined;
  readonly overflow?: Overflow | undefined;
}

export interface UnsubscribeFrame {
  readonly kind: 'unsubscribe';
  readonly key: string;
}

/** A new token for the same principal. */
export interface AuthenticateFrame {
  readonly kind: 'authenticate';
  readonly token: PlainValue;
}

/** Something for those who follow the same as a subscription of this connection; at most 4,096 bytes of JSON. */
export interface SendSignalFrame {
  readonly kind: 'signal';
  readonly key: string;
  readonly value: PlainValue;
}

export type ClientFrame = SubscribeFrame | UnsubscribeFrame | AuthenticateFrame | SendSignalFrame;
