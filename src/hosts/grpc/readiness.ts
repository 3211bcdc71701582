import { inTime } from '../../clock.js';
import type { Clock } from '../../contract.js';
import { type TidemarkErrorCode, messageOf } from '../../errors.js';
import type { Health } from '../../report.js';

export interface ReadinessOptions {
  readonly health: () => Promise<Health>;
  /** What the host asks of its origin; rejects if that cannot be reached. */
  readonly probe: (() => unknown) | undefined;
  readonly clock: Clock;
  readonly probeMs: number;
}

/** Answers in a row that failed since the origin did, and how long after the last one that counts. */
const ORIGIN_FAILURES = 3;
const ORIGIN_MEMORY_MS = 5000;
const ORIGIN_CODES: readonly (TidemarkErrorCode | null)[] = ['ORIGIN_FAILED', 'ORIGIN_TIMEOUT', 'LOAD_FAILED'];

/** Whether questions should be sent here: marks and origin can be reached, and nobody has called for the end. */
export class Readiness {
  readonly #options: ReadinessOptions;
  readonly #listeners = new Set<(isReady: boolean) => void>();
  #draining = false;
  #probing: Promise<string | null> | null = null;
  #probed: { readonly at: number; readonly trouble: string | null } | null = null;
  #failures = 0;
  #failedAt = 0;
  #cancel: () => void = () => {};
  #told = false;

  constructor(options: ReadinessOptions) {
    this.#options = options;
  }

  get isDraining(): boolean {
    return this.#draining;
  }

  /** As it was seen last; false before anybody looked. */
  get seen(): boolean {
    return this.#trouble(this.#probed === null ? 'nobody has looked yet' : this.#probed.trouble) === null;
  }

  /** What is wrong, or null; looked at again if that was longer ago than `probeMs`. Never rejects. */
  async trouble(): Promise<string | null> {
    const { clock, probeMs } = this.#options;
    const probed = this.#probed;
    if (probed !== null && clock.now() - probed.at < probeMs) return this.#trouble(probed.trouble);
    this.#probing ??= this.#probe().finally(() => {
      this.#probing = null;
    });
    return this.#trouble(await this.#probing);
  }

  /** An answer was given, or failed with this code. */
  answered(failed: TidemarkErrorCode | null): void {
    if (!ORIGIN_CODES.includes(failed)) {
      this.#failures = 0;
      return;
    }
    this.#failures++;
    this.#failedAt = this.#options.clock.now();
  }

  /** Calls the listener with what is so at once, and whenever that changes; gives the function that stops it. */
  async watch(listener: (isReady: boolean) => void): Promise<() => void> {
    const isReady = (await this.trouble()) === null;
    listener(isReady);
    if (this.#listeners.size === 0) this.#told = isReady;
    this.#listeners.add(listener);
    if (this.#listeners.size === 1) this.#lookLater();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.#cancel();
    };
  }

  drain(): void {
    this.#draining = true;
    this.#cancel();
    this.#tell(false);
  }

  #trouble(probed: string | null): string | null {
    if (this.#draining) return 'it is being closed';
    if (probed !== null) return probed;
    const isRecent = this.#options.clock.now() - this.#failedAt < ORIGIN_MEMORY_MS;
    return this.#failures >= ORIGIN_FAILURES && isRecent ? 'the last answers failed at the origin' : null;
  }

  async #probe(): Promise<string | null> {
    const { health, probe, clock, probeMs } = this.#options;
    let trouble: string | null;
    try {
      const { issues } = await health();
      trouble = issues.find((issue) => issue.startsWith('Unreachable marks')) ?? null;
      const limitMs = Math.max(1000, probeMs);
      if (probe !== undefined)
        await inTime(
          clock,
          limitMs,
          async () => probe(),
          () => new Error(`no answer within ${String(limitMs)} ms`),
        );
    } catch (error) {
      trouble = `The probe failed: ${messageOf(error)}.`;
    }
    this.#probed = { at: clock.now(), trouble };
    return trouble;
  }

  #lookLater(): void {
    this.#cancel = this.#options.clock.after(this.#options.probeMs, () => {
      void this.trouble().then((trouble) => {
        if (this.#draining || this.#listeners.size === 0) return;
        this.#tell(trouble === null);
        this.#lookLater();
      });
    });
  }

  #tell(isReady: boolean): void {
    if (this.#told === isReady && !this.#draining) return;
    this.#told = isReady;
    for (const listener of this.#listeners) listener(isReady);
  }
}
