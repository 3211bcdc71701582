import type { Operator, Operators } from './node.js';
import { ARITHMETIC } from './operators/arithmetic.js';
import { COMPARISON } from './operators/comparison.js';
import { DATA } from './operators/data.js';
import { LISTS } from './operators/lists.js';
import { LOGIC } from './operators/logic.js';
import { LOOPS } from './operators/loops.js';
import { TEXT } from './operators/text.js';
import { THROWING } from './operators/throwing.js';

const ALL: readonly Operator[] = [
  ...DATA,
  ...LOGIC,
  ...COMPARISON,
  ...ARITHMETIC,
  ...TEXT,
  ...LISTS,
  ...LOOPS,
  ...THROWING,
];

/**
 * Every operator that is built in, by name: the one table that parsing, read sets, and the scalar, batch and tracing back ends
 * are read off. `preserve`, which takes its argument unevaluated, is parsing's own.
 */
export const BUILT_IN: Operators = new Map(ALL.map((operator) => [operator.name, operator]));
