import { type TidemarkError, isTidemarkError } from '../errors.js';
import { build } from './evaluate.js';
import type { Limits } from './limits.js';
import type { Node } from './node.js';
import type { Run, Running } from './running.js';
import { pointerOf, shown } from './site.js';

/** One evaluation of one node. A loop's body is there once per item. */
export interface TraceNode {
  /** JSON Pointer into the rule. */
  readonly pointer: string;
  /** The operator; undefined for a list or a plain value. */
  readonly operator: string | undefined;
  /** Absent if it threw. */
  readonly value?: unknown;
  /** What it threw. */
  readonly error?: TidemarkError;
  /** Steps that it and all below it used. */
  readonly steps: number;
  /** The branch taken: the pointer of the argument whose value it is, if it is that of one. */
  readonly taken?: string;
  readonly children: readonly TraceNode[];
  /** Evaluations below it that are not shown, as there are too many. */
  readonly hidden?: number;
}

export interface Trace {
  /** Absent if the rule failed. */
  readonly value?: unknown;
  readonly error?: TidemarkError;
  readonly steps: number;
  readonly root: TraceNode;
}

/** Evaluations kept in one trace: what a person can read, and what a page can show. */
const MOST_NODES = 10_000;

type Growing = { -readonly [Name in keyof TraceNode]: TraceNode[Name] } & { readonly children: Growing[] };

/** Evaluates a node and writes down every evaluation below it. Constants are left out: the rule has them. */
export function traceNode(
  node: Node,
  context: unknown,
  limits: Limits,
  finish: (value: unknown, running: Running) => void,
): Trace {
  const top: Growing = { pointer: '', operator: undefined, steps: 0, children: [] };
  let above = top;
  let kept = 0;
  /** What was evaluated last, constants too: the argument that a choice ended with. */
  let last = { pointer: '', value: undefined as unknown };

  const wrap = (one: Node, run: Run): Run => {
    const pointer = pointerOf(one.site);
    if (one.kind === 'constant') {
      const constant = { pointer, value: one.value };
      return () => {
        last = constant;
        return constant.value;
      };
    }
    const operator = one.kind === 'list' ? undefined : one.name;
    const chooses = one.kind === 'call' && one.operator.by === 'runs' && one.operator.chooses === true;
    return (at, running) => {
      const parent = above;
      const isKept = ++kept <= MOST_NODES;
      const own: Growing = { pointer, operator, steps: 0, children: [] };
      if (isKept) parent.children.push(own);
      else parent.hidden = (parent.hidden ?? 0) + 1;
      if (isKept) above = own;
      const before = running.left;
      try {
        const value = run(at, running);
        if (chooses && last.value === value && last.pointer.startsWith(`${pointer}/`)) own.taken = last.pointer;
        own.value = value;
        last = { pointer, value };
        return value;
      } catch (error) {
        if (isTidemarkError(error)) own.error = error;
        throw error;
      } finally {
        above = parent;
        own.steps = before - running.left;
      }
    };
  };

  const running: Running = { root: context, left: limits.steps, scope: undefined, limits };
  const run = build(node, wrap);
  try {
    const value = run(context, running);
    finish(value, running);
    return { value, steps: limits.steps - running.left, root: top.children[0] ?? { ...top, value } };
  } catch (error) {
    if (!isTidemarkError(error)) throw error;
    return { error, steps: limits.steps - running.left, root: top.children[0] ?? { ...top, error } };
  }
}

/** Lines of a text form of a trace; what is deeper is indented. */
export function linesOf(trace: Trace): string[] {
  const lines: string[] = [];
  const write = (node: TraceNode, indent: string): void => {
    const result = node.error === undefined ? shown(node.value) : `failed: ${node.error.message}`;
    const taken = node.taken === undefined ? '' : `, by ${node.taken}`;
    lines.push(`${indent}${node.pointer || '/'} ${node.operator ?? 'list'}: ${result}${taken}`);
    for (const child of node.children) write(child, `${indent}  `);
    if (node.hidden !== undefined) lines.push(`${indent}  … ${String(node.hidden)} more`);
  };
  write(trace.root, '');
  lines.push(`${String(trace.steps)} steps`);
  return lines;
}
