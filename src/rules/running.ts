import type { Limits } from './limits.js';
import { type Place, faultOf } from './site.js';

/** Where a loop's body, or the handler of a `try`, looks for what lies outside. */
export interface Scope {
  /** What was the current value outside. */
  readonly at: unknown;
  index: number;
  readonly up: Scope | undefined;
}

/** One evaluation under way. */
export interface Running {
  root: unknown;
  /** Steps that are left. */
  left: number;
  scope: Scope | undefined;
  readonly limits: Limits;
}

/** A compiled node: from the current value, which is the context or a loop's item. */
export type Run = (at: unknown, running: Running) => unknown;

/** Counts steps, before the work is done. Throws RULE_LIMIT. */
export function charge(running: Running, steps: number, place: Place): void {
  if (steps > running.left) {
    throw faultOf('RULE_LIMIT', place, `expected at most ${String(running.limits.steps)} steps, got more.`);
  }
  running.left -= steps;
}

/** The list, if it is no longer than a rule may make one. Throws RULE_LIMIT. */
export function checkLength(length: number, running: Running, place: Place): void {
  const { arrayLength } = running.limits;
  if (length > arrayLength) {
    throw faultOf('RULE_LIMIT', place, `makes lists of at most ${String(arrayLength)} items, got ${String(length)}.`);
  }
}

/** The text, if it is no longer than a rule may make one. Throws RULE_LIMIT. */
export function checkText(text: string, running: Running, place: Place): string {
  const { stringLength } = running.limits;
  if (text.length <= stringLength) return text;
  throw faultOf(
    'RULE_LIMIT',
    place,
    `makes texts of at most ${String(stringLength)} characters, got ${String(text.length)}.`,
  );
}

/** What lies so many levels outside of the current value, as a Read counts them: 1 is the index of the loop. */
export function valueAbove(running: Running, up: number): unknown {
  let { scope } = running;
  for (let level = up; level > 2 && scope !== undefined; level -= 2) scope = scope.up;
  if (scope === undefined) return undefined;
  return up % 2 === 1 ? { index: scope.index } : scope.at;
}
