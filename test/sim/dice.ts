import { seededRandom } from '../../src/testing/index.js';

/** Everything random of one world comes from its seed, by name: what one part draws does not move what another gets. */
export type Random = () => number;

export function randomOf(seed: number, name: string): Random {
  let hash = 0x811c9dc5 ^ seed;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return seededRandom(hash);
}

export const pick = <T>(items: readonly T[], dice: number): T => items[dice % items.length] as T;

/** One of the names, each as often as its weight says. */
export function weighted<Name extends string>(weights: Readonly<Record<Name, number>>, random: Random): Name {
  const entries = Object.entries(weights) as [Name, number][];
  let left = random() * entries.reduce((sum, [, weight]) => sum + weight, 0);
  for (const [name, weight] of entries) {
    left -= weight;
    if (left < 0) return name;
  }
  return (entries[0] as [Name, number])[0];
}

/** A short id that no other draw of the same source gives. */
export function ids(random: Random): () => string {
  let count = 0;
  return () => `${Math.floor(random() * 2 ** 32).toString(36)}${(++count).toString(36)}`;
}
