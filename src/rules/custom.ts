import { TidemarkError, isTidemarkError, messageOf } from '../errors.js';
import type { Call, Node, Operators, Type, ValueOperator } from './node.js';
import { BUILT_IN } from './operators.js';
import { PRESERVE } from './parse.js';
import { covers, readPath, segmentsOf } from './path.js';
import { type Running, charge, checkLength, checkText } from './running.js';
import { fault, faultOf } from './site.js';
import { notANumber } from './values.js';

/** An operator of the host. It is synchronous and pure: everything that it needs is loaded into the context before. */
export interface CustomOperator {
  /** How many arguments it takes: a number, or the fewest and the most. */
  readonly arity: number | readonly [fewest: number, most: number];
  /** Steps of one call. Default 1. */
  readonly cost?: number | undefined;
  /**
   * Dotted paths of the context that a call reads, `*` for all items or fields. Asked once per call when a rule is compiled; an
   * argument that only the data knows is undefined.
   */
  readonly reads: (args: readonly unknown[]) => readonly string[];
  /** For the type check, if the context's types are declared. */
  readonly types?: { readonly takes: readonly Type[]; readonly gives: Type } | undefined;
  /** `read` gives what lies at a path of the context, null if nothing does; only own properties, only what `reads` names. */
  readonly evaluate: (args: readonly unknown[], read: (path: string) => unknown) => unknown;
}

/** Operators that rules may use besides those built in. Made by {@link defineOperators}. */
export interface OperatorSet {
  readonly names: readonly string[];
  /** @internal */
  readonly table: Operators;
}

/**
 * Checks operators of the host and joins them with those built in. Throws INVALID_OPTION: a name that is blank or taken, an
 * arity or cost out of range.
 *
 * @example
 * const operators = defineOperators({
 *   'settlement.level': {
 *     arity: 0,
 *     reads: () => ['settlement.level'],
 *     evaluate: (_args, read) => read('settlement.level'),
 *   },
 * });
 * compile({ '>=': [{ 'settlement.level': [] }, 3] }, { operators });
 */
export function defineOperators(operators: Readonly<Record<string, CustomOperator>>): OperatorSet {
  const table = new Map(BUILT_IN);
  for (const [name, operator] of Object.entries(operators)) {
    if (name.trim() === '') throw invalid(name, 'expected a name, got a blank one');
    if (table.has(name) || name === PRESERVE) throw invalid(name, 'expected a name that is not built in');
    table.set(name, operatorOf(name, operator));
  }
  return Object.freeze({ names: Object.freeze(Object.keys(operators)), table });
}

function operatorOf(name: string, { arity, cost = 1, reads, types, evaluate }: CustomOperator): ValueOperator {
  const [min, max] = typeof arity === 'number' ? [arity, arity] : arity;
  if (!isCount(min) || !(isCount(max) || max === Infinity) || max < min) {
    throw invalid(name, `expected an arity of whole numbers, got ${String(arity)}`);
  }
  if (!isCount(cost)) throw invalid(name, `expected a cost of whole steps, got ${String(cost)}`);
  if (typeof reads !== 'function') throw invalid(name, 'expected reads(), which names the paths that it reads');

  const declared = new WeakMap<Call, readonly string[]>();
  const declaredBy = (call: Call): readonly string[] => {
    let paths = declared.get(call);
    if (paths === undefined) declared.set(call, (paths = pathsOf(call, reads)));
    return paths;
  };
  return {
    ...{ by: 'values', name, min, max, cost, takes: 'any', gives: types?.gives ?? 'any' },
    infer: (call, scope, inference) => {
      call.args.forEach((arg, i) => inference.use(arg, scope, call.spread ? 'any' : (types?.takes[i] ?? 'any')));
      inference.reads(declaredBy(call));
      return { type: types?.gives ?? 'any', paths: [] };
    },
    apply: (args, call, running) => {
      charge(running, cost, call);
      const paths = declaredBy(call);
      const read = (path: string): unknown => {
        if (!paths.some((declaredPath) => allows(declaredPath, path))) {
          throw faultOf('OPERATOR_FAILED', call, `read '${path}', which its reads() does not name.`);
        }
        return readPath(running.root, segmentsOf(path)) ?? null;
      };
      return checked(given(evaluate, args, read, call), call, running);
    },
  };
}

/** A fault of the host's own code becomes an error with a place. */
function given(
  evaluate: CustomOperator['evaluate'],
  args: readonly unknown[],
  read: (path: string) => unknown,
  call: Call,
): unknown {
  try {
    return evaluate(args, read);
  } catch (error) {
    if (isTidemarkError(error)) throw error;
    throw fault('OPERATOR_FAILED', call.site, `'${call.name}' threw: ${messageOf(error)}`, { cause: error });
  }
}

function checked(value: unknown, call: Call, running: Running): unknown {
  switch (typeof value) {
    case 'string':
      return checkText(value, running, call);
    case 'number':
      if (value - value !== 0) throw notANumber(call, `expected a finite result, got ${String(value)}.`);
      return value + 0;
    case 'boolean':
      return value;
    case 'undefined':
      return null;
    case 'object':
      if (Array.isArray(value)) checkLength(value.length, running, call);
      if (typeof (value as { then?: unknown } | null)?.then !== 'function') return value;
      throw faultOf('OPERATOR_FAILED', call, 'gave a promise: what it needs is to be loaded before the evaluation.');
    default:
      throw faultOf('OPERATOR_FAILED', call, `gave a ${typeof value}, which is no JSON.`);
  }
}

function pathsOf(call: Call, reads: CustomOperator['reads']): readonly string[] {
  const known = call.spread ? [] : call.args.map((arg: Node) => (arg.kind === 'constant' ? arg.value : undefined));
  return reads(known);
}

/** Whether a declared path names what is read; `*` stands for any one segment. */
function allows(declared: string, path: string): boolean {
  if (covers(declared, path)) return true;
  if (!declared.includes('*')) return false;
  const wanted = segmentsOf(path);
  const segments = segmentsOf(declared);
  return segments.length <= wanted.length && segments.every((one, i) => one === '*' || one === wanted[i]);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function invalid(name: string, said: string): TidemarkError {
  return new TidemarkError('INVALID_OPTION', `operators['${name}']: ${said}.`);
}
