import type { Bump, SubjectKey } from '../contract.js';
import { branchSubject, subjectKinds, subjectParts } from '../subject.js';

/** A bump of this replica, as far as it is needed to make it again. */
export interface OwnBump {
  readonly epoch: string;
  readonly position: number;
  readonly subjects: readonly SubjectKey[];
  readonly globs: readonly string[];
  /** Empty for one that announces nothing. */
  readonly changeId: string;
}

/** A change of where a branch hangs. */
interface BranchChange {
  readonly changeId: string;
  readonly epoch: string;
  readonly position: number;
}

/** Per partition. */
const KEPT = 1000;
/** Changes of branches that are known again when they are repeated. */
const BRANCH_CHANGES_KNOWN = 1000;
const BRANCH = `${subjectKinds.branch}:`;

/** The bumps of this replica that the store has acknowledged: after a failover they may be gone, and are made again. */
export class OwnBumps {
  readonly #kept = new Map<number, OwnBump[]>();
  readonly #dropped = new Map<number, OwnBump>();
  /** By the branch's subject the last change of it, whoever made it. */
  readonly #branches = new Map<SubjectKey, BranchChange>();
  /** Changes and the branch that each is of. */
  readonly #branchChanges = new Set<string>();

  add({ partition, epoch, position, subjects, globs, changeId }: Bump): void {
    const kept = this.#kept.get(partition) ?? [];
    this.#kept.set(partition, kept);
    kept.push({ epoch, position, subjects, globs, changeId });
    if (kept.length > KEPT) this.#dropped.set(partition, kept.shift() as OwnBump);
  }

  /** A bump was heard, of this replica or another: of each branch the last change is known. */
  heard({ subjects, changeId, epoch, position }: Bump): void {
    for (const subject of subjects) {
      if (!subject.startsWith(BRANCH)) continue;
      const change = `${changeId} ${subject}`;
      if (this.#branchChanges.has(change)) continue; // it is repeated
      this.#branchChanges.add(change);
      if (this.#branchChanges.size > BRANCH_CHANGES_KNOWN)
        this.#branchChanges.delete(this.#branchChanges.values().next().value as string);
      const last = this.#branches.get(subject);
      if (last?.epoch === epoch && last.position > position) continue;
      this.#branches.set(subject, { changeId, epoch, position });
    }
  }

  /**
   * Those of an epoch above a position, once another has replaced it; null if it is not known any more which they were, or
   * if an epoch between the two has some. Where a branch hung before its last change is not said again: who does not know
   * of that change yet would take it for where the branch hangs.
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
    return others.filter((bump) => bump.position > position).map((bump) => this.#asOfNow(bump));
  }

  #asOfNow(bump: OwnBump): OwnBump {
    const subjects = bump.subjects.filter((subject) => {
      const [kind, branch = ''] = subjectParts(subject);
      if (kind !== 'branch' && kind !== 'link') return true;
      return (this.#branches.get(branchSubject(branch))?.changeId ?? bump.changeId) === bump.changeId;
    });
    return subjects.length === bump.subjects.length ? bump : { ...bump, subjects };
  }

  /** It is settled what became of those of all epochs but this one. */
  forgetAllBut(partition: number, current: string): void {
    const left = (this.#kept.get(partition) ?? []).filter(({ epoch }) => epoch === current);
    this.#kept.set(partition, left);
    if (this.#dropped.get(partition)?.epoch !== current) this.#dropped.delete(partition);
  }
}
