import type { Batch, Column } from './columns.js';
import type { Run, Running } from './running.js';
import type { Place, Site } from './site.js';

/** A rule after parsing, the operators that its calls refer to, and what is asked of both. Types only. */

export type Node = Constant | List | Read | Call;

export interface Constant {
  readonly kind: 'constant';
  readonly site: Site | undefined;
  /** Frozen, as everything in it. */
  readonly value: unknown;
}
export interface List {
  readonly kind: 'list';
  readonly site: Site | undefined;
  readonly items: readonly Node[];
}
/** A `var` or `val` whose path is known. */
export interface Read {
  readonly kind: 'read';
  readonly site: Site | undefined;
  readonly name: string;
  /** 0 is the current value, 2 the one outside of the loop, 4 outside of two; 1 and 3 their indexes. */
  readonly up: number;
  readonly path: readonly string[];
  readonly orElse: Node | undefined;
}
export interface Call extends Place {
  readonly kind: 'call';
  readonly operator: Operator;
  readonly args: readonly Node[];
  /** The one argument may turn out to be the list of arguments: `{"max": {"var": "scores"}}`. */
  readonly spread: boolean;
}

// ── Operators ───────────────────────────────────────────────────────────────────────────────────────────────────

interface Common {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  readonly gives: Type;
  /** Static steps of one call, for `cost`; those at run time are charged by the operator. */
  readonly cost?: number;
  /** What it reads and gives, where that is more than using all its arguments. */
  readonly infer?: (call: Call, scope: FlowScope, inference: Inference) => Flow;
  /** Whole columns at once; without it, row by row. */
  readonly vector?: (args: readonly Vector[], call: Call) => Vector | undefined;
  /** A plainer node for a call whose arguments are known; undefined if they are not. */
  readonly lower?: (args: readonly Node[], place: Place) => Node | undefined;
  /** Why a call can never work, if that is plain without data. */
  readonly refuses?: (call: Call) => string | undefined;
}

/** Takes the values of all its arguments. */
export interface ValueOperator extends Common {
  readonly by: 'values';
  readonly takes: Type;
  /** One argument that is not written as a list stays one argument, even if it is a list. */
  readonly single?: boolean;
  readonly apply: (args: readonly unknown[], call: Call, running: Running, at: unknown) => unknown;
  /** `apply` for two, without a list. */
  readonly pair?: (a: unknown, b: unknown, call: Call, running: Running) => unknown;
}

/** Decides itself which arguments run, and on what. */
export interface FlowOperator extends Common {
  readonly by: 'runs';
  /** Refuses a single argument that is not written as a list. */
  readonly listed: boolean;
  /** Its result is that of one of its arguments: a trace says which. */
  readonly chooses?: boolean;
  /** Its second argument runs once per item of the first. */
  readonly loops?: boolean;
  readonly infer: (call: Call, scope: FlowScope, inference: Inference) => Flow;
  readonly build: (args: readonly Run[], call: Call) => Run;
}

export type Operator = ValueOperator | FlowOperator;
export type Operators = ReadonlyMap<string, Operator>;

// ── Columns ─────────────────────────────────────────────────────────────────────────────────────────────────────

/** A node over many rows at once: those that `rows` selects. */
export interface Vector {
  /** Every value is true or false. */
  readonly boolean: boolean;
  /** The result may lie in a buffer taken; others that are taken are given up. */
  readonly column: (batch: Batch, rows: Int32Array, count: number) => Column;
  /** Writes the rows that are true to `yes`, and the others to `no` if asked for; gives how many are true. */
  readonly split: (
    batch: Batch,
    rows: Int32Array,
    count: number,
    yes: Int32Array,
    no: Int32Array | undefined,
  ) => number;
}

// ── What a rule reads, and of what type ─────────────────────────────────────────────────────────────────────────

/** A declared type. Everything may also be null. `['number']` is a list of numbers, `{ level: 'number' }` an object. */
export type Type =
  'any' | 'number' | 'string' | 'boolean' | 'date' | readonly [Type] | { readonly [field: string]: Type };

/** What is known of a value without data: its type, and which parts of the context it may be. */
export interface Flow {
  readonly type: Type;
  readonly paths: readonly string[];
  readonly items?: Flow;
  readonly fields?: Readonly<Record<string, Flow>>;
}

export interface FlowScope {
  readonly item: Flow;
  readonly up: FlowScope | undefined;
}

export interface Inference {
  /** What a node gives, whether or not anybody looks at it. */
  flowOf(node: Node, scope: FlowScope): Flow;
  /** The whole value of a node is looked at, and should be of a type. */
  use(node: Node, scope: FlowScope, expected?: Type): Flow;
  /** The whole of a value is looked at. */
  useFlow(flow: Flow): void;
  /** A loop goes over a list: gives its items. How many there are is read in any case. */
  loop(source: Flow): Flow;
  unite(flows: readonly Flow[]): Flow;
  /** What lies so many levels outside, as {@link Read} counts them. */
  above(scope: FlowScope, up: number): Flow;
  /** The value should be of a type. */
  expect(flow: Flow, expected: Type, by: { readonly site: Site | undefined }): void;
  /** The values are compared with each other. */
  comparable(flows: readonly Flow[], call: Call, ordered: boolean): void;
  /** A path below a value. */
  descend(flow: Flow, path: readonly string[], site: Site | undefined): Flow;
  /** Paths of the context itself, by name. */
  reads(paths: readonly string[]): void;
}
