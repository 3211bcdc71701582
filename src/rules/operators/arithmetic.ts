import { ADD, DIVIDE, type Fold, MULTIPLY, REMAINDER, SUBTRACT } from '../kernels.js';
import type { ValueOperator } from '../node.js';
import type { Place } from '../site.js';
import { finiteOf, notANumber } from '../values.js';
import { foldVector } from '../vectors.js';

/** `+ 0` makes 0 of -0: JSON has only one. Throws RULE_NAN. */
function finite(result: number, place: Place): number {
  if (result - result === 0) return result + 0;
  throw notANumber(place, `expected a finite result, got ${String(result)}.`);
}

interface Shape {
  readonly name: string;
  readonly min: number;
  readonly two: (a: number, b: number) => number;
  readonly fold: Fold;
  readonly none?: number;
  readonly one: (a: number) => number;
}

function arithmetic({ name, min, two, fold, none = 0, one }: Shape): ValueOperator {
  const pair = (a: unknown, b: unknown, call: Place): number => {
    if (typeof a === 'number' && typeof b === 'number') {
      const result = two(a, b);
      if (a - a === 0 && b - b === 0 && result - result === 0) return result + 0;
    }
    return finite(two(finiteOf(a, call), finiteOf(b, call)), call);
  };
  return {
    ...{ by: 'values', name, min, max: Infinity, takes: 'number', gives: 'number' },
    pair,
    apply: (args, call) => {
      if (args.length === 0) return none;
      if (args.length === 1) return finite(one(finiteOf(args[0], call)), call);
      return args.slice(1).reduce((sum, arg) => pair(sum, arg, call), args[0]);
    },
    vector: (args, call) => foldVector(args, call, { fold, two, pair }),
  };
}

function extreme(name: string, choose: (a: number, b: number) => number): ValueOperator {
  return {
    ...{ by: 'values', name, min: 1, max: Infinity, takes: 'number', gives: 'number' },
    apply: (args, call) => {
      return args.map((arg) => finiteOf(arg, call)).reduce(choose) + 0;
    },
  };
}

export const ARITHMETIC: readonly ValueOperator[] = [
  arithmetic({ name: '+', min: 0, two: (a, b) => a + b, fold: ADD, one: (a) => a }),
  arithmetic({ name: '-', min: 1, two: (a, b) => a - b, fold: SUBTRACT, one: (a) => -a }),
  arithmetic({ name: '*', min: 0, two: (a, b) => a * b, fold: MULTIPLY, none: 1, one: (a) => a }),
  arithmetic({ name: '/', min: 1, two: (a, b) => a / b, fold: DIVIDE, one: (a) => 1 / a }),
  arithmetic({ name: '%', min: 2, two: (a, b) => a % b, fold: REMAINDER, one: (a) => a }),
  extreme('max', (a, b) => (b > a ? b : a)),
  extreme('min', (a, b) => (b < a ? b : a)),
];
