import { frameOf } from '../../src/frame.js';
import { type Geometry, type Spatial, defineModel, entity } from '../../src/index.js';
import type { AnyRow, EntityPlan } from '../../src/model.js';
import { EmbeddedIndex } from '../../src/spatial/embedded.js';
import { Indexes } from '../../src/spatial/indexes.js';
import type { SpatialFixture, SpatialRow } from '../../src/testing/index.js';

const frame = frameOf({ srid: 0 });
const model = defineModel({
  entities: { place: entity<{ id: string; geometry: Geometry | null }>()({ geometry: (row) => row.geometry }) },
});
const plan = model.topology.types.get('place') as EntityPlan;

/** The index of the process behind the contract; the origin decides what a branch sees. */
export function embeddedSpatial(): SpatialFixture {
  let rows: readonly SpatialRow[] = [];
  const seenIn = (branches: readonly string[]): readonly AnyRow[] => {
    const nearest = new Map<string, SpatialRow>();
    for (const branch of branches.toReversed()) {
      for (const row of rows) if ((row.branch ?? 'main') === branch) nearest.set(row.id, row);
    }
    return [...nearest.values()].filter(({ deleted }) => deleted !== true).map((row) => ({ ...row }));
  };
  const indexes = new Indexes({ system: frame, chainOf: () => ['main'], all: async () => [], byIds: async () => [] });
  const spatial: Spatial = {
    find: async ({ question, where, limit, branches }) => {
      const index = new EmbeddedIndex(plan, frame, { all: async () => seenIn(branches), byIds: async () => [] });
      await index.current();
      return index.find({ question, where, limit }).map(({ row, distance }) => ({ id: row['id'] as string, distance }));
    },
    distance: (a, b) => indexes.distance(a, b),
    overlaps: (a, b) => indexes.overlaps(a, b),
    check: async () => [],
  };
  return {
    spatial,
    put: async (given) => {
      rows = given;
    },
  };
}
