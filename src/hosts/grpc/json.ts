import { TidemarkError, isTidemarkError } from '../../errors.js';
import { shown } from '../../rules/site.js';

/** Deeper values would rely on the size of the stack. */
const DEEPEST = 500;

/** A value that JSON gives back as it is, as text. Throws UNENCODABLE for any other, rather than change it silently. */
export function jsonOf(value: unknown, where: string): string {
  checkJson(value, where, 0);
  return JSON.stringify(value);
}

function checkJson(value: unknown, where: string, depth: number): void {
  if (value === null || typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value)) return;
  if (depth > DEEPEST) throw unencodable(where, `at most ${String(DEEPEST)} levels`, 'more');
  if (Array.isArray(value)) {
    for (const item of value as readonly unknown[]) checkJson(item, where, depth + 1);
    return;
  }
  const prototype: unknown = typeof value === 'object' ? Object.getPrototypeOf(value) : undefined;
  if (prototype !== Object.prototype && prototype !== null) throw unencodable(where, 'plain JSON', shown(value));
  if (typeof (value as { toJSON?: unknown }).toJSON === 'function')
    throw unencodable(where, 'plain JSON', 'an object with toJSON()');
  // A field that is undefined is none.
  for (const item of Object.values(value as object)) if (item !== undefined) checkJson(item, where, depth + 1);
}

function unencodable(where: string, expected: string, got: string): TidemarkError {
  return new TidemarkError('UNENCODABLE', `${where}: expected ${expected}, got ${got}.`);
}

/** What a text says in JSON. Throws INVALID_REQUEST. */
export function parseJson(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new TidemarkError('INVALID_REQUEST', `${where}: expected JSON, got something else.`, { cause });
  }
}

/** What a trace says, in JSON: errors as code and message. */
export function traceJson(trace: object): string {
  try {
    return JSON.stringify(trace, (_, value: unknown) =>
      isTidemarkError(value) ? { code: value.code, message: value.message } : value,
    );
  } catch (cause) {
    throw new TidemarkError('UNENCODABLE', 'trace: expected values that JSON has, got others.', { cause });
  }
}
