import { Refused } from './errors.ts';

/** The limit that was asked for. Throws BAD_REQUEST if it is none, or above the most. */
export function atMost(most: number, limit: number | null | undefined, otherwise: number): number {
  const asked = limit ?? otherwise;
  if (asked >= 1 && asked <= most) return asked;
  const range = most === Infinity ? 'at least 1' : `from 1 to ${String(most)}`;
  throw new Refused('BAD_REQUEST', `limit: expected a number ${range}, got ${String(asked)}.`);
}
