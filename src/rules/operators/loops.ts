import type { Call, Flow, FlowOperator } from '../node.js';
import { sizeOf } from '../size.js';
import { type Run, type Running, type Scope, charge, checkLength } from '../running.js';
import { shown } from '../site.js';
import { truthy, wrongArguments } from '../values.js';

/** A loop's own part: what it makes of the items. `weight` is what one turn costs. */
type Turns = (items: readonly unknown[], body: Run, running: Running, turn: Turn) => unknown;
interface Turn {
  readonly scope: Scope;
  readonly weight: number;
  readonly call: Call;
}

interface Shape {
  readonly name: string;
  readonly turns: Turns;
  readonly gives: FlowOperator['gives'];
  /** Whether null, as a field that is not there, counts as an empty list; and null as a body means nothing. */
  readonly lenient: boolean;
  readonly flow: (source: Flow, body: Flow) => Flow;
}

function loop({ name, turns, gives, lenient, flow }: Shape): FlowOperator {
  return {
    ...{ by: 'runs', name, min: 2, max: 2, listed: true, loops: true, gives },
    refuses: (call) => refusesOf(call, lenient),
    build: (args, call) => {
      const [source, body] = args as [Run, Run];
      const weight = weightOf(call);
      return (at, running) => {
        const items = listOf(source(at, running), lenient, call);
        const scope: Scope = { at, index: 0, up: running.scope };
        running.scope = scope;
        const made = turns(items, body, running, { scope, weight, call });
        running.scope = scope.up;
        return made;
      };
    },
    infer: ({ args }, scope, inference) => {
      const [from, body] = args as [Call, Call];
      const source = inference.flowOf(from, scope);
      inference.expect(source, ['any'], from);
      const inside = { item: inference.loop(source), up: scope };
      const made = name === 'map' ? inference.flowOf(body, inside) : inference.use(body, inside);
      return flow(inside.item, made);
    },
  };
}

function weightOf({ args: [, body] }: Call): number {
  return 1 + ((body === undefined ? 0 : sizeOf(body)) >> 2);
}

function refusesOf({ args: [source, body] }: Call, lenient: boolean): string | undefined {
  if (source?.kind === 'constant' && !Array.isArray(source.value)) {
    return `expected a list as its first argument, got ${shown(source.value)}.`;
  }
  return lenient && body?.kind === 'constant' && body.value === null
    ? 'expected an expression as its second argument, got null.'
    : undefined;
}

function listOf(value: unknown, lenient: boolean, call: Call): readonly unknown[] {
  if (Array.isArray(value)) return value;
  if (lenient && value === null) return [];
  throw wrongArguments(call, `expected a list, got ${shown(value)}.`);
}

const map: Turns = (items, body, running, { scope, weight, call }) => {
  checkLength(items.length, running, call);
  charge(running, items.length * weight, call);
  const made = new Array<unknown>(items.length);
  for (let i = 0; i < items.length; i++) {
    scope.index = i;
    made[i] = body(items[i] ?? null, running);
  }
  return made;
};

const filter: Turns = (items, body, running, { scope, weight, call }) => {
  charge(running, items.length * weight, call);
  const kept: unknown[] = [];
  for (let i = 0; i < items.length; i++) {
    scope.index = i;
    const item = items[i] ?? null;
    if (truthy(body(item, running))) kept.push(item);
  }
  checkLength(kept.length, running, call);
  return kept;
};

/** Whether some item is as `wanted`; the items after it are not looked at. */
const search =
  (wanted: boolean): Turns =>
  (items, body, running, { scope, weight, call }) => {
    for (let i = 0; i < items.length; i++) {
      scope.index = i;
      charge(running, weight, call);
      if (truthy(body(items[i] ?? null, running)) === wanted) return true;
    }
    return false;
  };
const some = search(true);
const otherwise = search(false);

const noPaths = { type: 'boolean', paths: [] } as const;

/** Its body sees `{current, accumulator}`. */
const reduce: FlowOperator = {
  ...{ by: 'runs', name: 'reduce', min: 2, max: 3, listed: true, loops: true, gives: 'any' },
  refuses: (call) => refusesOf(call, true),
  build: (args, call) => {
    const [source, body, start] = args as [Run, Run, Run | undefined];
    const weight = weightOf(call) + 1;
    return (at, running) => {
      const items = listOf(source(at, running), true, call);
      let accumulator = start === undefined ? null : start(at, running);
      const scope: Scope = { at, index: 0, up: running.scope };
      running.scope = scope;
      charge(running, items.length * weight, call);
      for (let i = 0; i < items.length; i++) {
        scope.index = i;
        accumulator = body({ current: items[i] ?? null, accumulator }, running);
      }
      running.scope = scope.up;
      return accumulator;
    };
  },
  infer: ({ args }, scope, inference) => {
    const [from, body, start] = args as [Call, Call, Call | undefined];
    const source = inference.flowOf(from, scope);
    inference.expect(source, ['any'], from);
    // The start, and what the body gives, are used whole: so whatever is read of the accumulator is in the read set.
    if (start !== undefined) inference.use(start, scope);
    const fields = { current: inference.loop(source), accumulator: { type: 'any', paths: [] } } as const;
    inference.use(body, { item: { type: 'any', paths: [], fields }, up: scope });
    return { type: 'any', paths: [] };
  },
};

export const LOOPS: readonly FlowOperator[] = [
  loop({
    ...{ name: 'map', turns: map, gives: ['any'], lenient: true },
    flow: (_item, body) => ({ type: [body.type], paths: [], items: body }),
  }),
  loop({
    ...{ name: 'filter', turns: filter, gives: ['any'], lenient: true },
    flow: (item) => ({ type: [item.type], paths: [], items: item }),
  }),
  reduce,
  loop({ ...{ name: 'some', turns: some, gives: 'boolean', lenient: false }, flow: () => noPaths }),
  loop({
    ...{ name: 'none', gives: 'boolean', lenient: false },
    turns: (...given) => some(...given) === false,
    flow: () => noPaths,
  }),
  loop({
    ...{ name: 'all', gives: 'boolean', lenient: false },
    turns: (items, ...given) => items.length > 0 && otherwise(items, ...given) === false,
    flow: () => noPaths,
  }),
];
