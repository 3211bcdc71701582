import type { Node } from './node.js';

/** Loops over lists that only the data knows are taken for so long, in an estimate. */
const ASSUMED_ITEMS = 10;

function partsOf(node: Node): readonly Node[] {
  switch (node.kind) {
    case 'constant':
      return [];
    case 'list':
      return node.items;
    case 'read':
      return node.orElse === undefined ? [] : [node.orElse];
    case 'call':
      return node.args;
  }
}

/** How many nodes a node is, itself included. */
export function sizeOf(node: Node): number {
  let size = 1;
  for (const part of partsOf(node)) size += sizeOf(part);
  return size;
}

/** An estimate of the work of one evaluation, in nodes; a loop counts for as many items as it is written with, or ten. */
export function costOf(node: Node): number {
  let cost = node.kind === 'constant' ? 0 : node.kind === 'call' ? (node.operator.cost ?? 1) : 1;
  const turns = turnsOf(node);
  partsOf(node).forEach((part, i) => (cost += costOf(part) * (i === 1 ? turns : 1)));
  return cost;
}

function turnsOf(node: Node): number {
  if (node.kind !== 'call' || node.operator.by !== 'runs' || node.operator.loops !== true) return 1;
  const [source] = node.args;
  if (source?.kind === 'constant') return Array.isArray(source.value) ? source.value.length : 0;
  return source?.kind === 'list' ? source.items.length : ASSUMED_ITEMS;
}

/** True if what a rule gives may be larger than the rule and what it was given: lists made inside loops double. */
export function mayGrow(node: Node, inLoop = false): boolean {
  const loops = node.kind === 'call' && node.operator.by === 'runs' && node.operator.loops === true;
  const makes = node.kind === 'list' || loops || (node.kind === 'call' && node.name === 'merge');
  if (node.kind === 'call' && node.name === 'reduce') return true;
  if (inLoop && makes) return true;
  return partsOf(node).some((part, i) => mayGrow(part, inLoop || (loops && i === 1)));
}
