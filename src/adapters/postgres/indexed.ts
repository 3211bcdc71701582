import { createHash } from 'node:crypto';

/** What an index takes at once is a third of a page. */
const MOST_BYTES = 1023;
const KEPT_BYTES = 992;

/** The bytes under which a name is found; those of a long one end with its digest. No two names have the same. */
export function indexed(name: Buffer): Buffer {
  if (name.length <= MOST_BYTES) return name;
  return Buffer.concat([name.subarray(0, KEPT_BYTES), createHash('sha256').update(name).digest()]);
}

export const isIndexedWhole = (name: Buffer): boolean => name.length <= MOST_BYTES;

/** The same in SQL. */
export const indexedSql = (name: string): string =>
  `case when length(${name}) <= ${String(MOST_BYTES)} then ${name} else substr(${name}, 1, ${String(KEPT_BYTES)}) || sha256(${name}) end`;
