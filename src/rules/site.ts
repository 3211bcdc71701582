import { TidemarkError, type TidemarkErrorCode } from '../errors.js';

/** A place in a rule. The pointer is put together only when somebody asks where. */
export interface Site {
  readonly up: Site | undefined;
  readonly key: string | number;
}

/** The JSON Pointer (RFC 6901) of a place: '' is the whole rule, '/and/1/~1' the second argument's division. */
export function pointerOf(site: Site | undefined): string {
  let pointer = '';
  for (let at = site; at !== undefined; at = at.up) {
    pointer = `/${String(at.key).replaceAll('~', '~0').replaceAll('/', '~1')}${pointer}`;
  }
  return pointer;
}

/** An operator where it stands. */
export interface Place {
  readonly name: string;
  readonly site: Site | undefined;
}

/** What is wrong with a rule, found without running it. */
export interface Problem {
  /** JSON Pointer into the rule. */
  readonly pointer: string;
  readonly code: TidemarkErrorCode;
  readonly message: string;
}

/** Nobody reads more of them. */
export const MOST_PROBLEMS = 100;

/** An error of a rule, with its place. */
export function fault(
  code: TidemarkErrorCode,
  site: Site | undefined,
  said: string,
  options?: { readonly cause?: unknown },
): TidemarkError {
  return new TidemarkError(code, `rule ${pointerOf(site) || '(whole)'}: ${said}`, options);
}

/** An error of an operator, with its name and place. */
export function faultOf(code: TidemarkErrorCode, { name, site }: Place, said: string): TidemarkError {
  return fault(code, site, `'${name}' ${said}`);
}

/** A value as an error names it. Never throws, never long. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 40 ? `${value.slice(0, 39)}…` : value);
  if (Array.isArray(value)) return `a list of ${String(value.length)}`;
  if (typeof value === 'object' && value !== null) return value instanceof Date ? 'a date' : 'an object';
  return typeof value === 'function' ? 'a function' : String(value);
}
