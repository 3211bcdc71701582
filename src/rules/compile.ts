import { TidemarkError } from '../errors.js';
import { evaluateRows, vectorOf } from './batch.js';
import { Buffers, Table } from './columns.js';
import type { OperatorSet } from './custom.js';
import { build } from './evaluate.js';
import { infer } from './infer.js';
import { type LimitOptions, type Limits, limitsOf } from './limits.js';
import type { Type, Vector } from './node.js';
import { BUILT_IN } from './operators.js';
import { type Parsed, parse } from './parse.js';
import type { Running } from './running.js';
import type { Place, Problem } from './site.js';
import { costOf, mayGrow } from './size.js';
import { type Trace, linesOf, traceNode } from './trace.js';
import { measure } from './values.js';

export interface RuleOptions {
  /** Operators besides those built in. Default: none. */
  readonly operators?: OperatorSet | undefined;
  readonly limits?: LimitOptions | undefined;
  /** The types of the context. With them, unknown fields and wrong operands are problems. Default: not checked. */
  readonly types?: Type | undefined;
}

export interface CompiledRule<Value = unknown> {
  /** The value for one context. Throws a coded error, and nothing else for whatever context of plain data. */
  evaluate(context: unknown): Value;
  /** One result per row, in order. A row that fails has its error in place of a value; the others are not affected. */
  evaluateMany(rows: readonly unknown[] | Table): (Value | TidemarkError)[];
  /** The value or error, with that of every node. Throws nothing. */
  trace(context: unknown): Trace;
  /** Dotted paths of the context that it may read, sorted; `*` stands for all items or fields. */
  readonly reads: readonly string[];
  /** What its value is if not null, as far as that is known without data. */
  readonly gives: Type;
  /** An estimate of the work of one evaluation: one for each operator and read, ten times in a loop. */
  readonly cost: number;
}

/**
 * Compiles a rule in JSONLogic. It runs without eval, reads own properties of its context only, and ends within its steps
 * whatever it says. Throws the first of its problems; {@link validate} gives all.
 *
 * @example
 * const rule = compile<boolean>({ '>=': [{ var: 'settlement.level' }, 3] });
 * rule.evaluate({ settlement: { level: 4 } }); // true
 * rule.reads; // ['settlement.level']
 */
export function compile<Value = unknown>(rule: unknown, options: RuleOptions = {}): CompiledRule<Value> {
  const limits = limitsOf(options.limits);
  const { node, problems, reads, type } = understand(rule, options, limits);
  if (node === undefined) throw errorOf(problems);
  const run = build(node);
  const place: Place = { name: 'rule', site: undefined };
  const check = mayGrow(node)
    ? (value: unknown, running: Running): void => {
        measure(value, running, place);
      }
    : undefined;
  let vector: Vector | undefined;
  const buffers = new Buffers();
  return {
    reads,
    gives: type,
    cost: costOf(node),
    evaluate: (context) => {
      const root = context ?? null;
      const running: Running = { root, left: limits.steps, scope: undefined, limits };
      const value = run(root, running);
      if (check !== undefined) check(value, running);
      return value as Value;
    },
    evaluateMany: (rows) => {
      vector ??= vectorOf(node);
      return evaluateRows<Value>(vector, rows instanceof Table ? rows : new Table(rows, buffers), limits, check);
    },
    trace: (context) => traceNode(node, context ?? null, limits, check ?? (() => {})),
  };
}

/** What is wrong with a rule and can be seen without data, in the order of the rule, a hundred at most. Empty if it compiles. */
export function validate(rule: unknown, options: RuleOptions = {}): readonly Problem[] {
  return understand(rule, options, limitsOf(options.limits)).problems;
}

/**
 * Evaluates a rule for one context and says how it came to its result: a line for each node, with its place in the rule, its
 * value and the branch taken, and at last the steps used.
 */
export function explainRule(rule: unknown, context: unknown, options: RuleOptions = {}): string {
  return linesOf(compile(rule, options).trace(context)).join('\n');
}

/** Rows prepared for many rules: what one rule has read from them, the next need not. */
export function tableOf(rows: readonly unknown[]): Table {
  return new Table(rows, new Buffers());
}

interface Understood extends Parsed {
  readonly reads: readonly string[];
  readonly type: Type;
}

function understand(rule: unknown, { operators, types }: RuleOptions, limits: Limits): Understood {
  const { node, problems } = parse(rule, operators?.table ?? BUILT_IN, limits);
  if (node === undefined) return { node, problems, reads: [], type: 'any' };
  const inferred = infer(node, types);
  return { ...inferred, node: inferred.problems.length === 0 ? node : undefined };
}

function errorOf(problems: readonly Problem[]): TidemarkError {
  const [{ code, message }, ...others] = problems as readonly [Problem, ...Problem[]];
  const more = others.length === 0 ? '' : ` (and ${String(others.length)} more)`;
  return new TidemarkError(code, `${message}${more}`);
}
