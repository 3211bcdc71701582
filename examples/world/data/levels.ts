/** Levels from 1 to 10, from numbers of people. */

/**
 * 1 below 2,783 people, 10 from ten million: 1 + ⌊9/4 · log10(people / 1000)⌋. Each level has 2.8 times the people of
 * the one below.
 */
export function levelOfSettlement(population: number): number {
  return clamp(1 + Math.floor((9 / 4) * Math.log10(population / 1000)));
}

/** As for a settlement of a hundredth of its people: 10 from a billion. */
export function levelOfKingdom(people: number): number {
  return levelOfSettlement(people / 100);
}

function clamp(level: number): number {
  return Math.min(10, Math.max(1, level));
}
