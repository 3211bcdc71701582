import { TidemarkError } from '../errors.js';

/** What a rule may cost. A step is about four nodes of a loop's body, one copied item, or 64 characters. */
export interface Limits {
  /** Levels of operators and lists. Default 64. */
  readonly depth: number;
  /** Operators, lists and values in a rule. Default 5,000. */
  readonly nodes: number;
  /** Steps of one evaluation: the same rule and context use the same number everywhere. Default 100,000. */
  readonly steps: number;
  /** Characters of a text that a rule holds or makes. Default 65,536. */
  readonly stringLength: number;
  /** Items of a list that a rule makes. Default 32,768. */
  readonly arrayLength: number;
}

export type LimitOptions = { readonly [Name in keyof Limits]?: Limits[Name] | undefined };

export const LIMITS: Limits = Object.freeze({
  depth: 64,
  nodes: 5_000,
  steps: 100_000,
  stringLength: 65_536,
  arrayLength: 32_768,
});

/** Deeper rules would rely on the size of the stack. */
const DEEPEST = 256;

/** The limits with defaults filled in. Throws INVALID_OPTION. */
export function limitsOf(options: LimitOptions | undefined): Limits {
  if (options === undefined) return LIMITS;
  const limits = { ...LIMITS };
  for (const name of Object.keys(LIMITS) as (keyof Limits)[]) {
    const given = options[name];
    if (given === undefined) continue;
    const most = name === 'depth' ? DEEPEST : Number.MAX_SAFE_INTEGER;
    if (!Number.isSafeInteger(given) || given < 1 || given > most) {
      const range = name === 'depth' ? `from 1 to ${String(DEEPEST)}` : 'of at least 1';
      throw new TidemarkError(
        'INVALID_OPTION',
        `limits.${name}: expected a whole number ${range}, got ${String(given)}.`,
      );
    }
    limits[name] = given;
  }
  return limits;
}
