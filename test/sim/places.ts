import type { Row } from './world.js';

/** Where things are asked for, and what the right answers are. */

export const BOXES = [
  { min: { x: 0, y: 0 }, max: { x: 50, y: 50 } },
  { min: { x: 40, y: 0 }, max: { x: 100, y: 100 } },
] as const;
export const DISCS = [{ point: { x: 45, y: 45 }, radius: 30 }] as const;
/** Questions for the nearest settlements. */
export const NEAREST = [
  { point: { x: 50, y: 50 }, k: 2 },
  { point: { x: 10, y: 90 }, k: 1, maxDistance: 70 },
] as const;
/** A point that may lie in provinces. */
export const SPOT = { x: 40, y: 40 } as const;

/** The corners of a province: where it is says how large it is. */
export function landOf({
  x,
  y,
}: Row): (typeof BOXES)[number] | { min: { x: number; y: number }; max: { x: number; y: number } } {
  return { min: { x, y }, max: { x: x + 5 + ((x * 3) % 45), y: y + 5 + ((y * 5) % 45) } };
}

export function outlineOf(row: Row): object {
  const { min, max } = landOf(row);
  const ring = [
    [min.x, min.y],
    [max.x, min.y],
    [max.x, max.y],
    [min.x, max.y],
    [min.x, min.y],
  ];
  return { type: 'Polygon', coordinates: [ring] };
}

const isWithin = (
  { x, y }: { readonly x: number; readonly y: number },
  { min, max }: ReturnType<typeof landOf>,
): boolean => x >= min.x && x <= max.x && y >= min.y && y <= max.y;

interface Nearest {
  readonly point: { readonly x: number; readonly y: number };
  readonly k: number;
  readonly maxDistance?: number;
}

/** What the nearest would be if the settlements were these. */
export function nearestOf(which: number, settlements: readonly (Row | null)[]): Row[] {
  const { point, k, maxDistance = Infinity } = NEAREST[which] as Nearest;
  const away = ({ x, y }: Row): number => Math.hypot(x - point.x, y - point.y);
  return settlements
    .filter((row) => row !== null)
    .filter((row) => away(row) <= maxDistance)
    .sort((a, b) => away(a) - away(b) || (a.id < b.id ? -1 : 1))
    .slice(0, k);
}

/** Where the answer to a question for the nearest comes from: as far as the last of them, or as far as was asked. */
export function reachOf(which: number, answer: readonly Row[]): string {
  const { point, k, maxDistance = Infinity } = NEAREST[which] as Nearest;
  const last = answer[k - 1];
  const radius = last === undefined ? maxDistance : Math.hypot(last.x - point.x, last.y - point.y);
  return `disc:${[point.x, point.y, radius].join(',')}`;
}

/** Where the answer to what lies in a province comes from. */
export function regionOf(province: Row): string {
  const { min, max } = landOf(province);
  return `land:${[min.x, min.y, max.x, max.y].join(',')}`;
}

/** Whether it lies in a box or a disc, named as in a {@link ValueName}. */
export function isIn(row: Row, region: string): boolean {
  const [kind, which] = region.split(':') as [string, string];
  if (kind === 'holding') return isWithin(SPOT, landOf(row));
  const { x, y } = row;
  const numbers = which.split(',').map(Number);
  if (kind === 'disc') {
    const [atX, atY, radius] = numbers as [number, number, number];
    return Math.hypot(x - atX, y - atY) <= radius;
  }
  if (kind === 'land') {
    const [minX, minY, maxX, maxY] = numbers as [number, number, number, number];
    return isWithin(row, { min: { x: minX, y: minY }, max: { x: maxX, y: maxY } });
  }
  if (kind === 'box') {
    const { min, max } = BOXES[Number(which)] as (typeof BOXES)[number];
    return x >= min.x && x <= max.x && y >= min.y && y <= max.y;
  }
  const { point, radius } = DISCS[Number(which)] as (typeof DISCS)[number];
  return Math.hypot(x - point.x, y - point.y) <= radius;
}
