import { branchOf } from './cache/branches.js';
import { planOf } from './cache/cascade.js';
import { KEPT } from './cache/chronicle.js';
import { Stories, type StoriesParts, refOf } from './cache/story.js';
import type { Entry } from './cache/tier.js';
import type { Box } from './contract.js';
import { TidemarkError } from './errors.js';
import type { Inspection, SeenMap, SeenSubscription } from './inspection.js';
import type { AnyRow, EntityPlan } from './model.js';
import type { Hub } from './realtime/hub.js';
import { boxOfCell } from './spatial/cells.js';
import { shapeOf } from './spatial/shape.js';
import { subjectParts } from './subject.js';

export interface InspectingParts extends StoriesParts {
  readonly hub: Pick<Hub, 'subscriptions'>;
  readonly entriesByType: () => Readonly<Record<string, number>>;
}

/** What is drawn at most. */
const MOST = { places: 2000, answers: 60, cells: 16 } as const;

/** `tide.inspect()`, types erased. */
export function inspectionOf(parts: InspectingParts): Inspection {
  const { chronicle, core, hub, topology } = parts;
  const stories = new Stories(parts);
  const close = chronicle.keep();
  return {
    bounds: { loads: KEPT.loads, changes: KEPT.changes, maxStalenessMs: core.reads.table.maxStalenessMs },
    loads: (after) => stories.loads(after),
    changes: (after) => stories.changes(after),
    cascade: (changeId) => stories.cascade(changeId),
    story: (type, id, branch) => stories.story(refOf(topology, type, id, branchOf(topology, branch))),
    value: (key) => stories.value(key),
    record: (type, id, branch) => stories.record(refOf(topology, type, id, branchOf(topology, branch))),
    map: (type, branch) => mapOf(parts, stories, planOf(topology, type), branchOf(topology, branch)),
    subscriptions: () => subscriptionsOf(hub),
    entriesByType: parts.entriesByType,
    close,
  };
}

function subscriptionsOf(hub: InspectingParts['hub']): readonly SeenSubscription[] {
  const byTarget = new Map<string, { target: string; count: number; behind: number }>();
  for (const { name: target, behind } of hub.subscriptions()) {
    const same = byTarget.get(target) ?? { target, count: 0, behind: 0 };
    byTarget.set(target, same);
    same.count++;
    same.behind = Math.max(same.behind, behind);
  }
  return [...byTarget.values()];
}

// ── The map ─────────────────────────────────────────────────────────────────────────────────────────────────────

function mapOf(parts: InspectingParts, stories: Stories, plan: EntityPlan, branch: string): SeenMap {
  const { extent } = parts.topology.frame;
  if (plan.geometryOf === undefined) {
    throw new TidemarkError('INVALID_GEOMETRY', `map: expected a type with a geometry, got '${plan.type}'.`);
  }
  const places = new Map<string, Box>();
  const answers: Entry[] = [];
  for (const entry of stories.entriesOf(plan.type, branch)) {
    if (entry.shelf.space.kind === 'spatial') answers.push(entry);
    for (const row of rowsIn(entry.value)) {
      const box = boxOf(plan, row);
      if (box !== null) places.set(String(row[plan.idField]), box);
    }
  }
  const newest = answers.reverse();
  return {
    ...{ type: plan.type, branch, extent },
    places: [...places].slice(0, MOST.places).map(([id, box]) => ({ id, ...box })),
    answers: newest.slice(0, MOST.answers).map((entry) => ({
      ...{ key: entry.key, fresh: stories.isServable(entry), ageMs: stories.ageOf(entry) },
      cells: cellsOf(entry)
        .slice(0, MOST.cells)
        .map((cell) => ({ cell, ...within(boxOfCell(cell, extent), extent) })),
    })),
    more: {
      places: Math.max(0, places.size - MOST.places),
      answers: Math.max(0, newest.length - MOST.answers),
    },
  };
}

/** Of a record, a list or an answer. */
function rowsIn(value: unknown): readonly AnyRow[] {
  const items: readonly unknown[] = Array.isArray(value) ? value : [value];
  return items.filter((item): item is AnyRow => typeof item === 'object' && item !== null);
}

/** Null for a row that lies nowhere, or has not what says where. */
function boxOf(plan: EntityPlan, row: AnyRow): Box | null {
  try {
    const geometry = plan.geometryOf?.(row);
    if (typeof geometry !== 'object' || geometry === null) return null;
    const { box } = shapeOf(geometry);
    return Object.values(box).every(Number.isFinite) ? box : null;
  } catch {
    return null; // what is held of a type need not be its rows
  }
}

const cellsOf = ({ cells }: Entry): readonly string[] => [
  ...new Set(
    cells.flatMap(({ subject }) => {
      const [kind, , cell = ''] = subjectParts(subject);
      return kind === 'cell' ? [cell] : [];
    }),
  ),
];

/** Cells at the edge reach to infinity, and a drawing ends at the map's. */
function within(box: Box, extent: Box): Box {
  return {
    minX: Math.max(box.minX, extent.minX),
    minY: Math.max(box.minY, extent.minY),
    maxX: Math.min(box.maxX, extent.maxX),
    maxY: Math.min(box.maxY, extent.maxY),
  };
}
