import { type TidemarkError, isTidemarkError } from '../../errors.js';
import type { Trace } from '../trace.js';
import { Excerpts } from './excerpt.js';
import { type EntityFacts, givenFacts } from './facts.js';
import { type Field, candidatesFor } from './field.js';
import { type Candidate, type FieldRule, type Setting, fitted } from './rule.js';

/** A rule that failed when it was asked. */
export interface FieldFailure {
  readonly type: string;
  readonly id: string;
  readonly field: string;
  readonly rule: string;
  readonly error: TidemarkError;
}

export interface FieldValues {
  /** Null where no rule gave a value; the error in place of one where `failing` is 'error'. */
  readonly values: Readonly<Record<string, unknown>>;
  readonly failures: readonly FieldFailure[];
  /** The rule that each value is from; null if there is none. */
  readonly by: Readonly<Record<string, string | null>>;
}

export interface FieldExplanation {
  readonly value: unknown;
  /** The rule that it is from. */
  readonly by: string | null;
  /** How that rule came to it. */
  readonly trace: Trace | undefined;
  /** In the order in which they are asked. */
  readonly candidates: readonly ExplainedCandidate[];
}

export interface ExplainedCandidate {
  readonly rule: FieldRule;
  /** 'not asked': one before it was taken, or failed and ended the search. */
  readonly outcome: 'taken' | 'failed' | 'not asked' | 'inactive';
  readonly error?: TidemarkError;
  /** Of one that was asked; absent if what it reads could not be put together. */
  readonly trace?: Trace;
}

export type Inputs = Readonly<Record<string, unknown>>;

/** The context of a rule: the entity by its type's name, and the inputs. */
export function contextOf(type: string, entity: unknown, inputs: Inputs): object {
  return { ...inputs, [type]: entity };
}

/** One rule over one context, which is made when it is asked. Gives the value or the error. Throws what is no rule's fault. */
export function ask(candidate: Candidate, context: () => object): unknown {
  try {
    return fitted(candidate.compiled.evaluate(context()), candidate);
  } catch (error) {
    if (!isTidemarkError(error) || error.code === 'FACTS_MISSING') throw error;
    return error;
  }
}

export interface Decision {
  readonly value: unknown;
  readonly by: string | null;
}

const NONE: Decision = { value: null, by: null };

/** Asks one rule after another until one gives a value. */
export function decide(
  candidates: readonly Candidate[],
  failing: Setting['failing'],
  context: (candidate: Candidate) => object,
  failed: (rule: string, error: TidemarkError) => void,
): Decision {
  for (const candidate of candidates) {
    const value = ask(candidate, () => context(candidate));
    if (!isTidemarkError(value)) return { value, by: candidate.rule.id };
    failed(candidate.rule.id, value);
    if (failing === 'error') return { value, by: null };
  }
  return NONE;
}

/** Fields of one entity, in order; those that others read before them. */
export function evaluateFields(
  fields: readonly Field[],
  { facts, inputs, setting }: { readonly facts: EntityFacts; readonly inputs: Inputs; readonly setting: Setting },
): {
  readonly values: Map<string, unknown>;
  readonly failures: FieldFailure[];
  readonly by: Map<string, string | null>;
} {
  const values = new Map<string, unknown>();
  const by = new Map<string, string | null>();
  const failures: FieldFailure[] = [];
  const given = givenFacts(facts, values, setting.shape);
  for (const field of fields) {
    const { type, name } = field;
    const id = setting.shape.types.get(type)?.idOf(facts.row) ?? '';
    const decision = decide(
      candidatesFor(field, id),
      setting.failing,
      ({ excerpt }) => contextOf(type, new Excerpts(given, setting.limits.steps).of(excerpt, facts), inputs),
      (rule, error) => failures.push({ type, id, field: name, rule, error }),
    );
    values.set(name, decision.value);
    by.set(name, decision.by);
  }
  return { values, failures, by };
}

/** The last of the fields, with every rule for it; the ones before are what it reads. */
export function explainField(
  field: Field,
  before: readonly Field[],
  given: { readonly facts: EntityFacts; readonly inputs: Inputs; readonly setting: Setting },
): FieldExplanation {
  const { facts, inputs, setting } = given;
  const { values } = evaluateFields(before, given);
  const taken = givenFacts(facts, values, setting.shape);
  const id = setting.shape.types.get(field.type)?.idOf(facts.row);
  let ended: { readonly value: unknown; readonly by: string | null; readonly trace: Trace | undefined } | undefined;
  const candidates = field.all
    .filter(({ rule }) => rule.entityId === null || rule.entityId === id)
    .map((candidate): ExplainedCandidate => {
      const { rule } = candidate;
      if (!rule.isActive) return { rule, outcome: 'inactive' };
      if (ended !== undefined) return { rule, outcome: 'not asked' };
      const { value, trace } = traced(candidate, () =>
        contextOf(field.type, new Excerpts(taken, setting.limits.steps).of(candidate.excerpt, facts), inputs),
      );
      const seen = trace === undefined ? {} : { trace };
      if (!isTidemarkError(value)) {
        ended = { value, by: rule.id, trace };
        return { rule, outcome: 'taken', ...seen };
      }
      if (setting.failing === 'error') ended = { value, by: null, trace: undefined };
      return { rule, outcome: 'failed', error: value, ...seen };
    });
  return { ...(ended ?? { ...NONE, trace: undefined }), candidates };
}

function traced(candidate: Candidate, context: () => object): { readonly value: unknown; readonly trace?: Trace } {
  try {
    const trace = candidate.compiled.trace(context());
    return { value: trace.error ?? fitted(trace.value, candidate), trace };
  } catch (error) {
    if (!isTidemarkError(error) || error.code === 'FACTS_MISSING') throw error;
    return { value: error };
  }
}
