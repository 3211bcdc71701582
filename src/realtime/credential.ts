import type { Clock } from '../contract.js';
import { TidemarkError } from '../errors.js';
import type { Credentials } from '../realtime-verbs.js';

/** How long before they run out a client is told. */
const NOTICE_MS = 30_000;

export interface CredentialOptions {
  readonly clock: Clock;
  /** The name of a principal; undefined if nobody says. */
  readonly nameOf: (principal: unknown) => string | undefined;
  /** Told once each time, ahead of the end. */
  readonly onExpiring: (until: number) => void;
  readonly onExpired: () => void;
}

/** Who is at the other end of a connection, and until when that holds. */
export class Credential {
  readonly #options: CredentialOptions;
  #principal: unknown;
  /** In milliseconds since 1970. */
  #until: number;
  #cancelTimer: (() => void) | undefined;
  #ended = false;

  /** Throws UNAUTHORIZED for nobody, or if they have run out. */
  constructor(given: Credentials<unknown>, options: CredentialOptions) {
    this.#options = options;
    this.#until = this.#check(given);
    this.#principal = given.principal;
    this.#arm();
  }

  get principal(): unknown {
    return this.#principal;
  }

  get untilOrNull(): number | null {
    return this.#until === Infinity ? null : this.#until;
  }

  /** Whether it holds now. If not, that is told. */
  get isValid(): boolean {
    if (this.#ended) return false;
    // The timer may be late, after a pause of the process.
    if (this.#options.clock.wallNow() < this.#until) return true;
    this.#expire();
    return false;
  }

  /** New ones of the same principal. Throws UNAUTHORIZED. */
  renew(given: Credentials<unknown>): void {
    const until = this.#check(given);
    const [before, now] = [this.#principal, given.principal].map((principal) => this.#options.nameOf(principal));
    if (given.principal !== this.#principal && (before === undefined || before !== now))
      throw refusal('expected the same principal, got another');
    this.#until = until;
    this.#principal = given.principal;
    this.#arm();
  }

  end(): void {
    this.#ended = true;
    this.#cancelTimer?.();
  }

  #check({ principal, until = Infinity }: Credentials<unknown>): number {
    if (principal === undefined || principal === null) throw refusal('expected a principal, got none');
    // Not `<=`: NaN has run out too.
    if (!(typeof until === 'number' && until > this.#options.clock.wallNow()))
      throw refusal(`expected 'until' in the future, got ${String(until)}`);
    return until;
  }

  /** A timer may fire early: not every clock counts months. */
  #arm(): void {
    this.#cancelTimer?.();
    if (this.#until === Infinity) return;
    const { clock, onExpiring } = this.#options;
    const until = this.#until;
    const at = (moment: number, run: () => void): void => {
      this.#cancelTimer = clock.after(Math.max(0, moment - clock.wallNow()), () => {
        if (clock.wallNow() < moment) at(moment, run);
        else run();
      });
    };
    at(until - NOTICE_MS, () => {
      at(until, () => {
        this.#expire();
      });
      onExpiring(until);
    });
  }

  #expire(): void {
    if (this.#ended) return;
    this.end();
    this.#options.onExpired();
  }
}

const refusal = (what: string): TidemarkError => new TidemarkError('UNAUTHORIZED', `credentials: ${what}.`);
