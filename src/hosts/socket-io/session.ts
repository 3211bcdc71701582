import type { AnyModel } from '../../model.js';
import type { CloseCode, Cursors, EndedFrame, ServerFrame } from '../../realtime/frames.js';
import type { Connection } from '../../realtime-verbs.js';
import { isTidemarkError } from '../../errors.js';
import { type Asked, askedBy } from './asked.js';
import { type IoSocket, emitOnce, pressureOf } from './socket.js';

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
  /** When the credentials run out. */
  #until: number | null = null;
  readonly #drained = (): void => {
    this.#connection.drained();
  };
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
    emitOnce(this.#socket, 'closing', { code, reason });
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
      if (asked !== null) void this.#ask(asked, ack);
    } catch (error) {
      ack?.(failure(isTidemarkError(error) ? error.code : 'FAILED'));
    }
  }

  async #ask({ verb, frame }: Asked, ack: Ack | undefined): Promise<void> {
    const { key = '' } = frame;
    if (verb === 'unsubscribe') {
      ack?.(this.#connection.unsubscribe(key) ? { success: true } : failure('INVALID_FRAME'));
      return;
    }
    const subscribes = verb === 'subscribe';
    if (subscribes && this.#connection.keys.includes(key)) {
      // Asked once more for what it has.
      if (!this.#cursors.has(key)) this.#wait(key, ack);
      else ack?.({ success: true, cursor: this.#cursors.get(key) });
      return;
    }
    if (subscribes) this.#wait(key, ack);
    const refused = await this.#connection.receive(frame);
    if (refused === null) {
      if (!subscribes) ack?.(verb === 'authenticate' ? { success: true, until: this.#until } : { success: true });
      return;
    }
    const { code, message } = refused;
    if (subscribes) this.#waitNoMore(key, ack);
    if (ack !== undefined) ack(failure(code));
    else this.#emit('refused', subscribes ? { room: key, code, message } : { code, message });
  }

  #wait(key: string, ack: Ack | undefined): void {
    if (ack !== undefined) this.#acks.set(key, [...(this.#acks.get(key) ?? []), ack]);
  }

  #waitNoMore(key: string, ack: Ack | undefined): void {
    const others = (this.#acks.get(key) ?? []).filter((other) => other !== ack);
    if (others.length > 0) this.#acks.set(key, others);
    else this.#acks.delete(key);
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
    else if (kind === 'authenticated') this.#until = frame.until;
    else if (kind === 'ended') this.#over(frame);
    // What was refused is known where it was asked.
  }

  #subscribed(on: Cursors): void {
    const unasked: [string, string][] = [];
    for (const [key, cursor] of Object.entries(on)) {
      if (!this.#reply(key, { success: true, cursor })) unasked.push([key, cursor]);
    }
    if (unasked.length > 0) this.#emit('subscribed', Object.fromEntries(unasked));
  }

  #over({ key, code, message }: EndedFrame): void {
    this.#cursors.delete(key);
    // Given up before it was permitted, it ends for those who wait as well.
    if (this.#reply(key, failure(code ?? 'ABORTED')) || code === null) return;
    this.#emit('subscription_ended', { room: key, code, message });
  }

  /** False if nobody waits for it. */
  #reply(key: string, reply: Reply): boolean {
    const acks = this.#acks.get(key);
    this.#acks.delete(key);
    for (const ack of acks ?? []) ack(reply);
    return acks !== undefined;
  }

  #emit(event: string, ...args: unknown[]): void {
    if (this.#open) emitOnce(this.#socket, event, ...args);
  }
}

const failure = (code: string): Reply => ({
  success: false,
  error: code === 'UNAUTHORIZED' || code === 'REVOKED' ? 'Unauthorized' : 'Subscription failed',
  code,
});
