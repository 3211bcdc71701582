import { type Batch, type Column, type Slot, valueIn } from './columns.js';
import type { Comparison, Fold } from './kernels.js';
import type { Call, Constant, Read, ValueOperator, Vector } from './node.js';
import type { Run, Running } from './running.js';
import { keyOf } from './path.js';
import { truthy } from './values.js';

// ── A vector from one of its two forms ──────────────────────────────────────────────────────────────────────────

function byColumn(column: Vector['column'], boolean = false): Vector {
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

function bySplit(split: Vector['split']): Vector {
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

function splitColumn(column: Column, rows: Int32Array, count: number, yes: Int32Array, no: Int32Array): number {
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
  return byColumn(() => ({ kind: 'constant', value }), typeof value === 'boolean');
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
  const a = batch.numbersOf(left, rows, count);
  const b = batch.numbersOf(right, rows, count);
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

function foldSome(
  a: Float64Array,
  b: Float64Array,
  out: Float64Array,
  rows: Int32Array,
  count: number,
  two: (a: number, b: number) => number,
): boolean {
  let odd = 0;
  for (let i = 0; i < count; i++) {
    const row = rows[i] as number;
    const result = two(a[row] as number, b[row] as number) + 0;
    out[row] = result;
    odd += result - result;
  }
  return odd === 0;
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
    const a = batch.numbersOf(left, rows, count);
    const b = batch.numbersOf(right, rows, count);
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
  batch.each(rows, count, (row, running) => {
    values[row] = holds(valueIn(left, row), valueIn(right, row), call, running);
  });
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

// ── Logic ───────────────────────────────────────────────────────────────────────────────────────────────────────

/** `and`. */
export function allVector(args: readonly Vector[]): Vector {
  return decidingVector(args, false);
}

/** `or`. */
export function anyVector(args: readonly Vector[]): Vector {
  return decidingVector(args, true);
}

/** The first argument whose truth is `decisive`, else the last. */
function decidingVector(args: readonly Vector[], decisive: boolean): Vector {
  const split: Vector['split'] = (batch, rows, count, yes, no) => {
    const { top } = batch.buffers;
    const [decided, open] = decisive ? [yes, no] : [no, yes];
    const turns = [batch.buffers.take().rows, batch.buffers.take().rows] as const;
    // Rows that `and` gives up need not be kept unless somebody asks for them.
    const part = decided === undefined ? undefined : batch.buffers.take().rows;
    let [current, left] = [rows, count];
    for (let i = 0; i < args.length && left > 0; i++) {
      const next = i === args.length - 1 ? open : turns[i % 2 === 0 ? 0 : 1];
      const arg = args[i] as Vector;
      const yesPart = decisive ? part : next;
      const held = arg.split(batch, current, left, yesPart as Int32Array, decisive ? next : part);
      const settled = decisive ? held : left - held;
      if (decided !== undefined && part !== undefined) {
        for (let k = 0; k < settled; k++) decided[count - left + k] = part[k] as number;
      }
      if (next !== undefined) current = next;
      left -= settled;
    }
    batch.buffers.top = top;
    return decisive ? count - left : left;
  };
  if (args.length > 0 && args.every(({ boolean }) => boolean)) return bySplit(split);

  const column: Vector['column'] = (batch, rows, count) => {
    if (args.length === 0) return { kind: 'constant', value: false };
    const blend = new Blend(batch);
    const { top } = batch.buffers;
    let [current, left] = [rows, count];
    for (const [i, arg] of args.entries()) {
      const value = arg.column(batch, current, left);
      if (i === args.length - 1) blend.write(value, current, left);
      else {
        const [yes, no] = [batch.buffers.take().rows, batch.buffers.take().rows];
        const held = splitColumn(value, current, left, yes, no);
        if (decisive) blend.write(value, yes, held);
        else blend.write(value, no, left - held);
        [current, left] = decisive ? [no, left - held] : [yes, held];
      }
    }
    batch.buffers.top = top;
    return blend.column;
  };
  return { boolean: false, column, split: args.length === 0 ? byColumn(column).split : split };
}

/** `if`. */
export function chooseVector(args: readonly Vector[]): Vector {
  return byColumn((batch, rows, count) => {
    const blend = new Blend(batch);
    const { top } = batch.buffers;
    let [current, left] = [rows, count];
    let i = 0;
    for (; i + 1 < args.length; i += 2) {
      const [yes, no] = [batch.buffers.take().rows, batch.buffers.take().rows];
      const held = (args[i] as Vector).split(batch, current, left, yes, no);
      if (held > 0) blend.write((args[i + 1] as Vector).column(batch, yes, held), yes, held);
      [current, left] = [no, left - held];
    }
    const last = args[i]?.column(batch, current, left) ?? ({ kind: 'constant', value: null } as const);
    blend.write(last, current, left);
    batch.buffers.top = top;
    return blend.column;
  });
}

/** `!`. */
export function notVector([arg]: readonly Vector[]): Vector {
  if (arg === undefined) return byColumn(() => ({ kind: 'constant', value: true }), true);
  return bySplit((batch, rows, count, yes, no) => {
    const { top } = batch.buffers;
    const held = arg.split(batch, rows, count, no ?? batch.buffers.take().rows, yes);
    batch.buffers.top = top;
    return count - held;
  });
}

/** `!!`. */
export function truthVector([arg]: readonly Vector[]): Vector {
  if (arg === undefined) return byColumn(() => ({ kind: 'constant', value: false }), true);
  return bySplit((batch, rows, count, yes, no) => arg.split(batch, rows, count, yes, no));
}

/** A column put together from parts of others, which are numbers as long as all of them are. */
class Blend {
  readonly #slot: Slot;
  readonly #count: number;
  #kind: 'number' | 'boolean' | 'mixed' | undefined;

  constructor(batch: Batch) {
    this.#slot = batch.buffers.take();
    this.#count = batch.chunk.count;
  }

  get column(): Column {
    if (this.#kind === undefined) return { kind: 'constant', value: null };
    const { numbers, values } = this.#slot;
    return this.#kind === 'mixed' ? { kind: 'mixed', values } : { kind: this.#kind, numbers };
  }

  write(column: Column, rows: Int32Array, count: number): void {
    if (count === 0) return;
    const kind = kindOf(column);
    if (this.#kind !== kind) this.#become(this.#kind === undefined ? kind : 'mixed');
    const { numbers, values } = this.#slot;
    if (this.#kind === 'mixed') {
      for (let i = 0; i < count; i++) {
        const row = rows[i] as number;
        values[row] = valueIn(column, row);
      }
    } else if (column.kind === 'constant') {
      const number = Number(column.value);
      for (let i = 0; i < count; i++) numbers[rows[i] as number] = number;
    } else if (column.kind !== 'mixed') {
      const from = column.numbers;
      for (let i = 0; i < count; i++) {
        const row = rows[i] as number;
        numbers[row] = from[row] as number;
      }
    }
  }

  #become(kind: 'number' | 'boolean' | 'mixed'): void {
    const before = this.column;
    if (kind === 'mixed' && this.#kind !== undefined && this.#kind !== 'mixed') {
      for (let row = 0; row < this.#count; row++) this.#slot.values[row] = valueIn(before, row);
    }
    this.#kind = kind;
  }
}

function kindOf(column: Column): 'number' | 'boolean' | 'mixed' {
  if (column.kind !== 'constant') return column.kind;
  const type = typeof column.value;
  return type === 'number' || type === 'boolean' ? type : 'mixed';
}
