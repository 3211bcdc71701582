import type { LocalStore } from '../contract.js';
import { type Entries, Entry, type Space } from './tier.js';

/**
 * Tier 1 in a store of the host's. It holds the entries themselves, not the values: what they rely on lives in this
 * process. What it forgets is a miss. A hit builds a key: slower than tier 1's own maps.
 */
export function entriesIn(local: LocalStore, prefix: string, space: Space, branch: string): Entries {
  const keyOf = (id: unknown): string => `${prefix}${space.kind === 'key' ? 'k' : 'm'}:${space.keyOf(branch, id)}`;
  return {
    get: (id) => {
      const held = local.get(keyOf(id));
      return held instanceof Entry ? held : undefined;
    },
    set: (id, entry) => local.set(keyOf(id), entry),
    delete: (id) => local.delete(keyOf(id)) !== false,
  };
}
