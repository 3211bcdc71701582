import type { Call, List, Node, Read, ValueOperator } from './node.js';
import { countSaid } from './parse.js';
import { own, readPath } from './path.js';
import { type Run, charge, valueAbove } from './running.js';
import { wrongArguments } from './values.js';

/** Put around every node, for a trace. */
export type Wrap = (node: Node, run: Run) => Run;

/** Compiles a node to a closure: the scalar back end, and with `wrap` the tracing one. */
export function build(node: Node, wrap?: Wrap): Run {
  const run = plainly(node, wrap);
  return wrap === undefined ? run : wrap(node, run);
}

function plainly(node: Node, wrap: Wrap | undefined): Run {
  switch (node.kind) {
    case 'constant': {
      const { value } = node;
      return () => value;
    }
    case 'list':
      return listRun(node, wrap);
    case 'read':
      return readRun(node, wrap);
    case 'call': {
      const args = node.args.map((arg) => build(arg, wrap));
      return node.operator.by === 'runs' ? node.operator.build(args, node) : valuesRun(node.operator, args, node);
    }
  }
}

function listRun({ items }: List, wrap: Wrap | undefined): Run {
  const runs = items.map((item) => build(item, wrap));
  return (at, running) => {
    const made = new Array<unknown>(runs.length);
    for (let i = 0; i < runs.length; i++) made[i] = (runs[i] as Run)(at, running);
    return made;
  };
}

function readRun({ up, path, orElse }: Read, wrap: Wrap | undefined): Run {
  const absent: Run = orElse === undefined ? () => null : build(orElse, wrap);
  if (up > 0) return (_at, running) => readPath(valueAbove(running, up), path) ?? null;
  const [first, second] = path;
  if (first === undefined) return (at) => at;
  if (path.length === 1) {
    return (at, running) => {
      const found = own(at, first);
      return found === undefined ? absent(at, running) : found;
    };
  }
  if (path.length === 2 && second !== undefined) {
    return (at, running) => {
      const found = own(own(at, first), second);
      return found === undefined ? absent(at, running) : found;
    };
  }
  return (at, running) => {
    const found = readPath(at, path);
    return found === undefined ? absent(at, running) : found;
  };
}

function valuesRun(operator: ValueOperator, args: readonly Run[], call: Call): Run {
  const { apply, pair } = operator;
  const [a, b] = args;
  if (call.spread && a !== undefined) return spreadRun(operator, a, call);
  if (pair !== undefined && args.length === 2 && a !== undefined && b !== undefined) {
    return (at, running) => pair(a(at, running), b(at, running), call, running);
  }
  return (at, running) => {
    const given = new Array<unknown>(args.length);
    for (let i = 0; i < args.length; i++) given[i] = (args[i] as Run)(at, running);
    return apply(given, call, running, at);
  };
}

/** One argument, which may be the list of all. */
function spreadRun({ apply, min, max }: ValueOperator, only: Run, call: Call): Run {
  return (at, running) => {
    const value = only(at, running);
    const given: readonly unknown[] = Array.isArray(value) ? value : [value];
    if (given.length < min || given.length > max) throw wrongArguments(call, countSaid(min, max, given.length));
    charge(running, given.length >> 3, call);
    return apply(given, call, running, at);
  };
}
