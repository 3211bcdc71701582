import type { AnyModel } from '../../model.js';
import type { CloseCode, Cursors, ServerFrame } from '../../realtime/frames.js';
import type { Connection } from '../../realtime-verbs.js';
import { isTidemarkError } from '../../errors.js';
import { type Asked, askedBy } from './asked.js';
import { type IoSocket, pressureOf } from './socket.js';

/** What the server says to a message of a client. */
export type Reply =
  | { readonly success: true; readonly cursor?: string | undefined; readonly until?: number | null }
  | { readonly success: false; readonly error: 'Unauthorized' | 'Subscription failed'; readonly code: string };

type Ack = (reply: Reply) => void;

export interface SessionOptions {
  readonly connect: (link: {
    readonly send: (frame: ServerFrame) => void;
    readonly pressure: () => number;
    readonly close: (code: CloseCode, reason: string) => void;
  }) => Connection<AnyModel, unknown>;
  readonly isType: (type: string) => boolean;
  readonly ended: () => void;
}

/** One socket: frames as events and messages as frames. */
export class Session {
  readonly #socket: IoSocket;
  readonly #options: SessionOptions;
  readonly #connection: Connection<AnyModel, unknown>;
  /** Where each subscription stands that is permitted. */
  readonly #cursors = new Map<string, string>();
  /** Who waits to be told what became of a subscription. */
  readonly #acks = new Map<string, Ack[]>();
  readonly #tokenAcks: Ack[] = [];
  readonly #drained = (): void => {
    this.#connection.drained();
  };
  /** A signal is being taken: what is refused now is that. */
  #signalling = false;
  #open = true;

  /** Throws what `connect` throws. */
  constructor(socket: IoSocket, options: SessionOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#connection = options.connect({
      send: (frame) => {
        this.#send(frame);
      },
      pressure: () => pressureOf(socket.conn),
      close: (code, reason) => {
        this.close(code, reason);
      },
    });
    socket.conn.on('drain', this.#drained);
    socket.onAny((event, ...args) => {
      this.hear(event, args);
    });
    socket.on('disconnect', () => {
      this.#end();
    });
  }

  close(code: CloseCode, reason: string): void {
    if (!this.#open) return;
    this.#end();
    this.#socket.emit('closing', { code, reason });
    this.#socket.disconnect(true);
  }

  #end(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#socket.conn.off('drain', this.#drained);
    this.#connection.end();
    this.#options.ended();
  }

  // ── From the client ───────────────────────────────────────────────────────────────────────────────────────────

  hear(event: string, given: readonly unknown[]): void {
    const last = given.at(-1);
    const ack = typeof last === 'function' ? (last as Ack) : undefined;
    const args = ack === undefined ? given : given.slice(0, -1);
    if (!this.#open) return;
    try {
      const asked = askedBy(event, args, this.#options.isType);
      if (asked !== null) this.#ask(asked, ack);
    } catch (error) {
      ack?.(failure(isTidemarkError(error) ? error.code : 'FAILED'));
    }
  }

  #ask({ verb, frame }: Asked, ack: Ack | undefined): void {
    const { key } = frame;
    if (verb === 'subscribe' && key !== undefined && this.#connection.keys.includes(key)) {
      // Asked once more for what it has.
      if (!this.#cursors.has(key)) this.#wait(key, ack);
      else ack?.({ success: true, cursor: this.#cursors.get(key) });
      return;
    }
    if (verb === 'subscribe' && key !== undefined) this.#wait(key, ack);
    else if (verb === 'authenticate' && ack !== undefined) this.#tokenAcks.push(ack);
    else if (verb === 'unsubscribe') {
      const had = key !== undefined && this.#connection.unsubscribe(key);
      ack?.(had ? { success: true } : failure('INVALID_FRAME'));
      return;
    }
    this.#signalling = verb === 'signal';
    void this.#connection.receive(frame);
    this.#signalling = false;
  }

  #wait(key: string, ack: Ack | undefined): void {
    if (ack === undefined) return;
    const acks = this.#acks.get(key);
    if (acks === undefined) this.#acks.set(key, [ack]);
    else acks.push(ack);
  }

  // ── To the client ─────────────────────────────────────────────────────────────────────────────────────────────

  #send(frame: ServerFrame): void {
    const { kind } = frame;
    if ('on' in frame) for (const [key, cursor] of Object.entries(frame.on)) this.#cursors.set(key, cursor);
    if (kind === 'change') {
      const { changeId: _, ...payload } = frame.change;
      this.#emit(`${payload.entityType}_updated`, payload, { cursors: frame.on });
    } else if (kind === 'again') this.#emit('cursors', frame.on);
    else if (kind === 'computed') this.#emit('computed_updated', frame.computed, { cursors: frame.on });
    else if (kind === 'resync')
      this.#emit('resync', { reason: frame.reason, dropped: frame.dropped, cursors: frame.on });
    else if (kind === 'signal') this.#emit('signal', frame.value, { from: frame.from, rooms: frame.keys });
    else if (kind === 'welcome') this.#emit('welcome', { connection: frame.connection, until: frame.until });
    else if (kind === 'expiring') this.#emit('auth_expiring', { until: frame.until });
    else if (kind === 'subscribed') this.#subscribed(frame.on);
    else if (kind === 'authenticated') this.#tokenAcks.shift()?.({ success: true, until: frame.until });
    else if (kind !== 'alive') this.#refused(frame);
  }

  #subscribed(on: Cursors): void {
    const unasked: [string, string][] = [];
    for (const [key, cursor] of Object.entries(on)) {
      if (!this.#reply(key, { success: true, cursor })) unasked.push([key, cursor]);
    }
    if (unasked.length > 0) this.#emit('subscribed', Object.fromEntries(unasked));
  }

  #refused({ kind, key, code, message }: Extract<ServerFrame, { readonly kind: 'ended' | 'refused' }>): void {
    if (key === null) {
      const ack = this.#signalling ? undefined : this.#tokenAcks.shift();
      if (ack === undefined) this.#emit('refused', { code, message });
      else ack(failure(String(code)));
      return;
    }
    if (kind === 'ended') this.#cursors.delete(key);
    if (code === null || this.#reply(key, failure(code))) return;
    this.#emit(kind === 'ended' ? 'subscription_ended' : 'refused', { room: key, code, message });
  }

  /** False if nobody waits for it. */
  #reply(key: string, reply: Reply): boolean {
    const acks = this.#acks.get(key);
    this.#acks.delete(key);
    for (const ack of acks ?? []) ack(reply);
    return acks !== undefined;
  }

  #emit(event: string, ...args: unknown[]): void {
    if (this.#open) this.#socket.emit(event, ...args);
  }
}

const failure = (code: string): Reply => ({
  success: false,
  error: code === 'UNAUTHORIZED' || code === 'REVOKED' ? 'Unauthorized' : 'Subscription failed',
  code,
});
