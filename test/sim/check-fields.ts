import type { SubscriptionItem } from '../../src/index.js';
import type { Violated } from './check.js';
import type { Session } from './check-delivery.js';
import type { ReadChecker } from './check-reads.js';
import type { ReadRecord } from './history.js';
import type { Process } from './process.js';
import type { Fields, ValueName, World } from './world.js';

export interface FieldsCheckerParts {
  readonly world: World;
  readonly reads: ReadChecker;
  readonly violated: Violated;
  /** A read begins now. */
  readonly begin: (process: Process, label: string) => ReadRecord;
}

/**
 * Of computed fields a subscriber is told what changes. One who has looked once and believes what it is told knows in the
 * end what a read would give it, and was never told what never was.
 */
export class FieldsChecker {
  readonly #parts: FieldsCheckerParts;
  /** What each of them knows; null: there is no such settlement. */
  readonly #known = new Map<Session, Partial<Fields> | null>();

  constructor(parts: FieldsCheckerParts) {
    this.#parts = parts;
  }

  /** It looks at everything, as it does when it begins and after each resync; from then on it believes what it is told. */
  looked(session: Session): void {
    const { settlement } = session;
    if (settlement === undefined) return;
    const { world } = this.#parts;
    const [id = '', branch = ''] = settlement.split('@');
    const own = world.record('settlement', id, branch);
    const above = own && world.record('kingdom', own.parentId, branch);
    const below = world.children('structure', 'settlement', id, branch);
    this.#known.set(session, own && { own, above, below, edition: world.edition() });
  }

  delivered(session: Session, item: SubscriptionItem): void {
    if (item.kind === 'resync') this.looked(session);
    if (item.kind !== 'computed') return;
    const field = item.field as keyof Fields;
    // All are null of what is gone: the first says so. Of what is there the kingdom alone may be gone.
    if (item.after === null && field === 'own') {
      this.#known.set(session, null);
      return;
    }
    const before = this.#known.get(session);
    if (item.after === null && before === null) return;
    const known = { ...before, [field]: item.after };
    this.#judgeEver(session, field, known);
    this.#known.set(session, known);
  }

  finish(session: Session): void {
    const known = this.#known.get(session);
    if (known === undefined || session.settlement === undefined || session.until !== Infinity) return;
    // The marks refuse it: nothing tells it what changes.
    if (session.process.stranger) return;
    const { reads, begin } = this.#parts;
    const read = begin(session.process, `what ${session.name} was told`);
    reads.judge(read, `settlement:${session.settlement}`, known?.own ?? null);
    if (known == null) return;
    for (const field of ['above', 'below', 'edition'] as const) {
      const name = nameOf(session.settlement, field, known);
      if (name !== undefined && field in known) reads.judge(read, name, known[field]);
    }
  }

  #judgeEver(session: Session, field: keyof Fields, known: Partial<Fields>): void {
    const { world, violated } = this.#parts;
    const name = nameOf(session.settlement as string, field, known);
    const content = JSON.stringify(known[field]);
    if (name === undefined || world.newestWith(name, content, world.last) !== null) return;
    violated('P7', `${session.name} was told that ${field} is ${content}, which ${name} never was`);
  }
}

/** The value that a field shows; undefined while it is not known which. */
function nameOf(settlement: string, field: keyof Fields, { own }: Partial<Fields>): ValueName | undefined {
  const branch = settlement.split('@')[1] as string;
  if (field === 'own') return `settlement:${settlement}`;
  if (field === 'below') return `structure<settlement:${settlement}`;
  if (field === 'edition') return `edition:all@${branch}`;
  return own === undefined ? undefined : `kingdom:${own.parentId}@${branch}`;
}
