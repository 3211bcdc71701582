import { TidemarkError } from '../../errors.js';

/** Throws INVALID_OPTION for an option that there is not. */
export function refuseOthers(options: object, where: string, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null)
    throw new TidemarkError('INVALID_OPTION', `${where}: expected an object, got ${String(options)}.`);
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new TidemarkError('INVALID_OPTION', `${where}: expected ${known.join(', ')}, got '${unknown}'.`);
}

/** Throws INVALID_OPTION for what is no duration. */
export function checkMs(value: number | undefined, where: string): void {
  if (value === undefined || (value >= 0 && value < 2 ** 31)) return;
  throw new TidemarkError('INVALID_OPTION', `${where}: expected milliseconds, got ${String(value)}.`);
}
