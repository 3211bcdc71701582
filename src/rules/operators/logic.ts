import type { FlowOperator, Inference, Call, FlowScope, Flow } from '../node.js';
import type { Run } from '../running.js';
import { truthy } from '../values.js';
import { allVector, anyVector, chooseVector, notVector, truthVector } from '../choices.js';

/** Each may be the result, and each is looked at to decide. */
function decides(call: Call, scope: FlowScope, inference: Inference): Flow {
  return inference.unite(call.args.map((arg) => inference.use(arg, scope)));
}

const and: FlowOperator = {
  ...{ by: 'runs', name: 'and', min: 0, max: Infinity, listed: true, chooses: true, gives: 'any' },
  build: (args) => {
    const [a, b] = args;
    if (a === undefined) return () => false;
    if (args.length === 2 && b !== undefined) {
      return (at, running) => {
        const value = a(at, running);
        return truthy(value) ? b(at, running) : value;
      };
    }
    return (at, running) => {
      let value: unknown = false;
      for (let i = 0; i < args.length; i++) {
        value = (args[i] as Run)(at, running);
        if (!truthy(value)) return value;
      }
      return value;
    };
  },
  infer: decides,
  vector: allVector,
};

const or: FlowOperator = {
  ...{ by: 'runs', name: 'or', min: 0, max: Infinity, listed: true, chooses: true, gives: 'any' },
  build: (args) => (at, running) => {
    let value: unknown = false;
    for (let i = 0; i < args.length; i++) {
      value = (args[i] as Run)(at, running);
      if (truthy(value)) return value;
    }
    return value;
  },
  infer: decides,
  vector: anyVector,
};

/** `if condition, then, condition, then, …, else`; without an else it is null, and one argument is itself. */
function choice(name: string): FlowOperator {
  return {
    ...{ by: 'runs', name, min: 0, max: Infinity, listed: true, chooses: true, gives: 'any' },
    build: (args) => {
      const [condition, then, otherwise] = args;
      if (args.length === 3 && condition !== undefined && then !== undefined && otherwise !== undefined) {
        return (at, running) => (truthy(condition(at, running)) ? then(at, running) : otherwise(at, running));
      }
      return (at, running) => {
        let i = 0;
        for (; i + 1 < args.length; i += 2) {
          if (truthy((args[i] as Run)(at, running))) return (args[i + 1] as Run)(at, running);
        }
        return i < args.length ? (args[i] as Run)(at, running) : null;
      };
    },
    infer: ({ args }, scope, inference) => {
      const results: Flow[] = [];
      args.forEach((arg, i) => {
        const isCondition = i % 2 === 0 && i + 1 < args.length;
        if (isCondition) inference.use(arg, scope);
        else results.push(inference.flowOf(arg, scope));
      });
      return inference.unite(results);
    },
    vector: chooseVector,
  };
}

function truth(name: string, of: (value: unknown) => boolean, vector: FlowOperator['vector']): FlowOperator {
  return {
    ...{ by: 'runs', name, min: 0, max: 1, listed: false, gives: 'boolean' },
    build: ([arg]) => (arg === undefined ? () => of(null) : (at, running) => of(arg(at, running))),
    infer: ({ args: [arg] }, scope, inference) => {
      if (arg !== undefined) inference.use(arg, scope);
      return { type: 'boolean', paths: [] };
    },
    ...(vector === undefined ? {} : { vector }),
  };
}

const coalesce: FlowOperator = {
  ...{ by: 'runs', name: '??', min: 0, max: Infinity, listed: false, chooses: true, gives: 'any' },
  build: (args) => (at, running) => {
    for (let i = 0; i < args.length; i++) {
      const value = (args[i] as Run)(at, running);
      if (value !== null) return value;
    }
    return null;
  },
  infer: decides,
};

export const LOGIC: readonly FlowOperator[] = [
  and,
  or,
  choice('if'),
  choice('?:'),
  truth('!', (value) => !truthy(value), notVector),
  truth('!!', truthy, truthVector),
  coalesce,
];
