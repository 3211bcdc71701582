import { type Batch, type Column, type Slot, valueIn } from './columns.js';
import type { Comparison, Fold } from './kernels.js';
import type { Call, Constant, Read, ValueOperator, Vector } from './node.js';
import type { Run, Running } from './running.js';
import { truthy } from './values.js';

// ── A vector from one of its two forms ──────────────────────────────────────────────────────────────────────────

function byColumn(column: Vector['column'], boolean = false): Vector {
  return {
    boolean,
    column,
    split: (batch, rows, count, yes, no) => {
      const { top } = batch.buffers;
      const held = splitColumn(column(batch, rows, count), rows, count, yes, no);
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
      const [yes, no] = [batch.buffers.take().rows, batch.buffers.take().rows];
      const held = split(batch, rows, count, yes, no);
      for (let i = 0; i < held; i++) numbers[yes[i] as number] = 1;
      for (let i = 0; i < count - held; i++) numbers[no[i] as number] = 0;
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
  const key = path.join('\0');
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

/** From the left, as long as all are numbers by the kernel; what it cannot do, row by row. */
export function foldVector(args: readonly Vector[], call: Call, fold: Fold, pair: Pair): Vector | undefined {
  if (args.length < 2) return undefined;
  return byColumn((batch, rows, count) => {
    const slots = args.slice(1).map(() => batch.buffers.take());
    const { top } = batch.buffers;
    const columns = args.map((arg) => arg.column(batch, rows, count));
    let left = columns[0] as Column;
    for (let i = 1; i < columns.length; i++) {
      left = foldTwo(left, columns[i] as Column, slots[i - 1] as Slot);
    }
    batch.buffers.top = top;
    return left;

    function foldTwo(before: Column, right: Column, { numbers, values }: Slot): Column {
      const [a, b] = [batch.numbersOf(before, rows, count), batch.numbersOf(right, rows, count)];
      if (a !== undefined && b !== undefined && fold(a, b, numbers, rows, count)) return { kind: 'number', numbers };
      batch.each(rows, count, (row, running) => {
        values[row] = pair(valueIn(before, row), valueIn(right, row), call, running);
      });
      return { kind: 'mixed', values };
    }
  });
}

/** Each with the next, for the rows in which all before held. */
export function compareVector(
  args: readonly Vector[],
  call: Call,
  kernel: Comparison,
  holds: Pair,
  strict: boolean,
): Vector {
  return bySplit((batch, rows, count, yes, no) => {
    const { buffers } = batch;
    const { top } = buffers;
    let left = (args[0] as Vector).column(batch, rows, count);
    let [current, held] = [rows, count];
    for (let i = 1; i < args.length; i++) {
      const right = (args[i] as Vector).column(batch, current, held);
      const target = i === args.length - 1 ? yes : buffers.take().rows;
      held = splitTwo(left, right, current, held, target);
      [current, left] = [target, right];
    }
    buffers.top = top;
    return held;

    function splitTwo(a: Column, b: Column, from: Int32Array, length: number, target: Int32Array): number {
      const rejected = count - length;
      if (!strict || alike(a, b)) {
        const [x, y] = [batch.numbersOf(a, from, length), batch.numbersOf(b, from, length)];
        if (x !== undefined && y !== undefined) return kernel(x, y, from, length, target, no, rejected);
      }
      const { values } = buffers.take();
      batch.each(from, length, (row, running) => {
        values[row] = holds(valueIn(a, row), valueIn(b, row), call, running);
      });
      let kept = 0;
      for (let i = 0; i < length; i++) {
        const row = from[i] as number;
        target[kept] = no[rejected + i - kept] = row;
        if (values[row] === true) kept++;
      }
      return kept;
    }
  });
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
    const part = batch.buffers.take().rows;
    let [current, left] = [rows, count];
    for (let i = 0; i < args.length && left > 0; i++) {
      const next = i === args.length - 1 ? open : turns[i % 2 === 0 ? 0 : 1];
      const [yesPart, noPart] = decisive ? [part, next] : [next, part];
      const held = (args[i] as Vector).split(batch, current, left, yesPart, noPart);
      const settled = decisive ? held : left - held;
      for (let k = 0; k < settled; k++) decided[count - left + k] = part[k] as number;
      [current, left] = [next, left - settled];
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
  return bySplit((batch, rows, count, yes, no) => count - arg.split(batch, rows, count, no, yes));
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
    if (this.#kind === 'mixed')
      for (let i = 0; i < count; i++) values[rows[i] as number] = valueIn(column, rows[i] as number);
    else if (column.kind === 'constant')
      for (let i = 0; i < count; i++) numbers[rows[i] as number] = Number(column.value);
    else if (column.kind !== 'mixed') {
      const from = column.numbers;
      for (let i = 0; i < count; i++) numbers[rows[i] as number] = from[rows[i] as number] as number;
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
