import type { TypeName, WorldRow, WorldRows } from '../model.ts';
import type { RowOrder } from './branch-rows.ts';
import { Conflict, Incomplete, type Written } from './tables.ts';

/** What the tables know of each entity type: its parent, its order in a list, and what a new one needs. */

/** Parents before children. */
export const TYPES: readonly TypeName[] = ['campaign', 'kingdom', 'settlement', 'structure'];

export const PARENT_TYPE = {
  campaign: null,
  kingdom: 'campaign',
  settlement: 'kingdom',
  structure: 'settlement',
} as const satisfies Record<TypeName, TypeName | null>;

interface Kind<Row extends WorldRow> extends RowOrder<Row> {
  /** A whole row of these fields. Throws Incomplete if one without a default is missing. */
  readonly create: (id: string, fields: Partial<Row>) => Row;
}

const names = new Intl.Collator('en');
const byName = (a: WorldRow, b: WorldRow): number =>
  names.compare(a.name, b.name) || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);

function given<Value>(value: Value | undefined, field: string, id: string): Value {
  if (value === undefined) throw new Incomplete(`'${id}' is new: expected a ${field}, got none.`);
  return value;
}

export const KINDS: { readonly [T in TypeName]: Kind<WorldRows[T]> } = {
  campaign: {
    parentIdOf: () => null,
    compare: byName,
    create: (id, { name, deleted = false }) => ({ id, name: given(name, 'name', id), version: 0, deleted }),
  },
  kingdom: {
    parentIdOf: ({ campaignId }) => campaignId,
    compare: byName,
    create: (id, { name, campaignId, level = 1, deleted = false }) => ({
      id,
      name: given(name, 'name', id),
      campaignId: given(campaignId, 'campaignId', id),
      level,
      version: 0,
      deleted,
    }),
  },
  settlement: {
    parentIdOf: ({ kingdomId }) => kingdomId,
    compare: (a, b) => b.population - a.population || byName(a, b),
    create: (id, { name, kingdomId, population = 0, level = 1, lon, lat, deleted = false }) => ({
      id,
      name: given(name, 'name', id),
      kingdomId: given(kingdomId, 'kingdomId', id),
      population,
      level,
      lon: given(lon, 'lon', id),
      lat: given(lat, 'lat', id),
      version: 0,
      deleted,
    }),
  },
  structure: {
    parentIdOf: ({ settlementId }) => settlementId,
    compare: byName,
    create: (id, { name, settlementId, kind, code = '', level = 1, lon, lat, deleted = false }) => ({
      id,
      name: given(name, 'name', id),
      settlementId: given(settlementId, 'settlementId', id),
      kind: given(kind, 'kind', id),
      code,
      level,
      lon: given(lon, 'lon', id),
      lat: given(lat, 'lat', id),
      version: 0,
      deleted,
    }),
  },
};

/** A row as a branch sees it, and what is to be written to it. */
export interface Writing<T extends TypeName> {
  readonly id: string;
  readonly before: WorldRow<T> | null;
  readonly fields: Partial<WorldRow<T>>;
  readonly expectedVersion: number | undefined;
}

/** What the write comes to. Throws Conflict for another version than expected, Incomplete for a new row without a field. */
export function writtenBy<T extends TypeName>(
  type: T,
  { id, before, fields, expectedVersion }: Writing<T>,
): Written<T> {
  const present = before?.version ?? 0;
  if (expectedVersion !== undefined && expectedVersion !== present) {
    throw new Conflict(`${type} '${id}' is at version ${String(present)}, not ${String(expectedVersion)}.`);
  }
  const whole = before ?? KINDS[type].create(id, fields);
  return { before, after: { ...whole, ...fields, id, version: present + 1 } };
}
