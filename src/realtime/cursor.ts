import type { BusPosition } from '../contract.js';
import { TidemarkError } from '../errors.js';
import { topicHash } from './wire.js';

/** Where a subscription stands. */
export interface Place {
  /** By topic, the last message consumed; undefined where it is not known from where on it was followed. */
  readonly positions: readonly (BusPosition | undefined)[];
  /** Ids of events delivered although copies of them are still to come, with the topics that these come on. */
  readonly late: ReadonlyMap<string, ReadonlySet<number>>;
}

/** A place and the set of topics it belongs to, as {@link topicsHash}. */
export interface Cursor {
  readonly topics: number;
  readonly place: Place;
}

const VERSION = 1;
/** A cursor comes back from a client: refuse to parse what could not be one. */
const MAX_CHARS = 65_536;

/** What tells the cursors of one set of topics from those of another. `topics` are sorted. */
export const topicsHash = (topics: readonly string[]): number => topicHash(JSON.stringify(topics));

/**
 * An opaque string that fits a header and a URL: base64url of `[version, topics, epochs, [epoch, offset, …], [[id,
 * topic, …], …]]`, where an epoch is an index into `epochs`, or -1 for a position that is not known.
 */
export function encodeCursor({ topics, place: { positions, late } }: Cursor): string {
  const epochs: string[] = [];
  const flat: number[] = [];
  for (const position of positions) {
    if (position === undefined) {
      flat.push(-1, 0);
      continue;
    }
    let epoch = epochs.indexOf(position.epoch);
    if (epoch < 0) epoch = epochs.push(position.epoch) - 1;
    flat.push(epoch, position.offset);
  }
  const copies = Array.from(late, ([id, on]) => [id, ...on]);
  return Buffer.from(JSON.stringify([VERSION, topics, epochs, flat, copies])).toString('base64url');
}

/** Inverse of {@link encodeCursor}. Throws INVALID_CURSOR for any other string. */
export function parseCursor(text: string): Cursor {
  const cursor = typeof text === 'string' && text.length <= MAX_CHARS ? parse(text) : undefined;
  if (cursor === undefined) {
    const got = typeof text === 'string' ? `'${text.slice(0, 40)}'` : typeof text;
    throw new TidemarkError('INVALID_CURSOR', `since: expected the cursor of an item, got ${got}.`);
  }
  return cursor;
}

function parse(text: string): Cursor | undefined {
  let wire: unknown;
  try {
    wire = JSON.parse(Buffer.from(text, 'base64url').toString());
  } catch {
    return undefined;
  }
  if (!Array.isArray(wire) || wire.length !== 5) return undefined;
  const [version, topics, epochs, flat, copies] = wire as readonly unknown[];
  if (version !== VERSION || !isCount(topics)) return undefined;
  if (!Array.isArray(epochs) || !epochs.every((epoch) => typeof epoch === 'string')) return undefined;
  if (!Array.isArray(flat) || flat.length % 2 !== 0 || !Array.isArray(copies)) return undefined;
  const positions: (BusPosition | undefined)[] = [];
  for (let i = 0; i < flat.length; i += 2) {
    const [index, offset] = flat.slice(i, i + 2) as readonly unknown[];
    const epoch = isCount(index) ? epochs[index] : undefined;
    if (!isCount(offset) || (epoch === undefined && index !== -1)) return undefined;
    positions.push(epoch === undefined ? undefined : { epoch, offset });
  }
  const late = new Map<string, ReadonlySet<number>>();
  for (const copy of copies as readonly unknown[]) {
    if (!Array.isArray(copy)) return undefined;
    const [id, ...on] = copy as readonly unknown[];
    const known = on.filter((topic): topic is number => isCount(topic) && topic < positions.length);
    if (typeof id !== 'string' || known.length !== on.length) return undefined;
    late.set(id, new Set(known));
  }
  return { topics, place: { positions, late } };
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
