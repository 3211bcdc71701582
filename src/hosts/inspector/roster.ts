import type { Clock } from '../../contract.js';
import type { MergedStats, ReplicaStats } from '../../report.js';
import type { AnyTide } from './answers.js';

/** One replica as it stands, or as it was last heard. Times are milliseconds of this machine's wall clock. */
export interface Listed {
  readonly id: string;
  readonly own: boolean;
  readonly version: string;
  readonly startedAt: number;
  readonly heardAt: number;
  /** `behind`: its marks are not confirmed for longer than they count. `silent`: it answered, and does not any more. */
  readonly state: 'current' | 'behind' | 'silent' | 'idle';
  /** Since when it is not current; null while it is. */
  readonly since: number | null;
  readonly unconfirmedMs: number | null;
  readonly hits: number;
  readonly misses: number;
  readonly entries: number;
}

export interface Roll {
  readonly at: number;
  /** Why none but this one could be asked; null if they could. */
  readonly unreachable: string | null;
  readonly replicas: readonly Listed[];
}

const WAIT_MS = 500;
/** Two questions without an answer: one may be lost, or late. */
const SILENT_MS = 4500;
const FORGET_MS = 600_000;
const MOST = 64;

/** Who answered of late. Those that stopped are kept for a while: a merged report knows only those that answer. */
export class Roster {
  readonly #tide: AnyTide;
  readonly #clock: Clock;
  readonly #maxStalenessMs: number;
  readonly #heard = new Map<string, { readonly at: number; readonly replica: ReplicaStats }>();
  #calling: Promise<Roll> | null = null;

  constructor(tide: AnyTide, clock: Clock, maxStalenessMs: number) {
    this.#tide = tide;
    this.#clock = clock;
    this.#maxStalenessMs = maxStalenessMs;
  }

  /** Asks all of them, once at a time. Rejects with CLOSED. */
  call(): Promise<Roll> {
    this.#calling ??= this.#call().finally(() => {
      this.#calling = null;
    });
    return this.#calling;
  }

  async #call(): Promise<Roll> {
    const { replicas, unreachable }: MergedStats = await this.#tide.stats({ merged: true, waitMs: WAIT_MS });
    const at = this.#clock.wallNow();
    for (const replica of replicas) this.#heard.set(replica.id, { at, replica });
    for (const [id, heard] of this.#heard) {
      if (at - heard.at > FORGET_MS || this.#heard.size > MOST) this.#heard.delete(id);
    }
    return { at, unreachable, replicas: [...this.#heard.values()].map((heard) => this.#listed(heard, at)) };
  }

  #listed({ at, replica }: { readonly at: number; readonly replica: ReplicaStats }, now: number): Listed {
    const { id, own, version, startTime, unconfirmedMs, stats } = replica;
    const { hits, misses, tier1 } = stats;
    return {
      ...{ id, own, version, startedAt: startTime.getTime(), heardAt: at, unconfirmedMs },
      ...this.#stateOf(at, unconfirmedMs, now),
      ...{ hits, misses, entries: tier1.entries },
    };
  }

  #stateOf(at: number, unconfirmedMs: number | null, now: number): Pick<Listed, 'state' | 'since'> {
    if (now - at > SILENT_MS) return { state: 'silent', since: at };
    if (unconfirmedMs === null) return { state: 'idle', since: null };
    if (unconfirmedMs > this.#maxStalenessMs) return { state: 'behind', since: at - unconfirmedMs };
    return { state: 'current', since: null };
  }
}
