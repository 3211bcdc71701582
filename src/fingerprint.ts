import type { Topology } from './model.js';

/**
 * A short text that differs when two models would read the same entry differently: types, keys, links. A replica that
 * meets an entry written under another fingerprint, in a rolling deploy, treats it as absent.
 */
export function fingerprintOf(topology: Topology): string {
  const types = [...topology.types.values()].map(({ type, plural, idField, parents, computed, schema }) => [
    type,
    plural,
    idField,
    schema,
    parents.map((parent) => parent.type),
    Object.entries(computed),
  ]);
  return digestOf(JSON.stringify([topology.root, topology.parentOf !== undefined, types, topology.frame]));
}

/** A short text for a long one: about 64 bits of two FNV-1a sums, one from each end. Two texts may share it. */
export function digestOf(text: string): string {
  let [a, b] = [0x811c9dc5, 0x01000193];
  for (let i = 0; i < text.length; i++) {
    a = Math.imul(a ^ text.charCodeAt(i), 0x01000193);
    b = Math.imul(b ^ text.charCodeAt(text.length - 1 - i), 0x811c9dc5) >>> 0;
  }
  return (a >>> 0).toString(36) + b.toString(36);
}
