import { inTime } from '../clock.js';
import type { Bus, Clock } from '../contract.js';
import { FollowedTopic } from './followed-topic.js';
import { type OnError, lateError, toError } from './retry.js';
import type { Codec } from './wire.js';

/** The topic on which revocations are published. No subject has this name. */
export const REVOCATIONS = 'revocations';

const VERSION = 1;
/** Ids of revocations that were applied before they are read of again. */
const MAX_APPLIED = 1000;

/** Whose permissions are taken back: of all that is named together; of everybody if nothing is. */
export interface Revoked {
  readonly principal?: string | undefined;
  readonly connection?: string | undefined;
  /** The text of a subject. */
  readonly target?: string | undefined;
}

/** Whose a permission is. What is not known of it may be anything. */
export interface Bearer {
  readonly principal?: string | undefined;
  readonly connection?: string | undefined;
  readonly targets: readonly string[];
}

/** Whether a revocation is about this permission, as far as is known. */
export function concerns({ principal, connection, target }: Revoked, bearer: Bearer): boolean {
  if (principal !== undefined && bearer.principal !== undefined && principal !== bearer.principal) return false;
  // Who has no connection is none that could be named.
  if (connection !== undefined && connection !== bearer.connection) return false;
  return target === undefined || bearer.targets.includes(target);
}

export interface RevocationsOptions {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly codec: Codec;
  readonly onError: OnError;
  /** How long what is known of revocations counts: longer than that nothing goes on without being confirmed. */
  readonly maxStalenessMs: number;
  /** When a publication or a read counts as failed. */
  readonly timeoutMs: number;
  /** Ids of publications. */
  readonly newId: () => string;
}

export interface RevocationListener {
  revoked(what: Revoked): void;
  /** A connection has new credentials, on this replica. */
  renewed?(connection: string): void;
  /** All revocations up to now are known again, after a time in which they were not. */
  confirmed?(): void;
}

/**
 * The revocations of all replicas. As long as somebody listens they are heard of at once, and read from history some times
 * per `maxStalenessMs`, whatever became of a message; where history has a hole, everybody's permission is taken back.
 */
export class Revocations {
  readonly #options: RevocationsOptions;
  readonly #listeners = new Set<RevocationListener>();
  /** Those who wait for a confirmation. */
  #waiting = new Set<() => void>();
  /** Ids of the latest that were applied, to apply each once. */
  readonly #applied = new Set<string>();
  #topic: FollowedTopic | undefined;

  constructor(options: RevocationsOptions) {
    this.#options = options;
  }

  /** Whether all revocations are known that were made longer ago than `maxStalenessMs`. */
  get isConfirmed(): boolean {
    return this.#topic?.isConfirmed === true;
  }

  /** Resolves once that holds, or the signal fires. */
  confirmed(signal: AbortSignal): Promise<void> {
    if (this.isConfirmed || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        signal.removeEventListener('abort', done);
        this.#waiting.delete(done);
        resolve();
      };
      this.#waiting.add(done);
      signal.addEventListener('abort', done, { once: true });
    });
  }

  /** Returns what ends it. */
  follow(listener: RevocationListener): () => void {
    this.#listeners.add(listener);
    if (this.#topic === undefined) {
      this.#topic = new FollowedTopic(
        { topic: REVOCATIONS, ...this.#options },
        {
          heard: (bytes) => {
            this.#heard(bytes);
          },
          missed: () => {
            this.apply({});
          },
          confirmed: () => {
            this.#tellConfirmed();
          },
        },
      );
      this.#topic.begin();
    }
    return () => {
      if (this.#listeners.delete(listener) && this.#listeners.size === 0) this.close();
    };
  }

  /** Tells this replica at once, then all others. Rejects if the bus does not take it. */
  async revoke(what: Revoked): Promise<void> {
    const { bus, clock, codec, newId, timeoutMs } = this.#options;
    const id = newId();
    this.#remember(id);
    this.apply(what);
    const bytes = codec.encode({ v: VERSION, id, ...what });
    const late = (): Error => lateError(`publish ${REVOCATIONS}`, timeoutMs);
    await inTime(clock, timeoutMs, () => bus.publish(REVOCATIONS, bytes, { id }), late);
  }

  /** Tells this replica only. */
  apply(what: Revoked): void {
    for (const listener of [...this.#listeners]) listener.revoked(what);
  }

  /** Has the permissions of a connection asked for again. */
  renew(connection: string): void {
    for (const listener of [...this.#listeners]) listener.renewed?.(connection);
  }

  close(): void {
    this.#listeners.clear();
    this.#topic?.end();
    this.#topic = undefined;
  }

  #heard(bytes: Uint8Array): void {
    let message: ReturnType<typeof decode>;
    try {
      message = decode(bytes, this.#options.codec);
    } catch (thrown) {
      this.#options.onError(toError(thrown), `decode a message of ${REVOCATIONS}`);
      this.apply({});
      return;
    }
    if (this.#applied.has(message.id)) return;
    this.#remember(message.id);
    this.apply(message.what);
  }

  #remember(id: string): void {
    this.#applied.add(id);
    if (this.#applied.size > MAX_APPLIED) this.#applied.delete(this.#applied.values().next().value as string);
  }

  #tellConfirmed(): void {
    const waiting = this.#waiting;
    this.#waiting = new Set();
    for (const done of waiting) done();
    for (const listener of [...this.#listeners]) listener.confirmed?.();
  }
}

function decode(bytes: Uint8Array, codec: Codec): { readonly id: string; readonly what: Revoked } {
  const wire = codec.decode(bytes) as Readonly<Record<string, unknown>> | null;
  const { v, id, ...what } = typeof wire === 'object' && wire !== null ? wire : {};
  if (v !== VERSION || typeof id !== 'string') throw malformed();
  const { principal, connection, target } = what;
  for (const text of [principal, connection, target])
    if (text !== undefined && typeof text !== 'string') throw malformed();
  return { id, what: { principal, connection, target } as Revoked };
}

const malformed = (): Error => new TypeError(`revocation: expected one of version ${String(VERSION)}.`);
