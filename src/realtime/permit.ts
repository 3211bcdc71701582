import type { Clock } from '../contract.js';
import { TidemarkError } from '../errors.js';
import { type Guard, permittedUntil } from './authorize.js';
import { type OnError, toError } from './retry.js';
import { type Bearer, type Revocations, concerns } from './revocations.js';

export interface PermitOptions {
  readonly guard: Guard;
  /** Whose it is, for revocations. */
  readonly bearer: Bearer;
  /** What is subscribed to, for messages. */
  readonly name: string;
  readonly clock: Clock;
  readonly onError: OnError;
  /** Undefined: none are ever heard of. */
  readonly revocations: Revocations | undefined;
  /** It has just become valid, or what kept it from being so is over. */
  readonly onValid: () => void;
  readonly onRefused: (refusal: Error) => void;
}

/**
 * The permission of one subscription: asked for at once, again when it runs out, and again when it may have been taken back.
 * It is void from that moment on until the answer is there, and as long as it is not known what was taken back.
 */
export class Permit {
  readonly #options: PermitOptions;
  readonly #ending = new AbortController();
  /** In milliseconds since 1970. */
  #until = -Infinity;
  #asking = false;
  /** Taken back since the question was put. */
  #isRevoked = false;
  #cancelTimer: (() => void) | undefined;
  readonly #unfollow: (() => void) | undefined;

  constructor(options: PermitOptions) {
    this.#options = options;
    this.#unfollow = options.revocations?.follow({
      revoked: (what) => {
        if (concerns(what, options.bearer)) this.revoke();
      },
      renewed: (connection) => {
        if (connection === options.bearer.connection) this.revoke();
      },
      confirmed: () => {
        if (this.#until !== -Infinity) options.onValid();
      },
    });
    this.#ask();
  }

  /** Whether anything may be delivered now. If not, it is asked for, or will be told of. */
  get isValid(): boolean {
    const { clock, revocations } = this.#options;
    if (revocations?.isConfirmed === false) return false;
    // The timer may be late, after a pause of the process.
    if (this.#until === Infinity || clock.wallNow() < this.#until) return true;
    this.#ask();
    return false;
  }

  /** Void until it has been asked for again. */
  revoke(): void {
    this.#isRevoked = true;
    this.#until = -Infinity;
    this.#ask();
  }

  end(): void {
    this.#ending.abort();
    this.#cancelTimer?.();
    this.#unfollow?.();
  }

  #ask(): void {
    if (this.#asking || this.#ending.signal.aborted) return;
    this.#asking = true;
    this.#cancelTimer?.();
    this.#answer().then(
      (until) => {
        this.#asking = false;
        if (this.#ending.signal.aborted) return;
        // Whoever takes it back may do so between the answer and here.
        if (until === undefined || this.#isRevoked) this.#ask();
        else this.#permit(until);
      },
      (refusal: unknown) => {
        if (!this.#ending.signal.aborted) this.#options.onRefused(toError(refusal));
      },
    );
  }

  #permit(until: number): void {
    this.#until = until;
    this.#expire();
    if (this.#options.revocations?.isConfirmed !== false) this.#options.onValid();
  }

  /** Until when it holds; undefined if it was taken back meanwhile. */
  async #answer(): Promise<number | undefined> {
    const { guard, name, clock, onError, revocations } = this.#options;
    // What is taken back from now on is heard of: only then may the question be put.
    if (revocations?.isConfirmed === false) await revocations.confirmed(this.#ending.signal);
    const wasRevoked = this.#isRevoked;
    this.#isRevoked = false;
    try {
      const asking = { name, signal: this.#ending.signal, wallNow: () => clock.wallNow(), onError };
      const until = await permittedUntil(guard, asking);
      return this.#isRevoked ? undefined : until;
    } catch (cause) {
      if (!wasRevoked && !this.#isRevoked) throw cause;
      throw new TidemarkError('REVOKED', `${name}: the permission was taken back.`, { cause });
    }
  }

  /** Asks again when the permission runs out. A timer may fire early: not every clock counts months. */
  #expire(): void {
    if (this.#until === Infinity || this.#ending.signal.aborted) return;
    const { clock } = this.#options;
    this.#cancelTimer = clock.after(Math.max(0, this.#until - clock.wallNow()), () => {
      if (clock.wallNow() < this.#until) this.#expire();
      else this.#ask();
    });
  }
}
