import type { Box } from '../contract.js';
import type { Footprint } from '../subject.js';
import type { Area } from './area.js';
import { shapeOfBox } from './shape.js';

/**
 * Cells of a quadtree over the whole map, by name: '0' is the root, '3.5.2' the cell of level 3 in column 5 and row 2.
 * What lies outside the extent counts as at its edge: that keeps order, so nothing is ever missed.
 * Source of the idea: S2RegionTermIndexer's covering and ancestor terms, https://s2geometry.io/devguide/s2cell_hierarchy
 */
export const ROOT_CELL = '0';

const LEVELS = 10;
/** The cover of a question has at most this many cells: its answer carries each as a mark. */
export const MOST_ASKED = 16;
/** That of what changed: each is written, where it was and where it is. */
export const MOST_CHANGED = 8;
/** So many are looked at, of a shape that fills its box badly. */
const MOST_LOOKED_AT = 64;

/** Cells that together contain an area, all of one level, the finest that needs at most so many. */
export function coverOf(area: Area, extent: Box, most: number): string[] {
  for (let level = LEVELS; level > 0; level--) {
    const spans = area.boxes.map((box) => ({
      across: span(box.minX, box.maxX, extent.minX, extent.maxX, level),
      up: span(box.minY, box.maxY, extent.minY, extent.maxY, level),
    }));
    const count = spans.reduce((sum, { across, up }) => sum + (across[1] - across[0] + 1) * (up[1] - up[0] + 1), 0);
    if (count > MOST_LOOKED_AT) continue;
    const cells = new Set<string>();
    for (const { across, up } of spans) {
      for (let x = across[0]; x <= across[1]; x++) {
        for (let y = up[0]; y <= up[1]; y++) {
          const cell = `${String(level)}.${String(x)}.${String(y)}`;
          if (count === 1 || area.meets(shapeOfBox(boxOfCell(cell, extent)))) cells.add(cell);
        }
      }
    }
    // None only if rounding lost what just touches a cell's edge: a coarser level then.
    if (cells.size > 0 && cells.size <= most) return [...cells];
  }
  return [ROOT_CELL];
}

export function footprintOf(area: Area, extent: Box, most: number): Footprint {
  const cells = coverOf(area, extent, most);
  return { cells, ancestors: ancestorsOf(cells) };
}

/** Columns, or rows, from the first to the last that a closed interval touches. */
function span(from: number, to: number, least: number, most: number, level: number): [first: number, last: number] {
  const count = 2 ** level;
  const at = (value: number): number =>
    Math.max(0, Math.min(count - 1, Math.floor(((value - least) / (most - least)) * count)));
  return [at(from), at(to)];
}

/** A little more than what a cell contains; those at the edge of the map reach to infinity. */
export function boxOfCell(cell: string, { minX, minY, maxX, maxY }: Box): Box {
  if (cell === ROOT_CELL) return { minX: -Infinity, minY: -Infinity, maxX: Infinity, maxY: Infinity };
  const [level = 0, x = 0, y = 0] = cell.split('.').map(Number);
  const count = 2 ** level;
  const [width, height] = [(maxX - minX) / count, (maxY - minY) / count];
  const slack = 1e-9;
  return {
    minX: x === 0 ? -Infinity : minX + (x - slack) * width,
    maxX: x === count - 1 ? Infinity : minX + (x + 1 + slack) * width,
    minY: y === 0 ? -Infinity : minY + (y - slack) * height,
    maxY: y === count - 1 ? Infinity : minY + (y + 1 + slack) * height,
  };
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
