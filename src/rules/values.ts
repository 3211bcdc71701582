import { type Running, charge } from './running.js';
import { type Place, faultOf, shown } from './site.js';

/** What JSONLogic means by values: truth, numbers, equality, order. One place, so that all back ends agree. */

export function truthy(value: unknown): boolean {
  return Array.isArray(value) ? value.length > 0 : Boolean(value);
}

/** Reading a text of digits takes time that grows with it, and no number needs as many. */
const LONGEST_NUMBER = 400;

/** The number that a value stands for: null is 0, true is 1, '' is 0; NaN for what is none. May be infinite. */
export function numberOf(value: unknown): number {
  switch (typeof value) {
    case 'number':
      return value;
    case 'boolean':
      return value ? 1 : 0;
    case 'string':
      return value.length > LONGEST_NUMBER ? NaN : Number(value);
    default:
      return value == null ? 0 : NaN;
  }
}

/** As {@link numberOf}, and finite. Throws RULE_NAN. */
export function finiteOf(value: unknown, place: Place): number {
  const number = numberOf(value);
  if (number - number === 0) return number;
  throw notANumber(place, `expected a number, got ${shown(value)}.`);
}

export function notANumber(place: Place, said: string): Error {
  return faultOf('RULE_NAN', place, said);
}

export function wrongArguments(place: Place, said: string): Error {
  return faultOf('RULE_ARGUMENTS', place, said);
}

/** `==`: two texts as texts, everything else as numbers. Throws RULE_NAN for what is none, as lists and objects. */
export function looselyEqual(a: unknown, b: unknown, place: Place): boolean {
  if (typeof a === 'number' && typeof b === 'number' && a - a === 0 && b - b === 0) return a === b;
  if (typeof a === 'string' && typeof b === 'string') return a === b;
  return finiteOf(a, place) === finiteOf(b, place);
}

/** Below 0, 0 or above, for `<` and its kin: two texts by code units, everything else as numbers. Throws RULE_NAN. */
export function order(a: unknown, b: unknown, place: Place): number {
  if (typeof a === 'number' && typeof b === 'number') {
    const difference = a - b;
    if (difference - difference === 0) return difference;
  }
  if (typeof a === 'string' && typeof b === 'string') return a < b ? -1 : a > b ? 1 : 0;
  return finiteOf(a, place) - finiteOf(b, place);
}

/** Deeper values than rules can make: their text, comparison or measure would rely on the size of the stack. */
export const DEEPEST_VALUE = 64;

/**
 * `===`: same type and value. Lists and objects are equal if their contents are: two that came over the wire are never
 * the same object, so identity would depend on the replica. Throws RULE_LIMIT when out of steps or beyond the deepest value.
 */
export function identical(a: unknown, b: unknown, running: Running, place: Place, depth = 0): boolean {
  if (a === b || typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return a === b;
  if (depth > DEEPEST_VALUE) throw tooDeep(place);
  if (a instanceof Date && b instanceof Date) return a.getTime() === b.getTime();
  if (!isPlain(a) || !isPlain(b) || Array.isArray(a) !== Array.isArray(b)) return false;
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  charge(running, 1 + keys.length, place);
  return keys.every(
    (key) =>
      Object.hasOwn(b, key) &&
      identical((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key], running, place, depth + 1),
  );
}

/** Lists and objects of JSON; of others, as a Map, what they hold does not lie in their keys. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === Array.prototype || prototype === null;
}

function tooDeep(place: Place): Error {
  const said = `expected values at most ${String(DEEPEST_VALUE)} lists or objects deep, got a deeper one.`;
  return faultOf('RULE_LIMIT', place, said);
}

/** A value as `cat` writes it: null is nothing, the items of a list are joined with commas. Throws RULE_ARGUMENTS. */
export function textOf(value: unknown, running: Running, place: Place, depth = 0): string {
  if (typeof value === 'string') return value;
  if (value == null) return '';
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (!Array.isArray(value))
    throw wrongArguments(place, `expected texts, numbers and lists of them, got ${shown(value)}.`);
  if (depth > DEEPEST_VALUE) throw tooDeep(place);
  let text = '';
  for (let i = 0; i < value.length; i++) {
    const part = textOf(value[i], running, place, depth + 1);
    charge(running, 1 + (part.length >> 6), place);
    text += i === 0 ? part : `,${part}`;
  }
  return text;
}

/** A whole number. Throws RULE_NAN or RULE_ARGUMENTS. */
export function wholeOf(value: unknown, place: Place): number {
  const number = finiteOf(value, place);
  if (Number.isSafeInteger(number)) return number;
  throw wrongArguments(place, `expected a whole number, got ${shown(value)}.`);
}

/**
 * Counts what a result holds, with what it shares counted as often as it is there: a rule can make a value that is small in
 * memory and endless once it is written out. Throws RULE_LIMIT when out of steps or beyond the deepest value.
 */
export function measure(value: unknown, running: Running, place: Place, depth = 0): void {
  if (typeof value !== 'object' || value === null || value instanceof Date) return;
  if (depth > DEEPEST_VALUE) throw tooDeep(place);
  const parts: readonly unknown[] = Array.isArray(value) ? value : Object.values(value);
  charge(running, 1 + (parts.length >> 3), place);
  for (const part of parts) measure(part, running, place, depth + 1);
}
