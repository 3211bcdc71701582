import { pick } from './dice.js';
import type { BRANCHES } from './world.js';
import { IDS, TYPES, type Type } from './world.js';

/** Which entity a number stands for: mostly one of a few, so that what happens to one value meets. */
export function entityOf(seed: number, dice: number): readonly [Type, string] {
  const type = pick(TYPES, dice >> 3);
  if (dice % 5 >= 3) return [type, pick(IDS[type], dice >> 5)];
  const settlement = pick(['s1', 's2'], seed);
  const hot = [
    ['settlement', settlement],
    ['structure', pick(['t1', 't2'], seed >> 1)],
    ['settlement', settlement],
    ['kingdom', settlement === 's1' ? 'k1' : 'k2'],
  ] as const;
  return pick(hot, dice >> 3);
}

/** Numbers that stand for the few, and for the guild. */
export const HOT = { settlement: 0, structure: 10, kingdom: 25, guild: 8 } as const;
/** The number of a branch; a replica's is added to it. */
export const IN = { main: 0, draft: 8 * 4, fork: 8 * 6 } as const;

/** Which branch a number stands for. */
export function branchAt(dice: number): (typeof BRANCHES)[number] {
  return pick(['main', 'main', 'main', 'main', 'draft', 'draft', 'fork'] as const, dice >> 3);
}
