import type { PlainValue } from '../realtime/frames.js';

type Entries = readonly (readonly [PlainValue, PlainValue])[];

/** What a value was before the server wrote it as JSON: the inverse of its `plain`. */
export function revive(value: PlainValue | undefined): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return (value as readonly PlainValue[]).map(revive);
  const fields = value as Readonly<Record<string, never>>;
  // An object with a field of its own that begins with `$` comes as `$object`: what is found here is a mark.
  for (const mark in fields) {
    const of = fields[mark] as never;
    if (mark === '$bigint') return BigInt(of);
    if (mark === '$number') return Number(of);
    if (mark === '$date') return new Date(of);
    if (mark === '$bytes') return Uint8Array.from(atob(of), (char) => char.charCodeAt(0));
    if (mark === '$map') return new Map((of as Entries).map(([key, entry]) => [revive(key), revive(entry)]));
    if (mark === '$set') return new Set((of as readonly PlainValue[]).map(revive));
    if (mark === '$object') return reviveFields(of);
    break;
  }
  return reviveFields(Object.entries<PlainValue>(fields));
}

// Object.fromEntries takes `__proto__` for the name of a field like any other.
const reviveFields = (entries: readonly (readonly [string, PlainValue])[]): Record<string, unknown> =>
  Object.fromEntries(entries.map(([name, of]) => [name, revive(of)]));

/** The same for the values of a change, of which no name is a mark. */
export const reviveEach = (values: Readonly<Record<string, PlainValue>>): Record<string, unknown> =>
  reviveFields(Object.entries(values));
