import { inspect } from 'node:util';
import type { Explanation } from '../../api.js';
import { afterUpdate } from '../../cache/rows.js';
import { TidemarkError, messageOf } from '../../errors.js';
import type { TideEventName } from '../../events.js';
import type { Inspection, SeenLoad, SeenValue } from '../../inspection.js';
import type { Metrics } from '../../metrics.js';
import type { AnyModel, AnyRow, EntityPlan } from '../../model.js';
import type { Health, MergedOptions, MergedStats } from '../../report.js';
import type { FieldExplanation } from '../../rules/fields/evaluate.js';
import type { FieldRule } from '../../rules/fields/rule.js';
import type { TraceNode } from '../../rules/trace.js';
import type { FieldInOrder } from '../../rules-verbs.js';

/** A tide, types erased. */
export interface AnyTide {
  readonly model: AnyModel;
  inspect(): Inspection;
  metrics(): Metrics;
  stats(options: MergedOptions): Promise<MergedStats>;
  health(): Promise<Health>;
  explain(change: object): Explanation;
  on(name: TideEventName, listener: (event: unknown) => void): () => void;
  readonly rules: {
    list(where: object): Promise<readonly FieldRule[]>;
    graph(where: object): Promise<readonly FieldInOrder[]>;
    explain(type: string, id: unknown, field: string, where: object): Promise<FieldExplanation | null>;
  };
}

interface Asked {
  readonly query: URLSearchParams;
  readonly tide: AnyTide;
  readonly inspection: Inspection;
}

/** Shown at most. */
const MOST = { entries: 300, loads: 100, nodes: 2000, chars: 4000 } as const;

/** What the page may ask, by name. None of them changes anything. */
const ANSWERS: Readonly<Record<string, (asked: Asked) => unknown>> = {
  loads: ({ inspection }) => {
    const loads = inspection.loads().slice().reverse();
    return {
      recent: loads.slice(0, MOST.loads),
      reloaded: loads.filter(({ why }: SeenLoad) => why.kind !== 'absent').slice(0, MOST.loads),
    };
  },
  changes: ({ inspection }) => inspection.changes().slice(-MOST.loads),
  cascade: ({ inspection, query }) => inspection.cascade(needed(query, 'change')),
  story: ({ inspection, query }) => {
    const story = inspection.story(needed(query, 'type'), needed(query, 'id'), branchIn(query));
    return { ...story, values: story.values.map(withExcerpt) };
  },
  value: ({ inspection, query }) => {
    const value = inspection.value(needed(query, 'key'));
    return value && withExcerpt(value);
  },
  explain: explained,
  rules: async ({ tide, query }) => {
    const where = { branch: branchIn(query), scope: query.get('scope') ?? undefined };
    const [rules, graph] = await Promise.all([tide.rules.list(where), orProblem(tide.rules.graph(where))]);
    return {
      rules: rules.map((rule) => ({
        ...rule,
        expression: JSON.stringify(rule.expression, null, 2).slice(0, MOST.chars),
      })),
      ...graph,
    };
  },
  trace: async ({ tide, query }) => {
    const plan = planIn(tide, query);
    const branch = branchIn(query);
    const found = await tide.rules.explain(plan.type, plan.parseId(needed(query, 'id')), needed(query, 'field'), {
      branch,
    });
    return found && { ...traced(found) };
  },
  subscriptions: ({ inspection, tide }) => ({ ...tide.metrics().realtime, subscriptions: inspection.subscriptions() }),
  map: ({ inspection, query }) => inspection.map(needed(query, 'type'), branchIn(query)),
  health: async ({ tide, inspection }) => ({ health: await tide.health(), held: inspection.entriesByType() }),
};

/** Undefined for a question that there is not. Throws a TidemarkError for one that is asked wrongly. */
export async function answerTo(name: string, query: URLSearchParams, given: Omit<Asked, 'query'>): Promise<unknown> {
  if (!Object.hasOwn(ANSWERS, name)) return undefined;
  return (await ANSWERS[name]?.({ ...given, query })) ?? null;
}

// ── What a change would touch ───────────────────────────────────────────────────────────────────────────────────

/** With the record as it is held for its images: nothing is read for it, so that without one it is less precise. */
async function explained({ tide, inspection, query }: Asked) {
  const plan = planIn(tide, query);
  const { type } = plan;
  const [id, branch, op] = [needed(query, 'id'), branchIn(query), needed(query, 'op')];
  const held = (inspection.record(type, id, branch) ?? null) as AnyRow | null;
  const before = op === 'create' ? null : held;
  const after = op === 'delete' || held === null ? null : op === 'create' ? held : afterUpdate(plan, held);
  const { entries, ...rest } = tide.explain({ type, id: plan.parseId(id), op, before, after, branch });
  return {
    ...{ type, id, op, isHeld: held !== null },
    ...rest,
    entries: entries.slice(0, MOST.entries),
    more: Math.max(0, entries.length - MOST.entries),
    fields: await fieldsReading(tide, plan, branch),
  };
}

/** Computed fields whose rules read entities of a type, whoever they belong to. */
async function fieldsReading(tide: AnyTide, { type }: EntityPlan, branch: string | undefined) {
  const { fields } = await orProblem(tide.rules.graph({ branch }));
  return fields.flatMap(({ field, reads }) => {
    const through = reads.filter((read) => read.type === type && read.of !== 'input').map(({ text }) => text);
    return through.length === 0 ? [] : [{ field, through: [...new Set(through)] }];
  });
}

async function orProblem(graph: Promise<readonly FieldInOrder[]>) {
  try {
    return { fields: await graph, problem: null };
  } catch (error) {
    return { fields: [], problem: messageOf(error) };
  }
}

// ── Traces ──────────────────────────────────────────────────────────────────────────────────────────────────────

function traced({ value, by, candidates }: FieldExplanation) {
  const left = { nodes: MOST.nodes };
  return {
    value: shortly(value),
    by,
    candidates: candidates.map(({ rule, outcome, error, trace }) => ({
      ...{ rule: rule.id, description: rule.description ?? null, priority: rule.priority, outcome },
      error: error?.message ?? null,
      trace: trace === undefined ? null : nodeOf(trace.root, left),
    })),
  };
}

type ShownNode = Pick<TraceNode, 'pointer'> & {
  readonly operator: string;
  readonly value: string;
  readonly failed: boolean;
  readonly taken: string | null;
  readonly children: readonly ShownNode[];
  readonly hidden: number;
};

function nodeOf(
  { pointer, operator, value, error, taken, children, hidden = 0 }: TraceNode,
  left: { nodes: number },
): ShownNode {
  left.nodes--;
  const shown: ShownNode[] = [];
  for (const child of children) if (left.nodes > 0) shown.push(nodeOf(child, left));
  return {
    ...{ pointer, operator: operator ?? 'list', failed: error !== undefined, taken: taken ?? null, children: shown },
    value: error === undefined ? shortly(value) : error.message,
    hidden: hidden + children.length - shown.length,
  };
}

// ── Parts of a question and of an answer ────────────────────────────────────────────────────────────────────────

function needed(query: URLSearchParams, name: string): string {
  const text = query.get(name) ?? '';
  if (text.trim() !== '') return text;
  throw new TidemarkError('INVALID_REQUEST', `${name}: expected one, got none.`);
}

const branchIn = (query: URLSearchParams): string | undefined => query.get('branch') || undefined;

function planIn({ model: { topology } }: AnyTide, query: URLSearchParams): EntityPlan {
  const type = needed(query, 'type');
  const plan = topology.types.get(type);
  if (plan !== undefined) return plan;
  const known = [...topology.types.keys()].join(', ');
  throw new TidemarkError('UNKNOWN_TYPE', `type: expected one of ${known}, got ${JSON.stringify(type)}.`);
}

const withExcerpt = ({ held, ...rest }: SeenValue) => ({
  ...rest,
  held: held && { ...held, value: excerptOf(held.value) },
});

/** Enough to know a value by. No code of the value runs. */
const excerptOf = (value: unknown): string =>
  inspect(value, { depth: 3, maxArrayLength: 12, maxStringLength: 200, breakLength: 72, customInspect: false }).slice(
    0,
    2000,
  );

const shortly = (value: unknown): string =>
  inspect(value, {
    depth: 2,
    maxArrayLength: 6,
    maxStringLength: 120,
    breakLength: Infinity,
    customInspect: false,
  }).slice(0, 400);
