import type { Clock } from '../../contract.js';
import type { AnyModel } from '../../model.js';
import type { CloseCode, ServerFrame } from '../../realtime/frames.js';
import type { Connection } from '../../realtime-verbs.js';
import { Quiet } from '../links/quiet.js';
import type { Asked } from './asked.js';
import { idOf } from './cursors.js';

/** The body of a response. */
export interface Sink {
  write(text: string): void;
  /** Bytes that wait to be sent. */
  pressure(): number;
  /** What waits is still sent. */
  end(): void;
  /** What waits is not sent any more. Without effect where nothing waits. */
  drop(): void;
}

/** How long a client may take to read the end. */
const CLOSE_MS = 5_000;
/** After that an EventSource comes back; up to as much again, so that not all come back at once. */
const RETRY_MS = 1000;

export interface StreamOptions {
  readonly asked: Asked;
  readonly sink: Sink;
  readonly clock: Clock;
  readonly random: () => number;
  /** Throws for credentials that are not good any more. */
  readonly connect: (link: {
    readonly send: (frame: ServerFrame) => void;
    readonly pressure: () => number;
    readonly close: (code: CloseCode, reason: string) => void;
  }) => Connection<AnyModel, unknown>;
  readonly ended: () => void;
}

/** One connection as events. Format: https://html.spec.whatwg.org/multipage/server-sent-events.html */
export class EventStream {
  readonly #options: StreamOptions;
  readonly #connection: Connection<AnyModel, unknown>;
  readonly #quiet: Quiet;
  /** Where an EventSource stands. */
  readonly #cursors: Map<string, string> | undefined;
  #open = true;
  #cancelDrop: () => void = () => undefined;

  /** Throws what `connect` throws. */
  constructor(options: StreamOptions) {
    const { asked, clock, connect, random, sink } = options;
    this.#options = options;
    this.#cursors = asked.remembers ? new Map() : undefined;
    this.#quiet = new Quiet(clock, () => {
      sink.write(':\n\n');
    });
    try {
      if (asked.remembers) sink.write(`retry: ${String(RETRY_MS + Math.floor(RETRY_MS * random()))}\n\n`);
      this.#connection = connect({
        send: (frame) => {
          this.#send(frame);
        },
        pressure: () => sink.pressure(),
        close: (code, reason) => {
          this.close(code, reason);
        },
      });
    } catch (error) {
      this.#quiet.end();
      throw error;
    }
    for (const frame of asked.frames) void this.#connection.receive(frame);
  }

  drained(): void {
    this.#connection.drained();
  }

  /** The client is gone. */
  end(): void {
    this.#cancelDrop();
    if (!this.#open) return;
    this.#open = false;
    this.#quiet.end();
    this.#connection.end();
    this.#options.ended();
  }

  close(code: CloseCode, reason: string): void {
    if (!this.#open) return;
    const { clock, sink } = this.#options;
    sink.write(`event: close\ndata: ${JSON.stringify({ code, reason })}\n\n`);
    this.end();
    sink.end();
    // Who does not read would hold what waits for as long as its link stands.
    this.#cancelDrop = clock.after(CLOSE_MS, () => {
      sink.drop();
    });
  }

  #send(frame: ServerFrame): void {
    const { sink } = this.#options;
    this.#quiet.sent();
    const data = `data: ${JSON.stringify(frame)}\n\n`;
    if (this.#cursors === undefined || !('on' in frame)) {
      sink.write(data);
      return;
    }
    for (const [key, cursor] of Object.entries(frame.on)) this.#cursors.set(key, cursor);
    sink.write(`id: ${idOf(this.#cursors)}\n${data}`);
  }
}
