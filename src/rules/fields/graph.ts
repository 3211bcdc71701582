import { TidemarkError } from '../../errors.js';
import { type Field, keyOf } from './field.js';

/** Enough to see what is wrong. */
const MOST_CYCLES = 20;
/** Steps of looking for more than one. There may be more cycles than anyone could read. */
const MOST_STEPS = 10_000;

/** Fields by number, and what each reads of the others: the reads as rules have them, by the field read. */
interface Graph {
  readonly fields: readonly Field[];
  readonly reads: readonly ReadonlyMap<number, string>[];
}

/** Ways in a circle, from a field to itself again. */
export interface FieldCycles {
  /** Of each circle the fields as its rules have them, the last being the first again; twenty at most. */
  readonly paths: readonly (readonly string[])[];
  /** Of each the fields by name, such as 'settlement.income', once. */
  readonly fields: readonly (readonly string[])[];
  /** There are others. */
  readonly more: boolean;
}

/** Fields after all that they read. Of fields that do not, in the order given. Throws RULE_CYCLE with the paths of the cycles. */
export function inOrder(fields: readonly Field[]): readonly Field[] {
  const found = orderOrCycles(fields);
  if ('order' in found) return found.order;
  const { paths, more } = found.cycles;
  const said = paths.map((path) => path.join(' → ')).join('; ');
  throw new TidemarkError(
    'RULE_CYCLE',
    `rules: fields read each other in a circle: ${said}${more ? '; and more' : ''}.`,
  );
}

/** The order of {@link inOrder}, or the circles for which there is none. */
export function orderOrCycles(
  fields: readonly Field[],
): { readonly order: readonly Field[] } | { readonly cycles: FieldCycles } {
  const graph = graphOf(fields);
  const readers: number[][] = fields.map(() => []);
  const left = graph.reads.map(({ size }) => size);
  graph.reads.forEach((reads, reader) => {
    for (const read of reads.keys()) (readers[read] as number[]).push(reader);
  });
  const order = [...fields.keys()].filter((field) => left[field] === 0);
  for (let i = 0; i < order.length; i++) {
    for (const reader of readers[order[i] as number] as number[]) {
      left[reader] = (left[reader] as number) - 1;
      if (left[reader] === 0) order.push(reader);
    }
  }
  if (order.length === fields.length) return { order: order.map((field) => fields[field] as Field) };
  const { cycles, more } = cyclesOf(graph, readers);
  const paths = cycles.map((cycle) => pathOf(cycle, graph));
  return { cycles: { paths, fields: cycles.map((cycle) => cycle.map((field) => (fields[field] as Field).key)), more } };
}

function graphOf(fields: readonly Field[]): Graph {
  const numbers = new Map(fields.map(({ key }, number) => [key, number]));
  const reads = fields.map((field) => {
    const found = new Map<number, string>();
    for (const { of, type, path, text } of field.reads) {
      const number = of === 'computed' ? numbers.get(keyOf(type, path[0] as string)) : undefined;
      if (number !== undefined && !found.has(number)) found.set(number, text);
    }
    return found;
  });
  return { fields, reads };
}

/** 'settlement.income', 'settlement.kingdom.wealth', 'kingdom.settlements.*.income': the last is the first again. */
function pathOf(cycle: readonly number[], { fields, reads }: Graph): string[] {
  const steps = cycle.map((field, i) => reads[field]?.get(cycle[(i + 1) % cycle.length] as number) ?? '');
  return [(fields[cycle[0] as number] as Field).key, ...steps];
}

interface Cycles {
  readonly cycles: number[][];
  readonly more: boolean;
}

/** Each cycle once, from its first field on. */
function cyclesOf({ fields, reads }: Graph, readers: readonly number[][]): Cycles {
  const cycles: number[][] = [];
  let steps = 0;
  for (const start of fields.keys()) {
    const back = reachedFrom(start, readers);
    if (![...(reads[start] as Graph['reads'][number]).keys()].some((read) => back.has(read))) continue;
    const found = cycles.length;
    const done = search([start], new Set([start]));
    if (cycles.length === found && !done) cycles.push(shortest(start, back));
    if (!done) return { cycles, more: true };

    /** False when it was given up. */
    function search(path: number[], on: Set<number>): boolean {
      for (const read of (reads[path.at(-1) as number] as Graph['reads'][number]).keys()) {
        if (++steps > MOST_STEPS || cycles.length >= MOST_CYCLES) return false;
        if (read === start) cycles.push([...path]);
        if (!back.has(read) || on.has(read)) continue;
        on.add(read);
        path.push(read);
        if (!search(path, on)) return false;
        path.pop();
        on.delete(read);
      }
      return true;
    }
  }
  return { cycles, more: false };

  function shortest(start: number, back: ReadonlySet<number>): number[] {
    const from = new Map<number, number>([[start, start]]);
    const queue = [start];
    for (const field of queue) {
      for (const read of (reads[field] as Graph['reads'][number]).keys()) {
        if (read === start) return pathBack(field, from);
        if (!back.has(read) || from.has(read)) continue;
        from.set(read, field);
        queue.push(read);
      }
    }
    return [start];
  }
}

function pathBack(last: number, from: ReadonlyMap<number, number>): number[] {
  const path = [last];
  for (let at = last; from.get(at) !== at; path.unshift(at)) at = from.get(at) as number;
  return path;
}

/** What reads a field, directly or not, of those that come after it, and itself. */
function reachedFrom(start: number, readers: readonly number[][]): Set<number> {
  const reached = new Set([start]);
  for (const field of reached) {
    for (const reader of readers[field] as number[]) if (reader > start) reached.add(reader);
  }
  return reached;
}
