import { TidemarkError } from '../errors.js';

/** Throws INVALID_OPTION for options that are no object, and for a name that is not among those known. */
export function refuseOthers(options: unknown, where: string, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null)
    throw new TidemarkError('INVALID_OPTION', `${where}: expected an object, got ${String(options)}.`);
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new TidemarkError('INVALID_OPTION', `${where}: expected ${known.join(', ')}, got '${unknown}'.`);
}

/** Throws INVALID_OPTION. */
export function expectFunction(value: unknown, where: string): void {
  if (typeof value !== 'function')
    throw new TidemarkError('INVALID_OPTION', `${where}: expected a function, got ${typeof value}.`);
}
