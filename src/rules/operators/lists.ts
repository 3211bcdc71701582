import type { Flow, ValueOperator } from '../node.js';
import { charge, checkLength } from '../running.js';
import { identical, textOf } from '../values.js';

const merge: ValueOperator = {
  ...{ by: 'values', name: 'merge', min: 0, max: Infinity, takes: 'any', gives: ['any'] },
  apply: (args, call, running) => {
    let length = 0;
    for (const arg of args) length += Array.isArray(arg) ? arg.length : 1;
    checkLength(length, running, call);
    charge(running, length, call);
    return args.flat();
  },
  infer: ({ args }, scope, inference) => {
    const parts = args.flatMap((arg): Flow[] => {
      const flow = inference.flowOf(arg, scope);
      // A path may turn out to be a list or one item.
      return Array.isArray(flow.type) ? [inference.loop(flow)] : [inference.loop(flow), { ...flow, type: 'any' }];
    });
    return { type: ['any'], paths: [], items: inference.unite(parts) };
  },
};

/** Looking for a text in another may compare each of its characters with each of the other. */
const CHARACTERS_A_STEP = 4_096;

const contains: ValueOperator = {
  ...{ by: 'values', name: 'in', min: 2, max: 2, takes: 'any', gives: 'boolean' },
  apply: ([wanted, within], call, running) => {
    if (typeof within === 'string') {
      // Nothing is in an empty text, itself included: so it is in JSONLogic.
      if (wanted === null || within === '') return false;
      const text = textOf(wanted, running, call);
      charge(running, (within.length >> 6) + Math.floor((within.length * text.length) / CHARACTERS_A_STEP), call);
      return within.includes(text);
    }
    if (!Array.isArray(within)) return false;
    charge(running, within.length >> 3, call);
    if (typeof wanted !== 'object' || wanted === null) return within.includes(wanted);
    return within.some((item) => identical(item, wanted, running, call));
  },
};

export const LISTS: readonly ValueOperator[] = [merge, contains];
