import { TidemarkError } from '../errors.js';
import { digestOf } from '../fingerprint.js';
import type { Codec } from './wire.js';

/** The value of a computed field as somebody was told it: whole, or all that a cursor keeps of it. */
export interface Shown {
  readonly digest: string;
  readonly value?: unknown;
}

/** By field. */
export type Told = ReadonlyMap<string, Shown>;

/** Values by field; null: of an entity that is gone. */
export function shownOf(
  values: Readonly<Record<string, unknown>> | null,
  fields: readonly string[],
  codec: Codec,
): ReadonlyMap<string, Shown> {
  return new Map(
    fields.map((field) => {
      const value = values?.[field] ?? null;
      return [field, { value, digest: digestOf(Buffer.from(codec.encode(value)).toString('latin1')) }];
    }),
  );
}

/** Between a cursor and what was told of computed fields: in neither, and safe in a URL. */
const SEPARATOR = '~';
/** A cursor comes back from a client: refuse to parse what could not be one. */
const MAX_CHARS = 65_536;

/** The cursor of a place and of what was told up to there; undefined: nobody knows. */
export function withTold(cursor: string, told: Told | undefined): string {
  if (told === undefined) return cursor;
  const digests = Object.fromEntries([...told].map(([field, { digest }]) => [field, digest]));
  return `${cursor}${SEPARATOR}${Buffer.from(JSON.stringify(digests)).toString('base64url')}`;
}

/** Inverse of {@link withTold}. Throws INVALID_CURSOR. */
export function splitCursor(text: string): { readonly cursor: string; readonly told: Told | undefined } {
  const at = typeof text === 'string' ? text.indexOf(SEPARATOR) : -1;
  if (at < 0) return { cursor: text, told: undefined };
  const told = text.length > MAX_CHARS ? undefined : parse(text.slice(at + 1));
  if (told === undefined)
    throw new TidemarkError('INVALID_CURSOR', `since: expected the cursor of an item, got '${text.slice(0, 40)}'.`);
  return { cursor: text.slice(0, at), told };
}

function parse(text: string): Told | undefined {
  try {
    const digests: unknown = JSON.parse(Buffer.from(text, 'base64url').toString());
    if (typeof digests !== 'object' || digests === null) return undefined;
    const entries = Object.entries(digests);
    if (!entries.every((entry): entry is [string, string] => typeof entry[1] === 'string')) return undefined;
    return new Map(entries.map(([field, digest]) => [field, { digest }]));
  } catch {
    return undefined;
  }
}
