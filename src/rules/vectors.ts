import { type Batch, type Column, type Slot, constantColumn, valueIn } from './columns.js';
import { type Comparison, type Fold, foldSome } from './kernels.js';
import type { Call, Constant, Read, ValueOperator, Vector } from './node.js';
import type { Run, Running } from './running.js';
import { keyOf } from './path.js';
import { truthy } from './values.js';

// ── A vector from one of its two forms ──────────────────────────────────────────────────────────────────────────

/** A vector of any values. */
export function byColumn(column: Vector['column'], boolean = false): Vector {
  return {
    boolean,
    column,
    split: (batch, rows, count, yes, no) => {
      const { top } = batch.buffers;
      const held = splitColumn(column(batch, rows, count), rows, count, yes, no ?? batch.buffers.take().rows);
      batch.buffers.top = top;
      return held;
    },
  };
}

/** A vector of true and false. */
export function bySplit(split: Vector['split']): Vector {
  return {
    boolean: true,
    split,
    column: (batch, rows, count) => {
      const { numbers } = batch.buffers.take();
      const { top } = batch.buffers;
      const yes = batch.buffers.take().rows;
      const held = split(batch, rows, count, yes, undefined);
      numbers.fill(0, 0, batch.chunk.count);
      for (let i = 0; i < held; i++) numbers[yes[i] as number] = 1;
      batch.buffers.top = top;
      return { kind: 'boolean', numbers };
    },
  };
}

/** The truth of a column's values. */
export function splitColumn(column: Column, rows: Int32Array, count: number, yes: Int32Array, no: Int32Array): number {
  let held = 0;
  if (column.kind === 'number' || column.kind === 'boolean') {
    const { numbers } = column;
    for (let i = 0; i < count; i++) {
      const row = rows[i] as number;
      yes[held] = no[i - held] = row;
      held += numbers[row] !== 0 ? 1 : 0;
    }
    return held;
  }
  for (let i = 0; i < count; i++) {
    const row = rows[i] as number;
    yes[held] = no[i - held] = row;
    held += truthy(column.kind === 'constant' ? column.value : column.values[row]) ? 1 : 0;
  }
  return held;
}

// ── Nodes that no operator has a say in ─────────────────────────────────────────────────────────────────────────

export function constantVector({ value }: Constant): Vector {
  const column = constantColumn(value);
  return byColumn(() => column, typeof value === 'boolean');
}

export function readVector({ path }: Read): Vector {
  const key = keyOf(path);
  return byColumn((batch) => batch.chunk.column(path, key));
}

/** Row by row, as a single evaluation does it. */
export function runVector(run: Run): Vector {
  return byColumn((batch, rows, count) => {
    const { values } = batch.buffers.take();
    batch.each(rows, count, (row, running) => (values[row] = run(running.root, running)));
    return { kind: 'mixed', values };
  });
}

/** The operator row by row, its arguments in columns. */
export function valuesVector(args: readonly Vector[], call: Call, operator: ValueOperator): Vector {
  return byColumn((batch, rows, count) => {
    const { values } = batch.buffers.take();
    const { top } = batch.buffers;
    const columns = args.map((arg) => arg.column(batch, rows, count));
    batch.each(rows, count, (row, running) => {
      const given = columns.map((column) => valueIn(column, row));
      values[row] = operator.apply(given, call, running, running.root);
    });
    batch.buffers.top = top;
    return { kind: 'mixed', values };
  });
}

// ── Arithmetic and comparisons ──────────────────────────────────────────────────────────────────────────────────

type Pair = (a: unknown, b: unknown, call: Call, running: Running) => unknown;

interface Folding {
  readonly fold: Fold;
  readonly two: (a: number, b: number) => number;
  readonly pair: Pair;
}

/** From the left, as long as all are numbers by the kernel; what it cannot do, row by row. */
export function foldVector(args: readonly Vector[], call: Call, folding: Folding): Vector | undefined {
  if (args.length < 2) return undefined;
  return byColumn((batch, rows, count) => {
    const { buffers } = batch;
    const slot = buffers.take();
    const spare = args.length > 2 ? buffers.take() : slot;
    const { top } = buffers;
    const columns = args.map((arg) => arg.column(batch, rows, count));
    let left = columns[0] as Column;
    // In turns, as what is read and what is written must not lie in one place.
    for (let i = 1; i < columns.length; i++) {
      const into = (columns.length - i) % 2 === 1 ? slot : spare;
      left = foldTwo(batch, { left, right: columns[i] as Column, rows, count, into }, call, folding);
    }
    buffers.top = top;
    return left;
  });
}

interface Folded {
  readonly left: Column;
  readonly right: Column;
  readonly rows: Int32Array;
  readonly count: number;
  readonly into: Slot;
}

function foldTwo(batch: Batch, { left, right, rows, count, into }: Folded, call: Call, folding: Folding): Column {
  const a = batch.operandOf(left, rows, count);
  const b = batch.operandOf(right, rows, count);
  const { numbers } = into;
  if (a !== undefined && b !== undefined) {
    const all = batch.chunk.count;
    // Rows that nobody asked for cost less than picking the others out, unless they are many.
    const done = count * 4 >= all && folding.fold(a, b, numbers, all);
    if (done || foldSome(a, b, numbers, rows, count, folding.two)) return { kind: 'number', numbers };
  }
  const { values } = into;
  batch.each(rows, count, (row, running) => {
    values[row] = folding.pair(valueIn(left, row), valueIn(right, row), call, running);
  });
  return { kind: 'mixed', values };
}

/** Each with the next, for the rows in which all before held. */
export function compareVector(args: readonly Vector[], call: Call, comparing: Comparing): Vector {
  return bySplit((batch, rows, count, yes, no) => {
    const { buffers } = batch;
    const { top } = buffers;
    let left = (args[0] as Vector).column(batch, rows, count);
    let current = rows;
    let held = count;
    for (let i = 1; i < args.length; i++) {
      const right = (args[i] as Vector).column(batch, current, held);
      const target = i === args.length - 1 ? yes : buffers.take().rows;
      held = splitTwo(
        batch,
        { left, right, rows: current, count: held, yes: target, no, from: count - held },
        call,
        comparing,
      );
      current = target;
      left = right;
    }
    buffers.top = top;
    return held;
  });
}

interface Comparing {
  readonly kernel: Comparison;
  readonly holds: Pair;
  /** Values of different types are different. */
  readonly strict: boolean;
}

/** One comparison of two columns. Rows where it fails are added to `no` from `from` on. */
interface Compared {
  readonly left: Column;
  readonly right: Column;
  readonly rows: Int32Array;
  readonly count: number;
  readonly yes: Int32Array;
  readonly no: Int32Array | undefined;
  readonly from: number;
}

function splitTwo(batch: Batch, compared: Compared, call: Call, { kernel, holds, strict }: Comparing): number {
  const { left, right, rows, count, yes, no, from } = compared;
  if (!strict || alike(left, right)) {
    const a = batch.operandOf(left, rows, count);
    const b = batch.operandOf(right, rows, count);
    if (a !== undefined && b !== undefined) {
      const { swapped } = kernel;
      const all = count === batch.chunk.count;
      if (no !== undefined) {
        const [x, y] = swapped.fails ? [b, a] : [a, b];
        if (all) kernel.fails.all(x, y, count, no, from);
        else kernel.fails.some(x, y, rows, count, no, from);
      }
      const [x, y] = swapped.holds ? [b, a] : [a, b];
      return all ? kernel.holds.all(x, y, count, yes, 0) : kernel.holds.some(x, y, rows, count, yes, 0);
    }
  }
  const { values } = batch.buffers.take();
  if (strict && isPlain(right) && left.kind === 'mixed') {
    const wanted = call.name === '===';
    for (let i = 0; i < count; i++) {
      const row = rows[i] as number;
      values[row] = (left.values[row] === right.value) === wanted;
    }
  } else {
    batch.each(rows, count, (row, running) => {
      values[row] = holds(valueIn(left, row), valueIn(right, row), call, running);
    });
  }
  const rejected = no ?? batch.buffers.take().rows;
  let held = 0;
  for (let i = 0; i < count; i++) {
    const row = rows[i] as number;
    yes[held] = rejected[from + i - held] = row;
    if (values[row] === true) held++;
  }
  return held;
}

/** Whether equal numbers are equal values. */
function alike(a: Column, b: Column): boolean {
  return typeIn(a) === typeIn(b) && typeIn(a) !== undefined;
}

function typeIn(column: Column): string | undefined {
  if (column.kind === 'mixed') return undefined;
  return column.kind === 'constant' ? typeof column.value : column.kind;
}

/** A constant that is equal only to itself. */
function isPlain(column: Column): column is Column & { kind: 'constant' } {
  return column.kind === 'constant' && (typeof column.value !== 'object' || column.value === null);
}
