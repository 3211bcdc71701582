import type { BranchOption } from './call.js';
import type { Awaitable } from './contract.js';
import type { AnyModel, Model } from './model.js';
import type { CloseCode, PlainValue, RefusedFrame, ServerFrame } from './realtime/frames.js';
import type { Subject } from './subject.js';
import type { Overflow, SubscribeTarget } from './watching.js';

/** The verbs of `realtime` as types, read off a model. No code. */

/** Who a client is, and until when its credentials hold. */
export interface Credentials<Principal> {
  /** Never undefined: that is trusted host code. */
  readonly principal: Principal;
  /** In milliseconds since 1970. Default: for ever. */
  readonly until?: number | undefined;
}

/** A room by its name: `settlement:7` is `{ type: 'settlement', id: '7' }`. */
export interface Room {
  readonly type: string;
  readonly id: string;
}

/** What a client may do on its link. */
export type ConnectionLimits<M extends AnyModel, Principal> = Pick<
  ConnectionOptions<M, Principal>,
  'rooms' | 'signals' | 'maxSubscriptions' | 'maxFramesPerMinute'
>;

/** The link of one client, as its host gives it. */
export interface ConnectionOptions<M extends AnyModel, Principal> extends Credentials<Principal> {
  /** Puts a frame on the link, behind all those before. Must not throw. */
  readonly send: (frame: ServerFrame) => void;
  /** Bytes that wait to be sent on the link. Default: none ever wait. */
  readonly pressure?: (() => number) | undefined;
  /** Closes the link; the connection has ended. Called at most once, and not by `end()`. */
  readonly close: (code: CloseCode, reason: string) => void;
  /** Who has this token, for `authenticate` frames. Without it they are refused. Throws for a token that is not good. */
  readonly verify?: ((token: unknown) => Awaitable<Credentials<Principal>>) | undefined;
  /** What is in a room. Default: the entity, and the lists of its children. */
  readonly rooms?: ((room: Room, where: BranchOption<M, false>) => readonly Subject[]) | undefined;
  /**
   * What clients may say to those who follow the same, and how it is passed on: with the name of who says it, for one.
   * Undefined is no, and so is an error. Without it such frames are refused, and none come.
   */
  readonly signals?: ((value: PlainValue, principal: Principal) => PlainValue | undefined) | undefined;
  /** Subscriptions at once. Default 1,000. */
  readonly maxSubscriptions?: number | undefined;
  /** Frames that the client may send in a minute. Default 3,000. */
  readonly maxFramesPerMinute?: number | undefined;
}

/** What one subscription of a connection is about: a target, or several subjects as one stream, as a room has them. */
export type ConnectionTarget<M extends AnyModel> = SubscribeTarget<M> | readonly Subject[];

export interface ConnectionSubscribeOptions {
  /** The last cursor of this subscription, on whichever connection and replica. */
  readonly since?: string | undefined;
  /** Default `'resync'`. */
  readonly overflow?: Overflow | undefined;
}

/**
 * One client on one link: its subscriptions, told as frames, each change once. Everything is asked of `authorize` before
 * anything is sent. What the client does not read waits in the shared ring of its subjects and not here.
 */
export interface Connection<M extends AnyModel = AnyModel, Principal = unknown> {
  /** 128 random bits, for `revoke`. */
  readonly id: string;
  readonly principal: Principal;
  /** The names of its subscriptions. */
  readonly keys: readonly string[];
  /**
   * Follows something under a name of the client's. A frame `subscribed` says that it is permitted, `ended` that it is not.
   * Throws LIMIT_EXCEEDED, INVALID_OPTION for a name that is taken, INVALID_CURSOR, UNKNOWN_TYPE, BLANK_ID or CLOSED.
   */
  subscribe(key: string, target: ConnectionTarget<M>, ...options: ConnectionSubscribeArguments<M>): void;
  /** Nothing more comes under this name; it may be used again. False if there was none. */
  unsubscribe(key: string): boolean;
  /**
   * New credentials of the same principal: every subscription is asked for again. Throws UNAUTHORIZED for another
   * principal, as `principalId` tells, or if they have run out.
   */
  authenticate(credentials: Credentials<Principal>): void;
  /**
   * Takes a frame of the client. What is wrong with it is answered with a frame `refused`; never throws. Resolves once the
   * frame has had its effect, to null, or to the frame `refused` that was sent.
   */
  receive(frame: unknown): Promise<RefusedFrame | null>;
  /** The link has sent what waited: looks at once, and not a moment later. */
  drained(): void;
  /** The link is gone: ends every subscription. Idempotent. */
  end(): void;
}

export type ConnectionSubscribeArguments<M extends AnyModel> =
  M extends Model<M['entities'], true>
    ? [options: ConnectionSubscribeOptions & BranchOption<M, true>]
    : [options?: ConnectionSubscribeOptions & BranchOption<M, true>];

/** Whose permission is taken back: of all that is named together. At least one is. */
export interface Revocation {
  /** As `principalId` names it. */
  readonly principal?: string | undefined;
  /** The `id` of a connection: it is closed, with 4403. */
  readonly connection?: string | undefined;
  /** What may be seen no longer. */
  readonly target?: Subject | undefined;
}

/** Live updates for clients. */
export interface Realtime<M extends AnyModel, Principal = unknown> {
  /**
   * A client has come that was authenticated. Throws UNAUTHORIZED if there is no principal, or the tide has no `authorize`, or
   * the credentials have run out; INVALID_OPTION for `signals` on a bus without ephemeral topics; CLOSED.
   */
  connect(options: ConnectionOptions<M, Principal>): Connection<M, Principal>;
  /**
   * Throws what every `connect` with these limits would throw, whoever comes: for who serves clients, to say so at the start.
   * UNAUTHORIZED without an `authorize` of the tide, INVALID_OPTION, CLOSED.
   */
  check(limits: ConnectionLimits<M, Principal>): void;
  /**
   * Takes permissions back, on every replica: `authorize` is asked again for what is named, and until it answers nothing is
   * delivered there; what it refuses ends with REVOKED. Change first what `authorize` looks at. Resolves once it holds here
   * and is on its way to all others, where it holds within `maxStalenessMs`; rejects if the bus did not take it, and then holds here only.
   */
  revoke(revocation: Revocation): Promise<void>;
  /**
   * Ends every connection, with 1001, and every subscription of this replica, and begins no more: `connect` and `subscribe`
   * throw CLOSED from now on. Reads and changes go on. For a server that stops: it need not wait for live streams, and the
   * requests that it does wait for find the tide open. Idempotent.
   */
  close(): void;
  /** What is in a room: the entity, and the lists of its children. Empty for a type that the model does not know. */
  subjectsOf(room: Room, ...where: RoomArguments<M>): readonly Subject[];
}

export type RoomArguments<M extends AnyModel> =
  M extends Model<M['entities'], true> ? [where: BranchOption<M, true>] : [where?: BranchOption<M, true>];
