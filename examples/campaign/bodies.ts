import type { Settlement, StateVariable, Structure } from './model.ts';

// Fields that a client sends, and what stands for those that it leaves out. In an app of your own they are checked first.

/** What there is to edit of a settlement; its version is the database's to raise. */
export type Edit = Partial<Pick<Settlement, 'name' | 'level' | 'x' | 'y'>>;

export function editOf({ name, level, x, y }: Edit): Edit {
  const given = Object.entries({ name, level, x, y }).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given);
}

export const structureOf = (
  id: string,
  settlementId: string,
  { kind = 'house', level = 1 }: Partial<Structure>,
): Structure => ({ id, settlementId, kind, level });

export const stateVariableOf = (
  id: string,
  { kingdomId = null, settlementId = null, key = 'unnamed', value = 0 }: Partial<StateVariable>,
): StateVariable => ({ id, kingdomId, settlementId, key, value });

/** Of a query: within this radius of this point. */
export interface Circle {
  readonly point: { readonly x: number; readonly y: number };
  readonly radius: number;
}
export function circleOf(query: Readonly<Record<string, unknown>>): Circle {
  const [x, y, radius] = ['x', 'y', 'radius'].map((name) => Number(query[name] ?? 0)) as [number, number, number];
  return { point: { x, y }, radius };
}
