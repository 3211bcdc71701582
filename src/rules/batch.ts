import type { TidemarkError } from '../errors.js';
import { Batch, CHUNK_ROWS, EVERY_ROW, type Table, valueIn } from './columns.js';
import { build } from './evaluate.js';
import type { Limits } from './limits.js';
import type { Call, Node, Vector } from './node.js';
import type { Running } from './running.js';
import { constantVector, readVector, runVector, valuesVector } from './vectors.js';

/** Compiles a node for many rows at once: the batch back end. */
export function vectorOf(node: Node): Vector {
  switch (node.kind) {
    case 'constant':
      return constantVector(node);
    case 'read':
      return node.up === 0 && node.orElse === undefined ? readVector(node) : runVector(build(node));
    case 'list':
      return runVector(build(node));
    case 'call':
      return callVector(node);
  }
}

/** An operator without a form for columns falls back to single rows, for itself only if it takes values. */
function callVector(call: Call): Vector {
  const { operator, spread } = call;
  if (spread || (operator.by === 'runs' && operator.vector === undefined)) return runVector(build(call));
  const args = call.args.map(vectorOf);
  const whole = operator.vector?.(args, call);
  if (whole !== undefined) return whole;
  return operator.by === 'values' ? valuesVector(args, call, operator) : runVector(build(call));
}

/** Checks a result that a rule made itself. */
export type Check = (value: unknown, running: Running) => void;

/** Copying is faster than making room and filling it. */
const ALL_FALSE: readonly false[] = new Array<false>(CHUNK_ROWS).fill(false);

/** One result per row, in order; the error in place of that of a row that failed. */
export function evaluateRows<Value>(
  vector: Vector,
  { chunks, buffers }: Table,
  limits: Limits,
  check: Check | undefined,
): (Value | TidemarkError)[] {
  const parts = chunks.map((chunk) => {
    const { top } = buffers;
    try {
      return evaluateChunk<Value>(vector, new Batch(chunk, buffers, limits), check);
    } finally {
      buffers.top = top;
    }
  });
  // Not by flat(), which takes longer than the rule itself.
  return parts.length === 1 && parts[0] !== undefined ? parts[0] : new Array<Value | TidemarkError>().concat(...parts);
}

function evaluateChunk<Value>(vector: Vector, batch: Batch, check: Check | undefined): (Value | TidemarkError)[] {
  const { count } = batch.chunk;
  const results = vector.boolean ? truths(vector, batch) : values(vector, batch);
  if (check !== undefined) batch.each(EVERY_ROW, count, (row, running) => check(results[row], running));
  batch.failed?.forEach((error, row) => {
    if (error !== undefined) results[row] = error;
  });
  return results as (Value | TidemarkError)[];
}

function truths(vector: Vector, batch: Batch): unknown[] {
  const { count } = batch.chunk;
  const yes = batch.buffers.take().rows;
  const held = vector.split(batch, EVERY_ROW, count, yes, undefined);
  const results: unknown[] = ALL_FALSE.slice(0, count);
  for (let i = 0; i < held; i++) results[yes[i] as number] = true;
  return results;
}

function values(vector: Vector, batch: Batch): unknown[] {
  const { count } = batch.chunk;
  const column = vector.column(batch, EVERY_ROW, count);
  const results = new Array<unknown>(count);
  if (column.kind === 'number') {
    const { numbers } = column;
    for (let row = 0; row < count; row++) results[row] = numbers[row];
  } else for (let row = 0; row < count; row++) results[row] = valueIn(column, row);
  return results;
}
