import { ABOVE, ATLEAST, ATMOST, BELOW, type Comparison, EQUAL, UNEQUAL } from '../kernels.js';
import type { Call, FlowOperator } from '../node.js';
import type { Run, Running } from '../running.js';
import { identical, looselyEqual, order } from '../values.js';
import { compareVector } from '../vectors.js';

type Holds = (a: unknown, b: unknown, call: Call, running: Running) => boolean;

/** Each with the next: `a < b < c`. What comes after the first that does not hold is not evaluated. */
function comparison(name: string, holds: Holds, kernel: Comparison, strict = false): FlowOperator {
  const ordered = name.startsWith('<') || name.startsWith('>');
  return {
    ...{ by: 'runs', name, min: 2, max: Infinity, listed: true, gives: 'boolean' },
    build: (args, call) => (args.length === 2 ? two(holds, args as [Run, Run], call) : chain(holds, args, call)),
    infer: (call, scope, inference) => {
      const flows = call.args.map((arg) => inference.use(arg, scope));
      if (!strict) inference.comparable(flows, call, ordered);
      return { type: 'boolean', paths: [] };
    },
    vector: (args, call) => compareVector(args, call, { kernel, holds, strict }),
  };
}

function two(holds: Holds, [a, b]: readonly [Run, Run], call: Call): Run {
  return (at, running) => holds(a(at, running), b(at, running), call, running);
}

function chain(holds: Holds, args: readonly Run[], call: Call): Run {
  return (at, running) => {
    let left = args[0]?.(at, running);
    for (let i = 1; i < args.length; i++) {
      const right = args[i]?.(at, running);
      if (!holds(left, right, call, running)) return false;
      left = right;
    }
    return true;
  };
}

export const COMPARISON: readonly FlowOperator[] = [
  comparison('<', (a, b, call) => order(a, b, call) < 0, BELOW),
  comparison('<=', (a, b, call) => order(a, b, call) <= 0, ATMOST),
  comparison('>', (a, b, call) => order(a, b, call) > 0, ABOVE),
  comparison('>=', (a, b, call) => order(a, b, call) >= 0, ATLEAST),
  comparison('==', (a, b, call) => looselyEqual(a, b, call), EQUAL),
  comparison('!=', (a, b, call) => !looselyEqual(a, b, call), UNEQUAL),
  comparison('===', (a, b, call, running) => identical(a, b, running, call), EQUAL, true),
  comparison('!==', (a, b, call, running) => !identical(a, b, running, call), UNEQUAL, true),
];
