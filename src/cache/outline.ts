/**
 * An outline says where in some JSON data values stand that JSON has no form for, so that reviving them visits those
 * places and no others.
 */
import { TidemarkError } from '../errors.js';

/**
 * Codes for a value that stands right here; key and outline in turn for single fields or items; or one outline for
 * all of them.
 *
 * A code touches one JSON type and lets others be, so a column that holds a Date in one row, null or nothing in the
 * next, still has one outline for all rows.
 */
export type Outline = string | Pairs | Whole;
type Pairs = readonly (string | number | Outline)[];
interface Whole {
  /** `*`: an array or object; `map`: an array of `[key, value]` that becomes a Map; `set`: one that becomes a Set. */
  readonly of: '*' | 'map' | 'set';
  /** For `*` the outline of every item or field, otherwise the outline of the array. */
  readonly in: Outline;
}

interface Code {
  readonly touches: 'number' | 'string' | 'null';
  readonly revive: (standIn: never) => unknown;
}

const CODES: Readonly<Record<string, Code>> = {
  d: { touches: 'number', revive: (ms: number) => new Date(ms) },
  x: { touches: 'null', revive: () => new Date(Number.NaN) },
  u: { touches: 'null', revive: () => undefined },
  f: { touches: 'string', revive: reviveNumber },
  n: { touches: 'string', revive: reviveBigint },
  b: { touches: 'string', revive: (base64: string) => new Uint8Array(reviveBuffer(base64)) },
  B: { touches: 'string', revive: reviveBuffer },
};

/** How deep values may be nested. */
export const MAX_DEPTH = 1000;
// A Set or Map is two levels of outline for one of data.
const MAX_OUTLINE_DEPTH = 2 * MAX_DEPTH;
// Items with keys of their own would unite into a list of all keys, and reviving would look for each in every item.
const MAX_UNITED = 128;

/**
 * One outline for all items or fields, if a good part of them has one and it would touch nothing plain. `data` stands
 * for `items`; `pairs` are the outlines of single ones.
 */
export function sharedOutline(pairs: Pairs, items: readonly unknown[], data: readonly unknown[]): Whole | undefined {
  const count = pairs.length / 2;
  // Decoding visits every item under a `*`: not worth it for a NaN among a thousand numbers.
  if (count * 4 < items.length) return undefined;
  let shared: Outline | undefined = pairs[1] as Outline;
  let same = count === items.length;
  for (let i = 3; i < pairs.length; i += 2) {
    if (isSame(shared, pairs[i])) continue;
    same = false;
    shared = unite(shared, pairs[i] as Outline);
    if (shared === undefined) return undefined;
  }
  for (let i = 0; !same && i < items.length; i++) {
    if (touchesPlain(shared, items[i], data[i])) return undefined;
  }
  return { of: '*', in: shared };
}

function isSame(a: Outline | number | undefined, b: Outline | number | undefined): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object') return false;
  if (isPairs(a)) return isPairs(b) && a.length === b.length && a.every((part, i) => isSame(part, b[i]));
  return !isPairs(b) && a.of === b.of && isSame(a.in, b.in);
}

/** An outline that revives what either one does, or undefined where they contradict each other. */
function unite(a: Outline, b: Outline): Outline | undefined {
  if (typeof a === 'string' || typeof b === 'string') {
    return typeof a === 'string' && typeof b === 'string' ? uniteCodes(a, b) : undefined;
  }
  if (isPairs(a)) return a.length === 0 ? b : isPairs(b) ? unitePairs(a, b) : undefined;
  if (isPairs(b)) return b.length === 0 ? a : undefined;
  const inside = a.of === b.of ? unite(a.in, b.in) : undefined;
  return inside === undefined ? undefined : { of: a.of, in: inside };
}

function uniteCodes(a: string, b: string): string | undefined {
  let codes = a;
  for (const code of b) {
    if (codes.includes(code)) continue;
    for (const other of codes) if (CODES[other]?.touches === CODES[code]?.touches) return undefined;
    codes += code;
  }
  return codes;
}

function unitePairs(a: Pairs, b: Pairs): Pairs | undefined {
  const pairs = [...a];
  for (let i = 0; i < b.length; i += 2) {
    let at = 0;
    while (at < pairs.length && pairs[at] !== b[i]) at += 2;
    const outline = at < a.length ? unite(pairs[at + 1] as Outline, b[i + 1] as Outline) : (b[i + 1] as Outline);
    if (outline === undefined) return undefined;
    pairs[at] = b[i] as string | number;
    pairs[at + 1] = outline;
  }
  return pairs.length > MAX_UNITED ? undefined : pairs;
}

/** True if an outline made for other items would change something plain in `data`, which stands for `value`. */
function touchesPlain(outline: Outline, value: unknown, data: unknown): boolean {
  if (typeof outline === 'string') {
    if (!Object.is(value, data)) return false;
    const type = data === null ? 'null' : typeof data;
    return [...outline].some((code) => CODES[code]?.touches === type);
  }
  if (isPairs(outline)) {
    for (let i = 0; i < outline.length; i += 2) {
      const key = outline[i] as string | number;
      if (!hasItem(data, key)) continue;
      if (touchesPlain(outline[i + 1] as Outline, (value as Items)[key], data[key])) return true;
    }
    return false;
  }
  if (outline.of === '*') {
    if (typeof data !== 'object' || data === null) return false;
    return Object.keys(data).some((key) => touchesPlain(outline.in, (value as Items)[key], (data as Items)[key]));
  }
  if (!Array.isArray(data)) return false;
  return Array.isArray(value) || touchesPlain(outline.in, [...(value as Iterable<unknown>)], data);
}

/** How far into an outline decoding has come: its depth, and how many `*` stand above. */
export interface Revival {
  depth: number;
  stars: number;
}

/**
 * The value that `data` stands for; arrays and objects are revived in place. Under a `*` a place that the outline
 * names may be absent, elsewhere that is corruption.
 */
export function revive(at: Revival, data: unknown, outline: unknown): unknown {
  if (typeof outline === 'string') return reviveCodes(at, data, outline);
  if (++at.depth > MAX_OUTLINE_DEPTH) throw corrupt('an outline is nested too deep');
  const revived = Array.isArray(outline) ? revivePairs(at, data, outline) : reviveWhole(at, data, outline as Whole);
  at.depth--;
  return revived;
}

function reviveCodes(at: Revival, data: unknown, codes: string): unknown {
  if (codes === 'd' && typeof data === 'number') return new Date(data);
  const type = data === null ? 'null' : typeof data;
  for (const name of codes) {
    const code = CODES[name];
    if (code === undefined) throw corrupt('an outline has an unknown code');
    if (code.touches === type) return code.revive(data as never);
  }
  if (at.stars === 0) throw corrupt('an outline and its data disagree');
  return data;
}

function revivePairs(at: Revival, data: unknown, pairs: readonly unknown[]): unknown {
  for (let i = 0; i < pairs.length; i += 2) {
    const key = pairs[i] as string | number;
    if (hasItem(data, key)) setOwn(data, key, revive(at, data[key], pairs[i + 1]));
    else if (at.stars === 0) throw corrupt('an outline and its data disagree');
  }
  return data;
}

function reviveWhole(at: Revival, data: unknown, outline: Whole | null): unknown {
  if (outline === null || typeof outline !== 'object') throw corrupt('an outline is malformed');
  if (outline.of === '*' ? typeof data !== 'object' || data === null : !Array.isArray(data)) {
    if (at.stars === 0) throw corrupt('an outline and its data disagree');
    return data;
  }
  switch (outline.of) {
    case '*':
      at.stars++;
      reviveAll(at, data as Items | unknown[], outline.in);
      at.stars--;
      return data;
    case 'map': {
      const entries = data as unknown[];
      revive(at, entries, outline.in);
      if (!entries.every(isEntry)) throw corrupt('a Map has an entry that is no pair');
      return new Map(entries);
    }
    case 'set':
      revive(at, data, outline.in);
      return new Set(data as unknown[]);
    default:
      throw corrupt('an outline is malformed');
  }
}

function reviveAll(at: Revival, data: Items | unknown[], outline: unknown): void {
  if (Array.isArray(data)) for (let i = 0; i < data.length; i++) data[i] = revive(at, data[i], outline);
  else for (const key of Object.keys(data)) setOwn(data, key, revive(at, data[key], outline));
}

function reviveNumber(text: string): number {
  if (text === '-0') return -0;
  if (text === 'NaN' || text === 'Infinity' || text === '-Infinity') return Number(text);
  throw corrupt('a number is malformed');
}

function reviveBigint(digits: string): bigint {
  if (!/^-?\d+$/.test(digits)) throw corrupt('a bigint is malformed');
  return BigInt(digits);
}

function reviveBuffer(base64: string): Buffer {
  const bytes = Buffer.from(base64, 'base64');
  // Node drops what is no base64 without a word.
  if (bytes.length !== Buffer.byteLength(base64, 'base64')) throw corrupt('bytes are malformed');
  return bytes;
}

type Items = Record<string | number, unknown>;

/** Own items only: an outline that names `__proto__` or `length` must reach neither. */
function hasItem(data: unknown, key: string | number): data is Items {
  if (typeof data !== 'object' || data === null) return false;
  return typeof key === (Array.isArray(data) ? 'number' : 'string') && Object.hasOwn(data, key);
}

/** Assigns a field as data, whatever its name. */
export function setOwn(items: Items, key: string | number, value: unknown): void {
  if (key !== '__proto__') items[key] = value;
  else Object.defineProperty(items, key, { value, writable: true, enumerable: true, configurable: true });
}

export function corrupt(reason: string, cause?: unknown): TidemarkError {
  return new TidemarkError('CORRUPT_ENTRY', `A stored entry cannot be read: ${reason}.`, { cause });
}

function isPairs(outline: Pairs | Whole): outline is Pairs {
  return Array.isArray(outline);
}

function isEntry(item: unknown): item is [unknown, unknown] {
  return Array.isArray(item) && item.length === 2;
}
