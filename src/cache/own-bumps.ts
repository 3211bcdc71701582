import type { Bump, SubjectKey } from '../contract.js';

/** A bump of this replica, as far as it is needed to make it again. */
export interface OwnBump {
  readonly epoch: string;
  readonly position: number;
  readonly subjects: readonly SubjectKey[];
  readonly globs: readonly string[];
  /** Empty for one that announces nothing. */
  readonly changeId: string;
}

/** Per partition. */
const KEPT = 1000;

/** The bumps of this replica that the store has acknowledged: after a failover they may be gone, and are made again. */
export class OwnBumps {
  readonly #kept = new Map<number, OwnBump[]>();
  readonly #dropped = new Map<number, OwnBump>();

  add({ partition, epoch, position, subjects, globs, changeId }: Bump): void {
    const kept = this.#kept.get(partition) ?? [];
    this.#kept.set(partition, kept);
    kept.push({ epoch, position, subjects, globs, changeId });
    if (kept.length > KEPT) this.#dropped.set(partition, kept.shift() as OwnBump);
  }

  /** Those of an epoch above a position; null if it is not known any more which they were. */
  above(partition: number, epoch: string, position: number): readonly OwnBump[] | null {
    const dropped = this.#dropped.get(partition);
    if (dropped?.epoch === epoch && dropped.position > position) return null;
    return (this.#kept.get(partition) ?? []).filter((bump) => bump.epoch === epoch && bump.position > position);
  }

  /** It is settled what became of those of an epoch. */
  forget(partition: number, epoch: string): void {
    const left = (this.#kept.get(partition) ?? []).filter((bump) => bump.epoch !== epoch);
    this.#kept.set(partition, left);
    if (this.#dropped.get(partition)?.epoch === epoch) this.#dropped.delete(partition);
  }
}
