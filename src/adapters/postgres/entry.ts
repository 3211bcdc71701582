import type { StoreEntry } from '../../contract.js';
import { bufferOf } from '../../names.js';
import { indexed, isIndexedWhole } from './indexed.js';

/** The version of entries whose header is known here. */
const VERSION = 2;

/**
 * The subjects that a value names and no reader could ask for, from its header as `docs/protocol.md` has it; none for what is no
 * entry.
 */
export function lateSubjects(value: Uint8Array): Buffer[] {
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  if (bytes[0] !== VERSION || bytes.length < 3) return [];
  const subjects: Buffer[] = [];
  let at = 3;
  for (let left = bytes.readUInt16BE(1); left > 0; left--) {
    if (at + 4 > bytes.length) return [];
    const end = at + 4 + bytes.readUInt32BE(at);
    if (end > bytes.length) return [];
    subjects.push(bytes.subarray(at + 4, end));
    at = end;
  }
  return subjects;
}

/** A key as it is looked for, and the whole of one that is too long for that. */
export function storedKey(key: string): { readonly key: Buffer; readonly name: Buffer | null } {
  const bytes = bufferOf(key);
  return { key: indexed(bytes), name: isIndexedWhole(bytes) ? null : bytes };
}

/** What a timestamp can be from now, and more than anything lives. */
const MOST_MS = 1e13;

/** A life as a statement takes it; null for none. */
export const lifeOf = (ttlMs: number | undefined): number | null =>
  ttlMs === undefined ? null : Math.min(Math.ceil(ttlMs), MOST_MS);

/** The values of the statement that sets many: lists, and all bytes as one, which goes over the wire as it is. */
export function setManyValues(entries: readonly StoreEntry[]): readonly unknown[] {
  const keys = entries.map(({ key }) => storedKey(key));
  const subjects = entries.map(({ value }) => lateSubjects(value));
  return [
    keys.map(({ key }) => key),
    keys.map(({ name }) => name),
    entries.map(({ ttlMs }) => lifeOf(ttlMs)),
    Buffer.concat(entries.map(({ value }) => value)),
    ...placesOf(entries.map(({ value }) => value.length)),
    subjects.flat(),
    ...boundsOf(subjects.map(({ length }) => length)),
  ];
}

/** Where each begins, from 1, and the sizes. */
function placesOf(sizes: readonly number[]): [starts: number[], sizes: readonly number[]] {
  let at = 1;
  const starts = sizes.map((size) => (at += size) - size);
  return [starts, sizes];
}

/** The first and the last of each, from 1. */
function boundsOf(sizes: readonly number[]): [firsts: number[], lasts: number[]] {
  const [firsts] = placesOf(sizes);
  return [firsts, firsts.map((first, i) => first + (sizes[i] as number) - 1)];
}
