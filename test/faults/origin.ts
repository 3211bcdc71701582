import type { Database } from './database.js';
import type { Kingdom, Settlement } from './model.js';
import { now, pause } from './time.js';
import type { Question } from './wire.js';

export interface OriginCall {
  readonly replica: string;
  readonly kind: Question['kind'];
  readonly ids: readonly string[];
  readonly start: number;
}

/** What all replicas load from. It answers with what was so when it was asked, and takes its time. */
export class Origin {
  readonly calls: OriginCall[] = [];
  delayMs: number;
  /** Holds answers back: called with each question once its answer is known. */
  gate: ((call: OriginCall) => Promise<void>) | null = null;
  readonly #database: Database;
  readonly #running = new Map<string, number>();
  readonly #most = new Map<string, number>();

  constructor(database: Database, delayMs: number) {
    this.#database = database;
    this.delayMs = delayMs;
  }

  async answer(replica: string, { kind, type, ids }: Question, shape: string): Promise<(Kingdom | Settlement)[]> {
    const call = { replica, kind, ids, start: now() };
    this.calls.push(call);
    const running = (this.#running.get(replica) ?? 0) + 1;
    this.#running.set(replica, running);
    this.#most.set(replica, Math.max(running, this.#most.get(replica) ?? 0));
    const rows = kind === 'childrenOf' ? this.#database.childrenOf(ids, shape) : this.#database.byIds(type, ids, shape);
    if (this.delayMs > 0) await pause(this.delayMs * (0.5 + Math.random()));
    await this.gate?.(call);
    this.#running.set(replica, (this.#running.get(replica) as number) - 1);
    return rows;
  }

  /** The most calls of one replica that were under way at once since the last `forget`. */
  get most(): number {
    return Math.max(0, ...this.#most.values());
  }

  callsFor(id: string, replica?: string): readonly OriginCall[] {
    return this.calls.filter((call) => call.ids.includes(id) && (replica === undefined || call.replica === replica));
  }

  forget(): void {
    this.calls.length = 0;
    this.#most.clear();
  }
}
