import { TidemarkError } from '../../errors.js';
import type { Cursors } from '../../realtime/frames.js';

/** Several cursors as one text: what an EventSource remembers of the last event, and sends when it comes back. */
export function idOf(cursors: ReadonlyMap<string, string>): string {
  return Buffer.from(JSON.stringify([...cursors])).toString('base64url');
}

/** The inverse of {@link idOf}. Throws INVALID_CURSOR. */
export function cursorsOf(id: string): Cursors {
  try {
    const entries = JSON.parse(Buffer.from(id, 'base64url').toString()) as unknown;
    if (Array.isArray(entries) && entries.every(isEntry)) return Object.fromEntries(entries);
  } catch {
    // Said below.
  }
  throw new TidemarkError('INVALID_CURSOR', `since: expected the id of an event, got '${id.slice(0, 40)}'.`);
}

const isEntry = (entry: unknown): entry is [string, string] =>
  Array.isArray(entry) && entry.length === 2 && entry.every((text) => typeof text === 'string');
