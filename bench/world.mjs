import { createTidemark, defineModel, entity } from 'tidemark';

/** The world that all questions are asked of: campaign > kingdom > settlement > structure, rows of six fields. */

const entities = {
  campaign: entity()({}),
  kingdom: entity()({ parents: { campaign: 'campaignId' } }),
  settlement: entity()({ parents: { kingdom: 'kingdomId' } }),
  structure: entity()({ parents: { settlement: 'settlementId' } }),
};
export const model = defineModel({ entities });
/** The same with a fork: what is read there carries the marks of both branches. */
export const forkedModel = defineModel({
  entities,
  branches: { parentOf: (branch) => (branch === 'fork' ? 'main' : undefined) },
});

/** As long as a benchmark may take, so that nothing expires meanwhile. */
export const TTL_MS = 3_600_000;
const PER_PARENT = 10;
const KINDS = ['mill', 'forge', 'temple', 'market', 'harbour'];

/** Rows as a database driver makes them: one object and strings of its own each. About 200 bytes on the heap. */
const asFromADriver = (rows) => JSON.parse(JSON.stringify(rows));

/** Structures `from` to `to`, ten under each settlement. */
export function structures(to, from = 0) {
  return asFromADriver(
    Array.from({ length: to - from }, (_, i) => ({
      id: `structure-${from + i}`,
      settlementId: `settlement-${Math.floor((from + i) / PER_PARENT)}`,
      name: `The old one of number ${from + i}`,
      kind: KINDS[(from + i) % KINDS.length],
      level: 1 + ((from + i) % 5),
      built: 1_000_000 + from + i,
    })),
  );
}

/** Settlements, ten under each kingdom. */
export function settlements(count) {
  return asFromADriver(
    Array.from({ length: count }, (_, i) => ({
      id: `settlement-${i}`,
      kingdomId: `kingdom-${Math.floor(i / PER_PARENT)}`,
      name: `Settlement of number ${i}`,
      kind: KINDS[i % KINDS.length],
      level: 1 + (i % 5),
      population: 1000 + i,
    })),
  );
}

export const byId = (rows) => new Map(rows.map((row) => [row.id, row]));

export function groupBy(rows, field) {
  const groups = new Map();
  for (const row of rows) {
    const group = groups.get(row[field]);
    if (group === undefined) groups.set(row[field], [row]);
    else group.push(row);
  }
  return groups;
}

/** An origin over Maps that counts what it is asked and answers at once. */
export function countingOrigin({ byId: records = new Map(), byParent = new Map() }) {
  const origin = {
    calls: 0,
    ids: 0,
    byIds(ids) {
      origin.calls++;
      origin.ids += ids.length;
      const rows = [];
      for (const id of ids) {
        const row = records.get(id);
        if (row !== undefined) rows.push(row);
      }
      return Promise.resolve(rows);
    },
    underParents(parentIds) {
      origin.calls++;
      origin.ids += parentIds.length;
      return Promise.resolve(parentIds.flatMap((id) => byParent.get(id) ?? []));
    },
  };
  return origin;
}

/** A tide with these structures in tier 1. */
export async function warmStructures(rows, { of = model, branch, ...options } = {}) {
  const origin = countingOrigin({ byId: byId(rows) });
  const tide = createTidemark({
    model: of,
    origin: { structure: { byIds: origin.byIds } },
    ttlMs: TTL_MS,
    maxEntries: rows.length + 1000,
    ...options,
  });
  const ids = rows.map((row) => row.id);
  await tide.getMany('structure', ids, branch === undefined ? undefined : { branch });
  return { tide, origin };
}
