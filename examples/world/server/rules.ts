import type { RequestHandler } from 'express';
import { type ExplainedCandidate, type FieldRule, type SavedRule, type TraceNode, isTidemarkError } from 'tidemark';
import { compileFields, createFieldEngine } from 'tidemark/rules';
import { schema } from '../rules.ts';
import { principalOf, requireEditor } from './access.ts';
import { Refused } from './errors.ts';
import { type World, checkedBranch, queried } from './request.ts';

/** The rules of settlements' computed fields: shown, tried while somebody types, saved. */

const SAMPLES = 5;
/** An evaluation of the trace says no more than that of its value. */
const MOST_SHOWN = 200;

/** `GET /rules?branch=main` */
export function listRules({ tide }: World): RequestHandler {
  return async (request, response) => {
    const branch = checkedBranch(queried(request, 'branch')[0]);
    response.json({ rules: await tide.rules.list({ branch }) });
  };
}

/**
 * `POST /rules/try` with `{ branch, rule, settlement? }`: what is wrong with it, else which fields depend on it, and how that
 * settlement would come to its value.
 */
export function tryRule({ tide }: World): RequestHandler {
  return async (request, response) => {
    const { branch, rule, settlement } = asked(request.body);
    const problems = await tide.rules.check(rule, { branch });
    if (problems.length > 0) {
      response.json({ problems });
      return;
    }
    const affected = await tide.rules.affected(rule, { branch });
    const fields = affected.map(({ field }) => field);
    if (settlement === undefined) {
      response.json({ problems, affected: fields });
      return;
    }
    const explained = await tide.rules.explain('settlement', settlement, rule.field as never, { branch, draft: rule });
    const candidate = explained?.candidates.find((one) => one.rule.id === rule.id);
    response.json({ problems, affected: fields, value: explained?.value, ...triedOf(candidate) });
  };
}

/** `POST /rules` with `{ branch, rule }`: saves it and says how many settlements have other values now. */
export function saveRule({ tide, tables }: World): RequestHandler {
  return async (request, response) => {
    const principal = principalOf(request.headers);
    requireEditor(principal);
    const { branch, rule } = asked(request.body);
    const before = await tide.rules.list({ branch });
    // Every settlement, as it was: what differs is told by the engine, not looked for.
    const engine = createFieldEngine(compileFields(before, schema), { now: 0 });
    for (const type of ['kingdom', 'structure', 'settlement'] as const)
      engine.load(type, [...tables.all(type, branch)]);
    const saved: SavedRule = (await tide.rules.save(rule, { branch, by: principal.name })).rule;
    const rules = compileFields([...before.filter(({ id }) => id !== saved.id), saved], schema);
    const began = performance.now();
    const changes = engine.setRules(rules);
    const tookMs = performance.now() - began;
    const ids = [...new Set(changes.map(({ id }) => id))];
    response.json({
      rule: saved,
      changed: ids.length,
      of: tables.counts.settlement,
      tookMs: Math.round(tookMs * 10) / 10,
      samples: changes.slice(0, SAMPLES).map(({ id, field, before: was, after }) => {
        const name = tables.byIds('settlement', branch, [id])[0]?.name ?? id;
        return { id, name, field, before: was, after };
      }),
    });
  };
}

/** The rule is what the tide makes of it: only what the tide does not look at is looked at here. */
function asked(body: unknown): { readonly branch: string; readonly rule: FieldRule; readonly settlement?: string } {
  const { branch, rule, settlement } = (body ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof rule !== 'object' || rule === null || (rule as Partial<FieldRule>).entityType !== 'settlement')
    throw new Refused('BAD_REQUEST', "rule: expected a rule whose entityType is 'settlement'.");
  const where = checkedBranch(typeof branch === 'string' ? branch : null);
  return { branch: where, rule: rule as FieldRule, ...(typeof settlement === 'string' ? { settlement } : {}) };
}

function triedOf(candidate: ExplainedCandidate | undefined) {
  const trace = candidate?.trace;
  return {
    outcome: candidate?.outcome,
    ...(candidate?.error === undefined ? {} : { error: candidate.error.message }),
    ...(trace === undefined ? {} : { steps: trace.steps, trace: plainOf(trace.root) }),
  };
}

interface PlainNode {
  readonly pointer: string;
  readonly operator: string | undefined;
  readonly value: string | undefined;
  readonly error: string | undefined;
  readonly taken: string | undefined;
  readonly hidden: number | undefined;
  readonly children: readonly PlainNode[];
}

function plainOf({ pointer, operator, value, error, taken, hidden, children }: TraceNode): PlainNode {
  const text = value === undefined ? undefined : JSON.stringify(value);
  return {
    ...{ pointer, operator, taken, hidden },
    value: text !== undefined && text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN)} …` : text,
    error: isTidemarkError(error) ? error.message : undefined,
    children: children.map(plainOf),
  };
}
