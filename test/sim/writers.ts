import type { Receipt } from '../../src/index.js';
import { branchAt, entityOf } from './cast.js';
import { pick } from './dice.js';
import { type ChangeRecord, type KnownBump, bumpOf } from './history.js';
import type { Step } from './plan.js';
import type { Asking } from './realm.js';
import type { Replica } from './replica.js';
import type { Ledger } from './ledger.js';
import type { Simulation } from './simulation.js';
import { type Commit, IDS, TYPES, type Type } from './world.js';

/** Clients that write to the database and announce it. */
export class Writers {
  readonly #sim: Simulation;

  constructor(sim: Simulation) {
    this.#sim = sim;
  }

  act([, what, a, b, c]: Step): boolean {
    const replica = this.#sim.replica(a);
    const branch = branchAt(a);
    switch (what) {
      case 'change':
        this.#change(replica, branch, this.#entity(b), { dice: c, laterMs: [0, 0, 0, 2, 30, 300][(c >> 7) % 6] ?? 0 });
        return true;
      case 'redraw':
        this.#change(replica, branch, ['province', pick(IDS.province, b)], { dice: c, laterMs: 0 });
        return true;
      case 'bulk':
        this.#bulk(replica, branch, pick(TYPES, b), [b >> 2, c]);
        return true;
      case 'reparent':
        this.#reparent(replica, b % 3 === 0 ? 'main' : 'draft');
        return true;
      case 'editRules':
        this.#editRules(replica);
        return true;
      case 'transact':
        if (this.#sim.ledger === null) this.#transact(replica, branch, b, c);
        else this.#write(replica, branch, b, c);
        return true;
      case 'write':
        this.#write(replica, branch, b, c);
        return true;
      default:
        return false;
    }
  }

  #entity(dice: number): readonly [Type, string] {
    return entityOf(this.#sim.plan.seed, dice);
  }

  #commit(branch: string, [type, id]: readonly [Type, string], dice: number): Commit {
    return this.#sim.world.commit(this.#sim.engine.now, this.#knownBranch(branch), type, id, dice);
  }

  /** Nobody writes in a fork that is not there yet. */
  #knownBranch(branch: string): string {
    return branch === 'fork' && this.#sim.world.parentOf('fork') === undefined ? 'draft' : branch;
  }

  #change(
    replica: Replica,
    branch: string,
    entity: readonly [Type, string],
    { dice, laterMs }: { readonly dice: number; readonly laterMs: number },
  ): void {
    const { engine } = this.#sim;
    replica.process.receive('request', () => {
      const commit = this.#commit(branch, entity, dice);
      const announce = (): void => {
        this.#announce(replica, labelOf(commit), [commit], bumpOf.entity(commit), changeOf(commit, dice >> 3));
      };
      if (laterMs === 0) announce();
      else engine.at(engine.now + laterMs, () => replica.process.receive('request', announce));
    });
  }

  #announce(replica: Replica, label: string, commits: readonly Commit[], bump: KnownBump, change: object): void {
    const { history, changes, engine } = this.#sim;
    const record = history.change(replica.process, label, { commits, bump, isEvent: true });
    this.#sim.track(
      replica.process,
      `#${String(record.number)} ${label}`,
      () => replica.tide.change(change as never),
      (receipt) => {
        history.resolved(record, receipt);
        record.endAt = engine.now;
        changes.receipt(record);
      },
    );
  }

  #bulk(replica: Replica, branch: string, type: Type, dice: readonly number[]): void {
    replica.process.receive('request', () => {
      const where = this.#knownBranch(branch);
      const commits = dice.map((one) => this.#commit(where, [type, pick(IDS[type], one)], one));
      const subject = replica.tide.subject.type(type, { branch: where });
      this.#announce(replica, `bulk ${type}@${where}`, commits, bumpOf.bulk(type, where), { subjects: [subject] });
    });
  }

  #reparent(replica: Replica, parent: string): void {
    const { world, engine } = this.#sim;
    replica.process.receive('request', () => {
      const commit = world.reparent(engine.now, parent);
      replica.tree.known = commit.number;
      const subject = replica.tide.subject.branch('fork');
      this.#announce(replica, `fork under ${parent}`, [commit], bumpOf.branch('fork'), { subjects: [subject] });
    });
  }

  #editRules(replica: Replica): void {
    const { world, engine } = this.#sim;
    replica.process.receive('request', () => {
      const commit = world.edit(engine.now);
      const subject = replica.tide.subject.rules('settlement', 'all', { branch: 'main' });
      const label = `edition ${String(world.edition())} of the rules`;
      this.#announce(replica, label, [commit], bumpOf.rules('settlement'), { subjects: [subject] });
    });
  }

  #transact(replica: Replica, branch: string, b: number, c: number): void {
    const sim = this.#sim;
    const { process, tide } = replica;
    process.receive('request', () => {
      const throws = b % 3 === 0;
      let record: ChangeRecord | undefined;
      const run = async (changes: { add(change: object): void; read: Asking }): Promise<void> => {
        const [type, id] = this.#entity(b);
        const read = sim.begin(process, `read in a transaction ${type} ${id}`, { strong: true });
        const row = await changes.read.get(type, id);
        sim.reads.judgeCommitted(read, `${type}:${id}@main`, row);
        if (throws) {
          changes.add({ type: 'structure', id: 'ghost', op: 'update', branch: 'main' });
          throw new Error('rolled back');
        }
        const commit = this.#commit(branch, this.#entity(b), c);
        record = sim.history.change(process, `transaction ${labelOf(commit)}`, {
          commits: [commit],
          bump: bumpOf.entity(commit),
          isEvent: true,
        });
        changes.add(changeOf(commit, c >> 3));
      };
      const call = (): Promise<{ receipt: ChangeRecord['receipt'] } | null> =>
        tide.transaction(run as never, { branch: 'main', via: 'transaction' }).catch((error: unknown) => {
          if ((error as Error).message === 'rolled back') return null;
          throw error;
        });
      sim.track(process, 'transaction', call, (outcome) => {
        if (outcome === null || record === undefined) return;
        sim.history.resolved(record, outcome.receipt);
        sim.changes.receipt(record);
      });
    });
  }

  /** A change that is written down with its data. */
  #write({ process, tide }: Replica, branch: string, b: number, c: number): void {
    const sim = this.#sim;
    const ledger = sim.ledger as Ledger;
    process.receive('request', () => {
      const transaction = ledger.begin();
      const ends = c % 3 === 0 ? pick(ENDS, c >> 4) : 'commits';
      let record: ChangeRecord | null = null;
      const run = async (changes: { add(change: object): Promise<void> }): Promise<void> => {
        const draft = sim.world.draft(this.#knownBranch(branch), ...this.#entity(b), c >> 2);
        await changes.add(changeOf({ ...draft.what, at: sim.engine.now }, c >> 3));
        const commit = () => ledger.commit(process, transaction, draft);
        if (ends === 'commits later') {
          sim.engine.at(sim.engine.now + 3000 * ((c >> 5) / 312), () => {
            process.receive('request', () => void commit().catch(() => undefined));
          });
          return;
        }
        if (ends === 'rolls back') return;
        if (ends === 'rolls back and throws') throw new Error('rolled back');
        record = await commit();
        if (record === null || ends === 'commits and throws') throw new Error('rolled back');
      };
      const call = (): Promise<{ receipt: Receipt } | null> =>
        tide.transaction(run as never, { branch: 'main', via: transaction }).catch((error: unknown) => {
          // The database may be down: then nothing is known of what became of it.
          if (/^rolled back$|^the database is down$/.test((error as Error).message)) return null;
          throw error;
        });
      sim.track(process, 'transaction with an outbox', call, (outcome) => {
        if (outcome === null || record === null || !ledger.isKnown(record)) return;
        sim.history.resolved(record, outcome.receipt);
        sim.changes.receipt(record);
      });
    });
  }
}

/** How a transaction ends. */
const ENDS = ['rolls back', 'rolls back and throws', 'commits and throws', 'commits later'] as const;

export const labelOf = ({ op, type, id, branch, number }: Commit): string =>
  `${op} ${String(type)} ${id}@${branch} (${String(number)})`;

/** The change as a host announces it: sometimes without the images, sometimes with one of an older version. */
function changeOf(commit: Commit, dice: number): object {
  const { type, id, branch, op, before, after, moves } = commit;
  const named = { type, id, branch, op };
  if (after === null || before === null) return op === 'create' || dice % 2 === 0 ? { ...named, after } : named;
  if (op === 'update' && dice % 5 === 2) {
    return { ...named, before: { ...before, version: before.version - 1, parentId: 'elsewhere' }, after };
  }
  // An update without both images asserts that it moved nothing.
  if (op === 'update' && moves) return { ...named, before, after };
  return dice % 5 === 0 ? named : dice % 5 === 1 ? { ...named, after } : { ...named, before, after };
}
