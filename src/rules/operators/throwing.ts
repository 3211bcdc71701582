import { isTidemarkError } from '../../errors.js';
import type { FlowOperator, Operator, ValueOperator } from '../node.js';
import { type Run, charge } from '../running.js';
import { fault, shown } from '../site.js';
import { measure } from '../values.js';

/** Making an error and its text takes longer than most of what a rule does. */
const STEPS_OF_ERROR = 16;

const raise: ValueOperator = {
  ...{ by: 'values', name: 'throw', min: 1, max: 1, single: true, takes: 'any', gives: 'any' },
  apply: ([thrown], call, running) => {
    const cause = typeof thrown === 'object' && thrown !== null ? thrown : { type: thrown };
    const type = Object.hasOwn(cause, 'type') ? (cause as { type: unknown }).type : cause;
    measure(cause, running, call);
    throw fault('RULE_THREW', call.site, `threw ${shown(type)}.`, { cause });
  },
};

/** What the handlers of a `try` see of an error; undefined for what no rule may catch. */
function caught(error: unknown): unknown {
  if (!isTidemarkError(error)) return undefined;
  switch (error.code) {
    case 'RULE_THREW':
      return error.cause;
    case 'RULE_NAN':
      return { type: 'NaN' };
    case 'RULE_ARGUMENTS':
      return { type: 'Invalid Arguments' };
    case 'OPERATOR_FAILED':
      return { type: 'Operator Failed' };
    default:
      return undefined;
  }
}

/** The first argument that does not throw. All but the first see the error before as the current value. */
const attempt: FlowOperator = {
  ...{ by: 'runs', name: 'try', min: 1, max: Infinity, listed: false, chooses: true, gives: 'any' },
  build: (args, call) => (at, running) => {
    const up = running.scope;
    const scope = { at, index: 0, up };
    let current = at;
    for (let i = 0; ; i++) {
      try {
        const value = (args[i] as Run)(current, running);
        running.scope = up;
        return value;
      } catch (error) {
        current = caught(error);
        if (current === undefined || i === args.length - 1) throw error;
        charge(running, STEPS_OF_ERROR, call);
        scope.index = i;
        running.scope = scope;
      }
    }
  },
  infer: ({ args }, scope, inference) => {
    const inside = { item: { type: 'any', paths: [] }, up: scope } as const;
    return inference.unite(args.map((arg, i) => inference.flowOf(arg, i === 0 ? scope : inside)));
  },
};

export const THROWING: readonly Operator[] = [raise, attempt];
