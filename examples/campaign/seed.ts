import type { Campaign, Kingdom, Settlement, StateVariable, Structure } from './model.ts';

/** The rows that there are at the first start, by their type. */
export interface Seed {
  readonly campaign: readonly Campaign[];
  readonly kingdom: readonly Kingdom[];
  readonly settlement: readonly Settlement[];
  readonly structure: readonly Structure[];
  readonly stateVariable: readonly StateVariable[];
}

const campaign = [{ id: 'c1', name: 'The Northmarch' }];
const SMALL: Seed = {
  campaign,
  kingdom: [
    { id: 'k1', campaignId: 'c1', name: 'Aldermoor', taxRate: 10 },
    { id: 'k2', campaignId: 'c1', name: 'Brack', taxRate: 5 },
  ],
  settlement: [
    { id: 's1', kingdomId: 'k1', name: 'Harrow', level: 3, x: 10, y: 10, version: 1 },
    { id: 's2', kingdomId: 'k1', name: 'Mora', level: 6, x: 13, y: 14, version: 1 },
    { id: 's3', kingdomId: 'k2', name: 'Tarn', level: 4, x: 300, y: 200, version: 1 },
  ],
  structure: [
    { id: 'm1', settlementId: 's1', kind: 'mill', level: 1 },
    { id: 'm2', settlementId: 's2', kind: 'market', level: 2 },
  ],
  stateVariable: [
    { id: 'v1', kingdomId: 'k1', settlementId: null, key: 'treasury', value: 400 },
    { id: 'v2', kingdomId: null, settlementId: 's1', key: 'walls', value: 2 },
  ],
};

/**
 * By `<kingdoms>x<settlements>x<structures>`: so many kingdoms, settlements in each of them, and structures in each of those. The
 * same size gives the same rows in every process. Without a size it is a small one, with names.
 */
export function seedOf(size: string | undefined): Seed {
  if (size === undefined || size === '') return SMALL;
  const [, ...parts] = /^([1-9]\d{0,4})x([1-9]\d{0,4})x(\d{1,5})$/.exec(size) ?? [];
  const [kingdoms, settlements, structures] = parts.map(Number);
  if (kingdoms === undefined || settlements === undefined || structures === undefined)
    throw new Error(
      `CAMPAIGN_SIZE: expected <kingdoms>x<settlements>x<structures>, such as 10x20x5, got ${JSON.stringify(size)}.`,
    );
  return {
    campaign,
    kingdom: listOf(kingdoms, kingdomAt),
    settlement: listOf(kingdoms * settlements, (at) => settlementAt(at, parentAt('k', at, settlements))),
    structure: listOf(kingdoms * settlements * structures, (at) => structureAt(at, parentAt('s', at, structures))),
    stateVariable: listOf(kingdoms, (at) => ({
      ...{ id: `v${String(at)}`, kingdomId: `k${String(at)}`, settlementId: null, key: 'treasury', value: 100 * at },
    })),
  };
}

/** Counted from 1, as ids are. */
const listOf = <Row>(length: number, rowAt: (at: number) => Row): Row[] =>
  Array.from({ length }, (_, index) => rowAt(index + 1));

const parentAt = (letter: string, at: number, perParent: number): string => letter + String(Math.ceil(at / perParent));

const kingdomAt = (at: number): Kingdom => ({
  ...{ id: `k${String(at)}`, campaignId: 'c1', name: `Kingdom ${String(at)}`, taxRate: 5 + (at % 10) },
});

const settlementAt = (at: number, kingdomId: string): Settlement => ({
  ...{ id: `s${String(at)}`, kingdomId, name: `Settlement ${String(at)}`, level: 1 + (at % 8) },
  ...{ x: placed(at * ACROSS), y: placed(at * UP), version: 1 },
});

const KINDS = ['house', 'mill', 'smithy', 'chapel', 'market', 'barracks', 'well'] as const;
const structureAt = (at: number, settlementId: string): Structure => ({
  ...{ id: `m${String(at)}`, settlementId, kind: KINDS[at % KINDS.length] ?? 'house', level: 1 + (at % 3) },
});

// The R2 sequence (Roberts, "The unreasonable effectiveness of quasirandom sequences"): evenly spread, however many there are.
const [ACROSS, UP] = [0.7548776662466927, 0.5698402909980532];
/** On a map of 1,000 by 1,000, to two places. */
const placed = (turns: number): number => Math.floor((turns % 1) * 100_000) / 100;
