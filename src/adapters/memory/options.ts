import { TidemarkError } from '../../errors.js';

/** An option that counts something: a whole number of at least 1. Throws INVALID_OPTION. */
export function counted(name: string, value: number | undefined, byDefault: number): number {
  if (value === undefined) return byDefault;
  if (Number.isSafeInteger(value) && value >= 1) return value;
  throw new TidemarkError('INVALID_OPTION', `${name}: expected a whole number of at least 1, got ${String(value)}.`);
}

/** 128 random bits as 32 hex digits, from `random` (uniform in [0, 1)) or else from the operating system. */
export function randomId(random: (() => number) | undefined): string {
  const words = crypto.getRandomValues(new Uint32Array(4));
  if (random !== undefined) words.forEach((_, i) => (words[i] = random() * 2 ** 32));
  return Array.from(words, (word) => word.toString(16).padStart(8, '0')).join('');
}
