import { TidemarkError, isTidemarkError } from '../errors.js';
import { type Operand, constantOperand } from './kernels.js';
import type { Limits } from './limits.js';
import { keyOf, own } from './path.js';
import type { Running } from './running.js';
import { numberOf } from './values.js';

/** Rows that are worked on together: their columns stay in the processor's cache. */
export const CHUNK_ROWS = 1_024;

/** All rows of a chunk, in order. */
export const EVERY_ROW = Int32Array.from({ length: CHUNK_ROWS }, (_, row) => row);

/**
 * The values of one node for the rows of a chunk, by row: numbers and booleans in a Float64Array (true is 1), anything else
 * as it is. Only the rows that were asked for hold anything.
 */
export type Column =
  | { readonly kind: 'number'; readonly numbers: Float64Array }
  | { readonly kind: 'boolean'; readonly numbers: Float64Array }
  | { readonly kind: 'mixed'; readonly values: unknown[] }
  | { readonly kind: 'constant'; readonly value: unknown; readonly operand: Operand | undefined };

export function valueIn(column: Column, row: number): unknown {
  switch (column.kind) {
    case 'number':
      return column.numbers[row];
    case 'boolean':
      return column.numbers[row] !== 0;
    case 'mixed':
      return column.values[row];
    case 'constant':
      return column.value;
  }
}

/** Room for columns that are given up in the order opposite to that in which they were taken. */
export class Buffers {
  readonly #slots: Slot[] = [];
  /** Setting it back gives up what was taken since. */
  top = 0;

  take(): Slot {
    return (this.#slots[this.top++] ??= new Slot());
  }
}

class Slot {
  #numbers: Float64Array | undefined;
  #rows: Int32Array | undefined;
  #values: unknown[] | undefined;

  get numbers(): Float64Array {
    return (this.#numbers ??= new Float64Array(CHUNK_ROWS));
  }
  get rows(): Int32Array {
    return (this.#rows ??= new Int32Array(CHUNK_ROWS));
  }
  get values(): unknown[] {
    return (this.#values ??= new Array<unknown>(CHUNK_ROWS).fill(null));
  }
}
export type { Slot };

/** Some of the rows of a table, and the columns read from them so far. */
export class Chunk {
  readonly rows: readonly unknown[];
  readonly from: number;
  readonly count: number;
  readonly #columns = new Map<string, Column>();
  #plain: boolean | undefined;

  constructor(rows: readonly unknown[], from: number, count: number) {
    this.rows = rows;
    this.from = from;
    this.count = count;
  }

  rowAt(row: number): unknown {
    return this.rows[this.from + row] ?? null;
  }

  /** What lies at a path in each row; null where nothing does. `key` stands for the path. */
  column(path: readonly string[], key: string): Column {
    let column = this.#columns.get(key);
    if (column === undefined) this.#columns.set(key, (column = this.#read(path)));
    return column;
  }

  #read(path: readonly string[]): Column {
    const key = path.at(-1);
    if (key === undefined)
      return { kind: 'mixed', values: Array.from({ length: this.count }, (_, row) => this.rowAt(row)) };
    const above = path.slice(0, -1);
    const outer = above.length === 0 ? undefined : this.column(above, keyOf(above));
    if (outer !== undefined && outer.kind !== 'mixed') return constantColumn(null);
    const [owners, from] = outer === undefined ? [this.rows, this.from] : [outer.values, 0];
    // A key that no plain object inherits is its own wherever it is found: that is known once for all rows.
    const plain = outer === undefined && !(key in Object.prototype) && this.#isPlain();
    const at: Field = { owners, from, count: this.count, key, plain };
    return numbersAt(at) ?? valuesAt(at);
  }

  /** Whether every row is an object without a prototype of its own kind. */
  #isPlain(): boolean {
    if (this.#plain !== undefined) return this.#plain;
    this.#plain = true;
    for (let row = 0; row < this.count && this.#plain; row++) this.#plain = isPlainObject(this.rows[this.from + row]);
    return this.#plain;
  }
}

function isPlainObject(row: unknown): boolean {
  if (typeof row !== 'object' || row === null) return false;
  const prototype: unknown = Object.getPrototypeOf(row);
  return prototype === Object.prototype || prototype === null;
}

/** One key of many owners. */
interface Field {
  readonly owners: readonly unknown[];
  readonly from: number;
  readonly count: number;
  readonly key: string;
  /** Whatever lies at the key is the owner's own. */
  readonly plain: boolean;
}

/** Undefined if one is no number. */
function numbersAt({ owners, from, count, key, plain }: Field): Column | undefined {
  const numbers = new Float64Array(count);
  for (let row = 0; row < count; row++) {
    const owner = owners[from + row];
    const value = plain ? (owner as Readonly<Record<string, unknown>>)[key] : own(owner, key);
    if (typeof value !== 'number' || value - value !== 0) return undefined;
    numbers[row] = value;
  }
  return { kind: 'number', numbers };
}

function valuesAt({ owners, from, count, key, plain }: Field): Column {
  const values = new Array<unknown>(count);
  let booleans = 0;
  for (let row = 0; row < count; row++) {
    const owner = owners[from + row];
    const found = plain ? (owner as Readonly<Record<string, unknown>>)[key] : own(owner, key);
    const value = found === undefined || typeof found === 'function' ? null : found;
    values[row] = value;
    booleans += typeof value === 'boolean' ? 1 : 0;
  }
  return booleans === count
    ? { kind: 'boolean', numbers: Float64Array.from(values, Number) }
    : { kind: 'mixed', values };
}

/**
 * Rows with the columns read from them. One table serves many rules: what one has read, the next need not. The rows must not
 * change as long as the table is used.
 */
export class Table {
  readonly length: number;
  /** @internal */
  readonly chunks: readonly Chunk[];
  /** @internal */
  readonly buffers: Buffers;
  /** @internal */
  constructor(rows: readonly unknown[], buffers: Buffers) {
    // A table of another copy of this library, for instance, has a length too.
    if (!Array.isArray(rows))
      throw new TidemarkError('INVALID_PARAMS', 'rows: expected an array, or a table of tableOf().');
    this.length = rows.length;
    this.buffers = buffers;
    const chunks: Chunk[] = [];
    for (let from = 0; from < rows.length; from += CHUNK_ROWS) {
      chunks.push(new Chunk(rows, from, Math.min(CHUNK_ROWS, rows.length - from)));
    }
    this.chunks = chunks;
  }
}

/** One rule over one chunk: which rows failed, and how many steps each has left. */
export class Batch {
  readonly chunk: Chunk;
  readonly buffers: Buffers;
  /** By row; a row that failed is not worked on further, and what its columns hold means nothing. */
  failed: (TidemarkError | undefined)[] | undefined;
  readonly #running: Running;
  /** By row, once one was entered. */
  #left: Float64Array | undefined;

  constructor(chunk: Chunk, buffers: Buffers, limits: Limits) {
    this.chunk = chunk;
    this.buffers = buffers;
    this.#running = { root: null, left: limits.steps, scope: undefined, limits };
  }

  /** Evaluates something in single rows, in place of a column. Rows that throw are failed. */
  each(rows: Int32Array, count: number, one: (row: number, running: Running) => void): void {
    const running = this.#running;
    const left = (this.#left ??= new Float64Array(this.chunk.count).fill(running.limits.steps));
    for (let i = 0; i < count; i++) {
      const row = rows[i] as number;
      if (this.failed?.[row] !== undefined) continue;
      running.root = this.chunk.rowAt(row);
      running.left = left[row] as number;
      running.scope = undefined;
      try {
        one(row, running);
      } catch (error) {
        if (!isTidemarkError(error)) throw error;
        this.failed ??= new Array<TidemarkError | undefined>(this.chunk.count).fill(undefined);
        this.failed[row] = error;
      }
      left[row] = running.left;
    }
  }

  /** The numbers that a column stands for, as {@link numberOf} has them; undefined if a row has none. */
  operandOf(column: Column, rows: Int32Array, count: number): Operand | undefined {
    if (column.kind === 'number' || column.kind === 'boolean') return { numbers: column.numbers, step: 4 };
    if (column.kind === 'constant') return column.operand;
    const { numbers } = this.buffers.take();
    for (let i = 0; i < count; i++) {
      const row = rows[i] as number;
      const number = plainNumberOf(column.values[row]);
      if (number - number !== 0) return undefined;
      numbers[row] = number;
    }
    return { numbers, step: 4 };
  }
}

/** A column with one value for all rows. */
export function constantColumn(value: unknown): Column {
  const number = plainNumberOf(value);
  return { kind: 'constant', value, operand: number - number === 0 ? constantOperand(number) : undefined };
}

/** Texts are left out: two of them are compared as texts. */
function plainNumberOf(value: unknown): number {
  return typeof value === 'string' ? NaN : numberOf(value);
}
