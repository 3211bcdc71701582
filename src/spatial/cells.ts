import type { Footprint } from '../subject.js';
import type { Box } from './geometry.js';

/**
 * Cells of a quadtree over the whole map, by name: '0' is the root, '3.5.2' the cell of level 3 in column 5 and row 2.
 * What lies outside the extent counts as at its edge: that keeps order, so nothing is ever missed.
 * Source of the idea: S2RegionTermIndexer's covering and ancestor terms, https://s2geometry.io/devguide/s2cell_hierarchy
 */
export const ROOT_CELL = '0';

const LEVELS = 10;
/** A cover has at most this many cells: a query carries each as a mark. */
const MOST_CELLS = 8;

/** Cells that together contain the box, all of one level, the finest that needs at most eight. */
export function coverOf(box: Box, extent: Box): string[] {
  for (let level = LEVELS; level > 0; level--) {
    const [left, right] = span(box.minX, box.maxX, extent.minX, extent.maxX, level);
    const [bottom, top] = span(box.minY, box.maxY, extent.minY, extent.maxY, level);
    if ((right - left + 1) * (top - bottom + 1) > MOST_CELLS) continue;
    const cells: string[] = [];
    for (let x = left; x <= right; x++) {
      for (let y = bottom; y <= top; y++) cells.push(`${String(level)}.${String(x)}.${String(y)}`);
    }
    return cells;
  }
  return [ROOT_CELL];
}

export function footprintOf(box: Box, extent: Box): Footprint {
  const cells = coverOf(box, extent);
  return { cells, ancestors: ancestorsOf(cells) };
}

/** Columns, or rows, from the first to the last that a closed interval touches. */
function span(from: number, to: number, least: number, most: number, level: number): [first: number, last: number] {
  const count = 2 ** level;
  const at = (value: number): number =>
    Math.max(0, Math.min(count - 1, Math.floor(((value - least) / (most - least)) * count)));
  return [at(from), at(to)];
}

/** Every cell that contains one of these, up to the root; each once, without these themselves. */
export function ancestorsOf(cells: readonly string[]): string[] {
  const ancestors = new Set<string>();
  for (const cell of cells) {
    const [level = 0, x = 0, y = 0] = cell.split('.').map(Number);
    for (let up = 1; up < level; up++) ancestors.add(`${String(level - up)}.${String(x >> up)}.${String(y >> up)}`);
    if (level > 0) ancestors.add(ROOT_CELL);
  }
  return [...ancestors];
}
