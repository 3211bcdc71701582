import { type Batch, type Column, type Slot, constantColumn, valueIn } from './columns.js';
import type { Vector } from './node.js';
import { byColumn, bySplit, splitColumn } from './vectors.js';

/** Over columns, laziness is a smaller selection: what a row does not need is not evaluated for it. */

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
    const part = decided === undefined || args.length < 2 ? undefined : batch.buffers.take().rows;
    let [current, left] = [rows, count];
    for (let i = 0; i < args.length && left > 0; i++) {
      const next = i === args.length - 1 ? open : turns[i % 2 === 0 ? 0 : 1];
      // What the first decides is written where it belongs; what others do is added.
      const into = i === 0 ? decided : part;
      const arg = args[i] as Vector;
      const held = arg.split(batch, current, left, (decisive ? into : next) as Int32Array, decisive ? next : into);
      const settled = decisive ? held : left - held;
      if (i > 0 && decided !== undefined && part !== undefined) {
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
    if (args.length === 0) return constantColumn(false);
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
    const last = args[i]?.column(batch, current, left) ?? constantColumn(null);
    blend.write(last, current, left);
    batch.buffers.top = top;
    return blend.column;
  });
}

/** `!`. */
export function notVector([arg]: readonly Vector[]): Vector {
  if (arg === undefined) return byColumn(() => constantColumn(true), true);
  return bySplit((batch, rows, count, yes, no) => {
    const { top } = batch.buffers;
    const held = arg.split(batch, rows, count, no ?? batch.buffers.take().rows, yes);
    batch.buffers.top = top;
    return count - held;
  });
}

/** `!!`. */
export function truthVector([arg]: readonly Vector[]): Vector {
  if (arg === undefined) return byColumn(() => constantColumn(false), true);
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
    if (this.#kind === undefined) return constantColumn(null);
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
