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

  /**
   * Those of an epoch above a position, once another has replaced it; null if it is not known any more which they were, or
   * if an epoch between the two has some.
   */
  above(partition: number, position: number, epochs: { readonly replaced: string; readonly current: string }) {
    const { replaced, current } = epochs;
    const dropped = this.#dropped.get(partition);
    if (
      dropped !== undefined &&
      dropped.epoch !== current &&
      !(dropped.epoch === replaced && dropped.position <= position)
    )
      return null;
    const others = (this.#kept.get(partition) ?? []).filter(({ epoch }) => epoch !== current);
    if (others.some(({ epoch }) => epoch !== replaced)) return null;
    return others.filter((bump) => bump.position > position);
  }

  /** It is settled what became of those of all epochs but this one. */
  forgetAllBut(partition: number, current: string): void {
    const left = (this.#kept.get(partition) ?? []).filter(({ epoch }) => epoch === current);
    this.#kept.set(partition, left);
    if (this.#dropped.get(partition)?.epoch !== current) this.#dropped.delete(partition);
  }
}
