import { TidemarkError } from '../errors.js';
import type { Topology } from '../model.js';
import type { Chain } from './cascade.js';

/**
 * The branch and its ancestors up to the root, or null for a branch that does not exist. Asked anew for each load:
 * `parentOf` is the model's own function, and a chain kept here would outlive a fork.
 */
export function chainOf(topology: Topology, branch: string): Chain | null {
  if (topology.parentOf === undefined || branch === topology.root) return [branch];
  const chain: string[] = [];
  for (let at = branch; at !== topology.root;) {
    if (chain.includes(at)) {
      throw new TidemarkError('BRANCH_CYCLE', `branches.parentOf: expected a tree, got ${[...chain, at].join(' → ')}.`);
    }
    chain.push(at);
    const parent = topology.parentOf(at);
    if (parent === undefined) return null;
    at = parent;
  }
  return [...chain, topology.root];
}

/** The branch a call is about. Throws BRANCH_REQUIRED or BLANK_ID. */
export function branchOf(topology: Topology, branch: string | undefined): string {
  if (topology.parentOf === undefined) return topology.root;
  if (branch === undefined) {
    throw new TidemarkError('BRANCH_REQUIRED', 'branch: the model declares branches; expected a branch, got none.');
  }
  if (branch.trim() === '')
    throw new TidemarkError('BLANK_ID', `branch: expected a name, got ${JSON.stringify(branch)}.`);
  return branch;
}
