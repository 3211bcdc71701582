import { randomId } from '../clock.js';
import type { Clock, StoredValue } from '../contract.js';
import { type TidemarkErrorCode, ERROR_CODES, TidemarkError, isTidemarkError, messageOf } from '../errors.js';
import { digestOf } from '../fingerprint.js';
import type { Flight } from './flight.js';
import type { Tier2 } from './tier2.js';

export interface LeasesOptions {
  readonly tier2: Tier2;
  readonly clock: Clock;
  readonly random: () => number;
  /** How long a load is another replica's without a word from it. */
  readonly leaseMs: number;
}

/** The right to load one value, for which other replicas wait. */
export interface Lease {
  /** The value is stored, or others may as well load it themselves. */
  release(outcome: 'stored' | 'not kept'): Promise<void>;
  /** Those who wait fail alike. */
  fail(error: unknown): Promise<void>;
}

/** What became of a load of another replica's. */
export type Ended = 'over' | 'not kept' | { readonly failed: TidemarkError };

/** A lease of this replica's. */
interface Holding {
  readonly value: Uint8Array;
  readonly flight: Flight;
}

interface Keys {
  readonly lease: string;
  /** What a load came to that stored nothing, for those who wait. */
  readonly note: string;
}

interface Waiting {
  readonly keys: Keys;
  /** Whose lease it is, once that is known. */
  holder: string | null;
  readonly end: (ended: Ended) => void;
}

/** Pauses between looks at the leases of others: the last one repeats. */
const LOOKS_MS = [5, 10, 20] as const;
const NOTE_MS = 1000;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A lease for when the store cannot be asked: everybody loads. */
const UNSHARED: Lease = { release: async () => {}, fail: async () => {} };

/**
 * One load of a cold value among all replicas: whoever sets the lease loads, the others look at it until it is gone. Its
 * key holds a digest of the marks, so that nobody waits for a load that a change has overtaken. Nothing relies on it for
 * correctness: what was loaded is judged by its marks like every entry.
 */
export class Leases {
  readonly #options: LeasesOptions;
  readonly #held = new Map<string, Holding>();
  readonly #waiting = new Set<Waiting>();
  /** Loads that another replica's were waited for. */
  waits = 0;
  #looks = 0;
  #looking = false;
  #cancelRenewal: (() => void) | null = null;
  #cancelLook: () => void = () => {};

  constructor(options: LeasesOptions) {
    this.#options = options;
  }

  get held(): number {
    return this.#held.size;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * The lease of each load, or null if another replica has it, or had it and has stored something else than was `seen`
   * since.
   */
  async take(flights: readonly Flight[], seen: ReadonlyMap<Flight, StoredValue>): Promise<(Lease | null)[]> {
    const { tier2 } = this.#options;
    if (!tier2.isAtomic) return flights.map(() => UNSHARED);
    const taking = flights.map((flight) => this.#take(flight));
    // Sent behind them: another's load may have ended since the store was looked at.
    const looking = tier2.getMany(flights.map((flight) => tier2.keyOf(flight)));
    const [taken, stored] = await Promise.all([Promise.all(taking), looking]);
    return Promise.all(
      flights.map(async (flight, i) => {
        const lease = taken[i] as Lease | null;
        const found = stored?.get(tier2.keyOf(flight));
        if (lease === null || found === undefined || isSame(found, seen.get(flight))) return lease;
        await lease.release('stored');
        return null;
      }),
    );
  }

  async #take(flight: Flight): Promise<Lease | null> {
    const { tier2, random, leaseMs } = this.#options;
    const keys = this.#keysOf(flight);
    // The marks of a view are found while it is loaded: its key is the same before and after a change.
    if (this.#held.get(keys.lease)?.flight.isDoomed === true) return UNSHARED;
    const owner = randomId(random);
    const value = encoder.encode(owner);
    const taken = await tier2.attempt('setIfAbsent', (store) => store.setIfAbsent(keys.lease, value, leaseMs));
    if (taken === null) return UNSHARED;
    if (!taken) return null;
    const holding = { value, flight };
    this.#held.set(keys.lease, holding);
    this.#renewLater();
    const end = (note: Uint8Array | null): Promise<void> => this.#end(keys, holding, note);
    return {
      release: (outcome) => end(outcome === 'stored' ? null : noteOf(owner)),
      fail: (error) => end(noteOf(owner, error)),
    };
  }

  async #end(keys: Keys, holding: Holding, note: Uint8Array | null): Promise<void> {
    const { tier2 } = this.#options;
    if (this.#held.get(keys.lease) === holding) this.#held.delete(keys.lease);
    if (this.#held.size === 0) this.#cancelRenewal?.();
    if (note !== null) {
      const entry = { key: keys.note, value: note, ttlMs: NOTE_MS };
      await tier2.attempt('setMany', (store) => store.setMany([entry]));
    }
    await this.#drop(keys.lease, holding);
  }

  async #drop(lease: string, { value }: Holding): Promise<void> {
    await this.#options.tier2.attempt('deleteIf', (store) => store.deleteIf(lease, value));
  }

  /** Long loads keep their leases; those of a process that died run out, those of a load that a change overtook go. */
  #renewLater(): void {
    if (this.#cancelRenewal !== null) return;
    const { clock, tier2, leaseMs } = this.#options;
    const cancel = clock.after(leaseMs / 3, () => {
      this.#cancelRenewal = null;
      for (const [lease, holding] of this.#held) {
        if (holding.flight.isDoomed) {
          this.#held.delete(lease);
          void this.#drop(lease, holding);
        } else void tier2.attempt('renewIf', (store) => store.renewIf(lease, holding.value, leaseMs));
      }
      if (this.#held.size > 0) this.#renewLater();
    });
    this.#cancelRenewal = () => {
      cancel();
      this.#cancelRenewal = null;
    };
  }

  // ── Waiting ───────────────────────────────────────────────────────────────────────────────────────────────────

  /** Resolves when the load that holds this flight's lease has ended, as far as can be seen. */
  wait(flight: Flight): Promise<Ended> {
    this.waits++;
    return new Promise((end) => {
      this.#waiting.add({ keys: this.#keysOf(flight), holder: null, end });
      if (!this.#looking) this.#lookLater();
    });
  }

  /** Ends every waiting: the tide closes. */
  close(): void {
    this.#cancelRenewal?.();
    this.#cancelLook();
    for (const { end } of this.#waiting) end('over');
    this.#waiting.clear();
  }

  #lookLater(): void {
    this.#looking = true;
    const pauseMs = LOOKS_MS[Math.min(this.#looks++, LOOKS_MS.length - 1)] as number;
    this.#cancelLook = this.#options.clock.after(pauseMs, () => {
      void this.#look().finally(() => {
        this.#looking = false;
        if (this.#waiting.size > 0) this.#lookLater();
        else this.#looks = 0;
      });
    });
  }

  async #look(): Promise<void> {
    const waiting = [...this.#waiting];
    const keys = waiting.flatMap((one) => [one.keys.lease, one.keys.note]);
    const found = await this.#options.tier2.attempt('getMany', (store) => store.getMany(keys));
    for (const [i, one] of waiting.entries()) {
      const ended = found === null ? 'over' : endedBy(one, found[2 * i], found[2 * i + 1]);
      if (ended === null || !this.#waiting.delete(one)) continue;
      one.end(ended);
    }
  }

  #keysOf(flight: Flight): Keys {
    const digest = digestOf(`${this.#options.tier2.keyOf(flight)} ${flight.digest()}`);
    return this.#options.tier2.leaseKeys(digest);
  }
}

const isSame = (a: StoredValue, b: StoredValue | undefined): boolean =>
  b !== undefined && Buffer.compare(a.value, b.value) === 0;

/** Null while the load goes on. */
function endedBy(one: Waiting, lease: StoredValue | undefined, note: StoredValue | undefined): Ended | null {
  const holder = lease && decoder.decode(lease.value);
  if (note !== undefined) {
    const [noted, code, ...message] = decoder.decode(note.value).split('\n');
    if (one.holder === noted && code !== undefined) {
      return { failed: new TidemarkError(codeOf(code), message.join('\n')) };
    }
    // That load may have failed before this wait began, and errors are not kept.
    if (one.holder === noted || (one.holder === null && (code === undefined || noted === holder))) return 'not kept';
  }
  if (holder === undefined) return 'over';
  if (one.holder !== null && one.holder !== holder) return 'over';
  one.holder = holder;
  return null;
}

function noteOf(owner: string, error?: unknown): Uint8Array {
  if (error === undefined) return encoder.encode(owner);
  return encoder.encode([owner, isTidemarkError(error) ? error.code : 'LOAD_FAILED', messageOf(error)].join('\n'));
}

function codeOf(text: string): TidemarkErrorCode {
  return Object.hasOwn(ERROR_CODES, text) ? (text as TidemarkErrorCode) : 'LOAD_FAILED';
}
