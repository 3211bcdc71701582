import type { Call, Flow, FlowScope, Inference, Node, Operator, ValueOperator } from '../node.js';
import { readPath, segmentsOf } from '../path.js';
import { type Running, charge, valueAbove } from '../running.js';
import { type Place, shown } from '../site.js';
import { finiteOf, wrongArguments } from '../values.js';

const unknownFlow: Flow = { type: 'any', paths: [] };

// ── var: a dotted path below the current value ──────────────────────────────────────────────────────────────────

const variable: ValueOperator = {
  ...{ by: 'values', name: 'var', min: 0, max: 2, single: true, takes: 'any', gives: 'any' },
  lower: ([path, orElse], { name, site }) => {
    if (path !== undefined && path.kind !== 'constant') return undefined;
    const segments = segmentsOf(dottedOf(path?.value, { name, site }));
    return { kind: 'read', name, site, up: 0, path: segments, orElse };
  },
  apply: ([path, orElse = null], call, running, at) => {
    const dotted = dottedOf(path, call);
    charge(running, 1 + (dotted.length >> 3), call);
    const found = readPath(at, segmentsOf(dotted));
    return found === undefined ? orElse : found;
  },
  infer: ({ args, site }, scope, inference) => {
    const [path, orElse] = args as [Node, Node | undefined];
    inference.use(path, scope);
    const other = orElse === undefined ? [] : [inference.flowOf(orElse, scope)];
    const texts = textsOf(path);
    if (texts === undefined) {
      inference.useFlow(inference.descend(scope.item, segmentsOf(prefixOf(path)), site));
      return inference.unite([unknownFlow, ...other]);
    }
    const known = texts.filter(isName).map((text) => inference.descend(scope.item, segmentsOf(nameOf(text)), site));
    return inference.unite([...known, ...other]);
  },
};

/** Throws RULE_ARGUMENTS. */
function dottedOf(path: unknown, place: Place): string {
  if (path === undefined) return '';
  if (isName(path)) return nameOf(path);
  throw wrongArguments(place, `expected a path of names with dots, got ${shown(path)}.`);
}

type Name = string | number | boolean | null;

function isName(path: unknown): path is Name {
  return path === null || typeof path === 'string' || typeof path === 'number' || typeof path === 'boolean';
}

function nameOf(name: Name): string {
  return name === null ? '' : String(name);
}

/** All that a path or key may turn out to be; undefined if only the data knows. */
function textsOf(node: Node): readonly unknown[] | undefined {
  if (node.kind === 'constant') return [node.value];
  if (node.kind === 'list') return allOf(node.items.map(textsOf));
  if (node.kind !== 'call') return undefined;
  const { name, args } = node;
  if (name === 'merge') return allOf(args.map(textsOf));
  if (name !== 'if' && name !== '?:') return undefined;
  const results = args.filter((_, i) => i % 2 === 1 || i === args.length - 1).map(textsOf);
  return allOf(args.length % 2 === 1 ? results : [...results, [null]]);
}

function allOf(parts: readonly (readonly unknown[] | undefined)[]): readonly unknown[] | undefined {
  return parts.every((part) => part !== undefined) ? parts.flat() : undefined;
}

/** What a path made by `cat` begins with, in whole segments; '' if nothing is known. */
function prefixOf(node: Node): string {
  const first = node.kind === 'call' && node.name === 'cat' ? node.args[0] : undefined;
  const text = first?.kind === 'constant' && typeof first.value === 'string' ? first.value : '';
  return text.slice(0, Math.max(0, text.lastIndexOf('.')));
}

// ── val and exists: a path in segments, of the current value or one outside ─────────────────────────────────────

const value: ValueOperator = {
  ...{ by: 'values', name: 'val', min: 0, max: Infinity, takes: 'any', gives: 'any' },
  lower: (args, { name, site }) => {
    if (!args.every((arg) => arg.kind === 'constant')) return undefined;
    const values = args.map((arg) => arg.value);
    const { up, path } = routeOf(values, { name, site });
    return { kind: 'read', name, site, up, path, orElse: undefined };
  },
  refuses: refusesRoute,
  apply: (args, call, running, at) => found(args, call, running, at) ?? null,
  infer: (call, scope, inference) => {
    inferRoute(call, scope, inference);
    return unknownFlow;
  },
};

const exists: ValueOperator = {
  ...{ by: 'values', name: 'exists', min: 0, max: Infinity, takes: 'any', gives: 'boolean' },
  refuses: refusesRoute,
  apply: (args, call, running, at) => found(args, call, running, at) !== undefined,
  infer: (call, scope, inference) => {
    inferRoute(call, scope, inference);
    return { type: 'boolean', paths: [] };
  },
};

function found(args: readonly unknown[], call: Call, running: Running, at: unknown): unknown {
  charge(running, args.length >> 3, call);
  const { up, path } = routeOf(args, call);
  return readPath(up === 0 ? at : valueAbove(running, up), path);
}

/** `[[2], 'a', 'b']` goes two up, then down. Throws RULE_ARGUMENTS. */
function routeOf(args: readonly unknown[], place: Place): { readonly up: number; readonly path: readonly string[] } {
  const said = wrongRoute(args);
  if (said !== undefined) throw wrongArguments(place, said);
  const [first] = args;
  const climbs = Array.isArray(first);
  const segments = climbs ? args.slice(1) : args.length === 1 && first === null ? [] : args;
  return { up: climbs ? Math.abs(first[0] as number) : 0, path: segments.map((segment) => nameOf(segment as Name)) };
}

function wrongRoute(args: readonly unknown[]): string | undefined {
  const [first] = args;
  const climbs = Array.isArray(first);
  if (climbs && (first.length !== 1 || !Number.isSafeInteger(first[0]))) {
    return `expected how far to climb as a list of one whole number, got ${shown(first)}.`;
  }
  const wrong = (climbs ? args.slice(1) : args).find((one) => !isName(one) || (one === null && args.length > 1));
  return wrong === undefined ? undefined : `expected names and numbers as its path, got ${shown(wrong)}.`;
}

function refusesRoute(call: Call): string | undefined {
  return wrongRoute(knownOf(call));
}

/** The arguments before the first that only the data knows. */
function knownOf({ args, spread }: Call): readonly unknown[] {
  const known: unknown[] = [];
  for (const arg of spread ? [] : args) {
    if (arg.kind !== 'constant') break;
    known.push(arg.value);
  }
  return known;
}

/** The whole of what lies where the path is no longer known is read. */
function inferRoute(call: Call, scope: FlowScope, inference: Inference): void {
  for (const arg of call.args) inference.use(arg, scope);
  const known = knownOf(call);
  if (known.length === 0 && call.args.length > 0) {
    // It may climb as well: everything from here to the context is read.
    for (let at: FlowScope | undefined = scope; at !== undefined; at = at.up) inference.useFlow(at.item);
    return;
  }
  const { up, path } = routeOf(known, call);
  inference.useFlow(inference.descend(inference.above(scope, up), path, call.site));
}

// ── missing: which of some dotted paths have no value ───────────────────────────────────────────────────────────

const missing: ValueOperator = {
  ...{ by: 'values', name: 'missing', min: 0, max: Infinity, takes: 'any', gives: ['string'] },
  apply: (args, call, running, at) => {
    const [first] = args;
    return missingOf(args.length === 1 && Array.isArray(first) ? first : args, call, running, at);
  },
  infer: (call, scope, inference) => inferKeys(call, call.args, scope, inference),
};

const missingSome: ValueOperator = {
  ...{ by: 'values', name: 'missing_some', min: 2, max: 2, takes: 'any', gives: ['string'] },
  apply: ([needed, keys], call, running, at) => {
    const least = finiteOf(needed, call);
    if (!Array.isArray(keys)) throw wrongArguments(call, `expected a list of paths, got ${shown(keys)}.`);
    const absent = missingOf(keys, call, running, at);
    return keys.length - absent.length >= least ? [] : absent;
  },
  infer: (call, scope, inference) => inferKeys(call, call.args.slice(1), scope, inference),
};

function missingOf(keys: readonly unknown[], call: Call, running: Running, at: unknown): unknown[] {
  return keys.filter((key) => {
    const dotted = dottedOf(key, call);
    charge(running, 1 + (dotted.length >> 3), call);
    const there = readPath(at, segmentsOf(dotted));
    return there === undefined || there === null || there === '';
  });
}

function inferKeys(call: Call, keys: readonly Node[], scope: FlowScope, inference: Inference): Flow {
  for (const arg of call.args) inference.use(arg, scope);
  const texts = keys.length === 0 && call.spread ? undefined : allOf(keys.map(textsOf));
  if (texts === undefined) inference.useFlow(scope.item);
  for (const key of texts?.flat() ?? []) {
    if (isName(key) && key !== null)
      inference.useFlow(inference.descend(scope.item, segmentsOf(nameOf(key)), call.site));
  }
  return { type: ['string'], paths: [] };
}

/** Gives its argument. It is in the rules of others, where it prints. */
const log: ValueOperator = {
  ...{ by: 'values', name: 'log', min: 1, max: 1, single: true, takes: 'any', gives: 'any' },
  apply: ([said]) => said,
  infer: ({ args: [said] }, scope, inference) => inference.flowOf(said as Node, scope),
};

export const DATA: readonly Operator[] = [variable, value, exists, missing, missingSome, log];
