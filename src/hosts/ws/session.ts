import type { Clock } from '../../contract.js';
import { isTidemarkError } from '../../errors.js';
import type { AnyModel } from '../../model.js';
import type { CloseCode, ServerFrame } from '../../realtime/frames.js';
import type { Connection, Credentials } from '../../realtime-verbs.js';
import { ALIVE_MS, GONE_MS, Quiet } from '../links/quiet.js';
import type { Socket } from './socket.js';

/** How long a client that came without credentials may take to send a token. */
const TOKEN_MS = 10_000;
/** How long a client may take to answer that the link closes. */
const CLOSE_MS = 5_000;
/** Frames that wait while a token is looked at. */
const MAX_WAITING = 1000;

export interface SessionOptions<Principal> {
  readonly clock: Clock;
  readonly connect: (
    credentials: Credentials<Principal>,
    link: {
      readonly send: (frame: ServerFrame) => void;
      readonly pressure: () => number;
      readonly close: (code: CloseCode, reason: string) => void;
    },
  ) => Connection<AnyModel, Principal>;
  /** Undefined: who has no credentials from the start gets none. */
  readonly verify: ((token: unknown) => Promise<Credentials<Principal>>) | undefined;
  readonly ended: () => void;
}

/** One client on its WebSocket, from the upgrade to the end. */
export class Session<Principal> {
  readonly #socket: Socket;
  readonly #options: SessionOptions<Principal>;
  readonly #quiet: Quiet;
  #connection: Connection<AnyModel, Principal> | undefined;
  /** What came while a token is looked at; undefined before that and after. */
  #waiting: unknown[] | undefined;
  #cancelToken: () => void = () => undefined;
  #cancelPing: () => void = () => undefined;
  #heardAt: number;
  #open = true;

  constructor(socket: Socket, options: SessionOptions<Principal>) {
    const { clock } = options;
    this.#socket = socket;
    this.#options = options;
    this.#heardAt = clock.now();
    this.#quiet = new Quiet(clock, () => {
      this.#send({ kind: 'alive' });
    });
    socket.on('message', (data, isBinary) => {
      this.#heard();
      this.#take(isBinary ? undefined : parsed(data));
    });
    socket.on('pong', () => {
      this.#heard();
    });
    // Whatever it is, 'close' follows.
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#end();
    });
    this.#ping();
  }

  /** Without credentials the client has to send a token. */
  begin(credentials: Credentials<Principal> | null): void {
    if (credentials !== null) this.#connect(credentials);
    else {
      this.#cancelToken = this.#options.clock.after(TOKEN_MS, () => {
        this.close(4401, 'No token came in time.');
      });
    }
  }

  close(code: CloseCode, reason: string): void {
    if (!this.#open) return;
    this.#end();
    this.#socket.close(code, reason);
    this.#options.clock.after(CLOSE_MS, () => {
      this.#socket.terminate();
    });
  }

  #connect(credentials: Credentials<Principal>): void {
    this.#cancelToken();
    try {
      this.#connection = this.#options.connect(credentials, {
        send: (frame) => {
          this.#send(frame);
        },
        pressure: () => this.#socket.bufferedAmount,
        close: (code, reason) => {
          this.close(code, reason);
        },
      });
    } catch (error) {
      // A client that is told 4401 would fetch another token, which a tide that is closed does not take either.
      if (isTidemarkError(error) && error.code === 'CLOSED') this.close(1001, 'The server is going away.');
      else this.close(4401, 'The credentials are not good.');
    }
  }

  #end(): void {
    if (!this.#open) return;
    this.#open = false;
    for (const cancel of [this.#cancelToken, this.#cancelPing]) cancel();
    this.#quiet.end();
    this.#waiting = undefined;
    this.#connection?.end();
    this.#options.ended();
  }

  // ── From the client ───────────────────────────────────────────────────────────────────────────────────────────

  #take(frame: unknown): void {
    if (!this.#open) return;
    if (this.#connection !== undefined) void this.#connection.receive(frame);
    else if (this.#waiting !== undefined) {
      if (this.#waiting.push(frame) > MAX_WAITING) this.close(4408, 'Too many frames before the token was looked at.');
    } else void this.#authenticate(frame);
  }

  async #authenticate(frame: unknown): Promise<void> {
    const { verify } = this.#options;
    const { kind, token } = (typeof frame === 'object' && frame !== null ? frame : {}) as Record<string, unknown>;
    if (kind !== 'authenticate' || verify === undefined) {
      this.close(4401, 'A token has to come first.');
      return;
    }
    this.#waiting = [];
    const credentials = await verify(token).catch(() => null);
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (!this.#open) return;
    if (credentials === null) this.close(4401, 'The token is not good.');
    else {
      this.#connect(credentials);
      for (const each of waiting) this.#take(each);
    }
  }

  #heard(): void {
    this.#heardAt = this.#options.clock.now();
  }

  #ping(): void {
    const { clock } = this.#options;
    this.#cancelPing = clock.after(ALIVE_MS, () => {
      if (clock.now() - this.#heardAt >= GONE_MS) {
        this.#end();
        this.#socket.terminate();
        return;
      }
      this.#socket.ping();
      this.#ping();
    });
  }

  // ── To the client ─────────────────────────────────────────────────────────────────────────────────────────────

  #send(frame: ServerFrame): void {
    if (!this.#open) return;
    this.#quiet.sent();
    this.#socket.send(JSON.stringify(frame), () => {
      this.#connection?.drained();
    });
  }
}

/** Undefined for what is no JSON: no frame either, and answered as such. */
function parsed(data: unknown): unknown {
  try {
    return JSON.parse(String(data)) as unknown;
  } catch {
    return undefined;
  }
}
