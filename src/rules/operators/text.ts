import type { ValueOperator } from '../node.js';
import { charge, checkText } from '../running.js';
import { textOf, wholeOf } from '../values.js';

const cat: ValueOperator = {
  ...{ by: 'values', name: 'cat', min: 0, max: Infinity, takes: 'any', gives: 'string' },
  apply: (args, call, running) => {
    let text = '';
    for (let i = 0; i < args.length; i++) {
      text = checkText(text + textOf(args[i], running, call), running, call);
    }
    charge(running, (args.length >> 3) + (text.length >> 6), call);
    return text;
  },
};

/** From a place, negative from the end; then so many characters, or up to so many before the end. */
const substr: ValueOperator = {
  ...{ by: 'values', name: 'substr', min: 2, max: 3, takes: 'any', gives: 'string' },
  apply: (args, call, running) => {
    const text = textOf(args[0], running, call);
    const start = wholeOf(args[1], call);
    const from = start < 0 ? Math.max(0, text.length + start) : start;
    const length = args.length === 3 ? wholeOf(args[2], call) : text.length;
    const part = length < 0 ? text.slice(from, Math.max(from, text.length + length)) : text.slice(from, from + length);
    charge(running, part.length >> 6, call);
    return checkText(part, running, call);
  },
};

export const TEXT: readonly ValueOperator[] = [cat, substr];
