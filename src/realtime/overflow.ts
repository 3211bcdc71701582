import { TidemarkError } from '../errors.js';
import type { ChangeItem, Overflow, SubscriptionItem } from '../watching.js';
import type { Ring } from './ring.js';

const POLICIES: readonly Overflow[] = ['resync', 'replay', 'drop-oldest', 'coalesce', 'disconnect'];

/** Throws INVALID_OPTION. */
export function checkOverflow(value: unknown): asserts value is Overflow | undefined {
  if (value === undefined || (POLICIES as readonly unknown[]).includes(value)) return;
  const known = POLICIES.map((policy) => `'${policy}'`).join(', ');
  throw new TidemarkError(
    'INVALID_OPTION',
    `overflow: expected one of ${known}, got ${typeof value === 'string' ? `'${value}'` : typeof value}.`,
  );
}

/** Entities of which one who does not read is remembered a change. Beyond that, it is told to look at everything. */
const MAX_ENTITIES = 10_000;

interface Kept {
  readonly sequence: number;
  readonly item: SubscriptionItem;
}

/**
 * What a subscriber has not read and is no longer in the ring: of each entity one item, in the order of their last changes.
 * So whoever has one of them has seen, or seen replaced, all before it, as its cursor says.
 */
export class Coalesced {
  readonly #kept = new Map<string, Kept>();

  get isEmpty(): boolean {
    return this.#kept.size === 0;
  }

  add(sequence: number, item: SubscriptionItem): void {
    const kept = this.#kept;
    // What is before a resync need not be told.
    if (item.kind === 'resync') kept.clear();
    const key = keyOf(item);
    const before = kept.get(key)?.item;
    kept.delete(key);
    kept.set(key, { sequence, item: before === undefined ? item : merged(before, item) });
    if (kept.size <= MAX_ENTITIES) return;
    kept.clear();
    const { cursor } = item;
    kept.set('', { sequence, item: Object.freeze({ kind: 'resync', cursor, reason: 'overflow' }) });
  }

  /** The rest of a ring from this sequence on. */
  addAll(ring: Ring<SubscriptionItem>, from: number): void {
    for (let sequence = from; sequence < ring.next; sequence++) {
      const item = ring.get(sequence);
      if (item !== undefined) this.add(sequence, item);
    }
  }

  /** The first, which is not kept any longer. */
  shift(): SubscriptionItem | undefined {
    const [first] = this.#kept;
    if (first === undefined) return undefined;
    this.#kept.delete(first[0]);
    return first[1].item;
  }

  clear(): void {
    this.#kept.clear();
  }

  /** Those before this sequence have been told otherwise. */
  forgetBefore(end: number): void {
    for (const [key, { sequence }] of this.#kept) if (sequence < end) this.#kept.delete(key);
  }
}

function keyOf(item: SubscriptionItem): string {
  if (item.kind === 'resync') return '';
  const { entityType, entityId, branch } = item;
  return JSON.stringify([entityType, branch, entityId === null ? null : String(entityId)]);
}

/** Two changes of one entity as one: the newer, with what the older one changed. */
function merged(older: SubscriptionItem, newer: SubscriptionItem): SubscriptionItem {
  if (older.kind !== 'change' || newer.kind !== 'change') return newer;
  if (newer.op !== 'update' || older.op === 'delete') return newer;
  const [before, after] = [older.changes, newer.changes];
  const fields =
    before.fields === null || after.fields === null ? null : [...new Set([...before.fields, ...after.fields])];
  const values = { ...before.values, ...after.values };
  const changes: ChangeItem['changes'] = Object.freeze({
    fields: fields && Object.freeze(fields),
    values: Object.freeze(values),
  });
  // Who has not seen the entity come is told that it has.
  return Object.freeze({ ...newer, op: older.op, changes });
}
