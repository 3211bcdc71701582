import type { Trace, TraceNode } from '../../src/rules/index.js';

/** How many evaluations of nodes an evaluation was, constants aside: work, counted without a clock. */
export function evaluationsOf({ root }: Trace): number {
  const count = ({ children, hidden = 0 }: TraceNode): number =>
    children.reduce((sum, child) => sum + count(child), 1 + hidden);
  return count(root);
}
