import type { TidemarkError } from '../errors.js';
import type { Table } from './columns.js';
import { Batch, type Chunk, EVERY_ROW, valueIn } from './columns.js';
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

/** One result per row, in order; the error in place of that of a row that failed. */
export function evaluateRows<Value>(
  vector: Vector,
  table: Table,
  limits: Limits,
  check: Check | undefined,
): (Value | TidemarkError)[] {
  const results = new Array<Value | TidemarkError>(table.length);
  for (const chunk of table.chunks) evaluateChunk(vector, chunk);
  return results;

  function evaluateChunk(root: Vector, chunk: Chunk): void {
    const { buffers } = table;
    const { from, count } = chunk;
    const { top } = buffers;
    const batch = new Batch(chunk, buffers, limits);
    if (root.boolean) {
      const yes = buffers.take().rows;
      const held = root.split(batch, EVERY_ROW, count, yes, undefined);
      for (let row = 0; row < count; row++) results[from + row] = false as Value;
      for (let i = 0; i < held; i++) results[from + (yes[i] as number)] = true as Value;
    } else {
      const column = root.column(batch, EVERY_ROW, count);
      if (column.kind === 'number') {
        const { numbers } = column;
        for (let row = 0; row < count; row++) results[from + row] = numbers[row] as Value;
      } else for (let row = 0; row < count; row++) results[from + row] = valueIn(column, row) as Value;
    }
    if (check !== undefined) batch.each(EVERY_ROW, count, (row, running) => check(results[from + row], running));
    batch.failed?.forEach((error, row) => {
      if (error !== undefined) results[from + row] = error;
    });
    buffers.top = top;
  }
}
