import type { FieldsReader } from '../../fields.js';
import { EVERYWHERE, schemaOf } from '../../fields.js';
import type { Reader, Tidemark } from '../../api.js';
import type { AnyView } from '../../cache/core.js';
import type { Clock } from '../../contract.js';
import { systemClock } from '../../clock.js';
import { TidemarkError, isTidemarkError } from '../../errors.js';
import type { AnyModel } from '../../model.js';
import type { RulesOptions } from '../../options.js';
import { compile } from '../../rules/compile.js';
import { type FieldSet, checkFields, compileFields } from '../../rules/fields/set.js';
import type { FieldOptions, FieldRule } from '../../rules/fields/rule.js';
import { shown } from '../../rules/site.js';
import { idText } from '../../subject.js';
import type { Call, Tide } from '../../tide.js';
import type {
  Condition,
  Evaluation,
  EvaluationOutcome,
  FieldCondition,
  KeyedCondition,
  RulesCall,
  RulesEngine,
  ScopedCall,
} from './engine.js';
import { jsonOf, traceJson } from './json.js';
import { isOfService } from './status.js';

export interface LocalRulesOptions<M extends AnyModel, Principal = unknown> {
  readonly tide: Tidemark<M, Principal>;
  /** What the tide was given as `rules`: its operators and limits hold for expressions too. Default: none but those built in. */
  readonly rules?: RulesOptions | undefined;
  readonly clock?: Clock | undefined;
}

/** Rules of a scope, kept by the tide with the marks of those rules, so that an older list is never used. */
const RULES: AnyView = Object.freeze({
  name: 'rules-engine',
  // The reader of a load reads rules as computed fields do.
  load: async (read: Reader<AnyModel>, params: unknown) => {
    const { scope, types } = params as ScopedRules;
    return (await Promise.all(types.map((type) => (read as FieldsReader).rules(type, scope)))).flat();
  },
});
type TracedCall = RulesCall & { readonly trace?: boolean | undefined };

interface ScopedRules {
  readonly scope: string;
  readonly types: readonly string[];
}

const MOST_SAMPLES = 100;
/** Evaluations run without a pause; others in the process must not wait longer than this. */
const TURN_MS = 10;

/** A rules service in this process, over a tide. What it answers is what a server over the same tide answers. */
export function localRules<M extends AnyModel, Principal = unknown>(
  options: LocalRulesOptions<M, Principal>,
): RulesEngine {
  const tide = options.tide as unknown as Tide;
  const { clock = systemClock, rules: given } = options;
  const { topology } = tide.model;
  const schema = schemaOf(topology);
  const withFields = [...topology.types.values()].filter(({ computed }) => Object.keys(computed).length > 0);
  const ruleOptions = { operators: given?.operators, limits: given?.limits };
  const fieldOptions: FieldOptions = {
    ...ruleOptions,
    failing: given?.failing,
    inputs: Object.keys(given?.inputs ?? {}),
  };
  /** Rules as they were read: the same list is compiled once. */
  const sets = new WeakMap<object, FieldSet>();

  const rulesOf = async ({ scope = EVERYWHERE, ...call }: ScopedCall): Promise<readonly FieldRule[]> =>
    (await tide.view(
      RULES,
      { scope: idText(scope, 'scope of rules'), types: withFields.map(({ type }) => type) } satisfies ScopedRules,
      callOf(call),
    )) as readonly FieldRule[];

  async function setOf(call: ScopedCall): Promise<FieldSet> {
    const rules = await rulesOf(call);
    const set = sets.get(rules) ?? compileFields(rules, schema, fieldOptions);
    sets.set(rules, set);
    return set;
  }

  async function fieldOf({ type, id, field }: FieldCondition, call: TracedCall): Promise<Evaluation> {
    const plan = topology.types.get(type);
    // The tide says which types there are.
    const parsed = plan === undefined ? String(id) : plan.parseId(String(id));
    if (plan !== undefined && !Object.hasOwn(plan.computed, field)) {
      const known = Object.keys(plan.computed).join(', ') || 'none';
      throw new TidemarkError(
        'INVALID_RULE',
        `${type}: expected one of its computed fields, ${known}, got ${shown(field)}.`,
      );
    }
    if (call.trace === true) {
      const explained = await tide.rules.explain(type, parsed, field, callOf(call));
      if (explained === null) return { value: null, found: false };
      if (explained.value instanceof Error) throw explained.value;
      return { value: plain(explained.value), found: true, trace: JSON.parse(traceJson(explained)) as unknown };
    }
    const values = (await tide.computed(type, parsed, callOf(call))) as Record<string, unknown> | null;
    return values === null ? { value: null, found: false } : { value: plain(values[field] ?? null), found: true };
  }

  async function evaluate(condition: Condition, call: TracedCall): Promise<Evaluation> {
    if (!('expression' in condition)) return fieldOf(condition, call);
    const { expression, context = null } = condition;
    const rule = compile(expression, ruleOptions);
    if (call.trace !== true) return { value: plain(rule.evaluate(context) ?? null), found: true };
    const trace = rule.trace(context);
    if (trace.error !== undefined) throw trace.error;
    return { value: plain(trace.value ?? null), found: true, trace: JSON.parse(traceJson(trace)) as unknown };
  }

  /** Every condition with its key, in the order in which they are to be evaluated, those of one field together. */
  async function grouped(
    keyed: readonly Keyed[],
    { order = 'given', ...call }: ScopedCall & { readonly order?: 'given' | 'dependencies' | undefined },
  ): Promise<readonly (readonly Keyed[])[]> {
    if (order === 'given') return [keyed];
    const fields = new Map((await setOf(call)).order.map((name, place) => [name, place]));
    const groups = new Map<number, Keyed[]>();
    for (const one of keyed) {
      const { condition } = one;
      const name = 'expression' in condition ? undefined : `${condition.type}.${condition.field}`;
      // What no order knows is refused when it is evaluated.
      const place = (name === undefined ? undefined : fields.get(name)) ?? fields.size;
      const group = groups.get(place);
      if (group === undefined) groups.set(place, [one]);
      else group.push(one);
    }
    return [...groups].sort(([a], [b]) => a - b).map(([, group]) => group);
  }

  return {
    evaluateCondition: async (condition, call = {}) => evaluate(condition, call),

    evaluateConditions: async (conditions, call = {}) => {
      const keyed = withKeys(conditions);
      const groups = await grouped(keyed, call);
      const results = new Map<string, EvaluationOutcome>();
      const outcomeOf = async ({ key, condition }: Keyed): Promise<void> => {
        try {
          results.set(key, { key, ...(await evaluate(condition, call)) });
        } catch (error) {
          if (!isTidemarkError(error) || isOfService(error.code)) throw error;
          results.set(key, { key, error });
        }
      };
      let turn = clock.now();
      for (const group of groups) {
        const entities = group.filter(({ condition }) => !('expression' in condition));
        await Promise.all(entities.map(outcomeOf));
        for (const one of group.filter(({ condition }) => 'expression' in condition)) {
          await outcomeOf(one);
          if (clock.now() - turn < TURN_MS) continue;
          await new Promise((resume) => setImmediate(resume));
          stopIf(call.signal);
          turn = clock.now();
        }
        stopIf(call.signal);
      }
      return {
        results: keyed.map(({ key }) => results.get(key) as EvaluationOutcome),
        evaluationOrder: groups.flatMap((group) => group.map(({ key }) => key)),
      };
    },

    getEvaluationOrder: async ({ only, ...call } = {}) => {
      const { order } = await setOf(call);
      for (const name of only ?? []) {
        if (!order.includes(name))
          throw new TidemarkError('INVALID_RULE', `only: expected computed fields, got ${shown(name)}.`);
      }
      return { fields: order.filter((name) => only?.includes(name) ?? true), total: order.length };
    },

    validateDependencies: async ({ rules: proposed = [], ...call } = {}) => {
      const saved = await rulesOf(call);
      const ids = new Set(proposed.map(({ id }) => id));
      const all = [...saved.filter(({ id }) => !ids.has(id)), ...proposed];
      const { problems, cycles } = checkFields(all, schema, fieldOptions);
      const valid = problems.length === 0 && cycles.paths.length === 0;
      return { valid, cycles: cycles.paths, moreCycles: cycles.more, problems };
    },

    invalidateCache: async ({ branch, scope, types } = {}) => {
      const change = { subjects: subjectsOf({ branch, scope }, types) };
      const keys = tide.explain(change).entries.filter(isOfFields).length;
      const receipt = await tide.change(change);
      return { receipt: receipt.toString(), state: receipt.state, keys };
    },

    getCacheStats: async ({ branch, scope, sample = 0 } = {}) => {
      const { byType, tier1 } = tide.stats();
      const { hits = 0, misses = 0, hitRate = 0 } = byType['computed-fields'] ?? {};
      const { entries } = tide.explain({ subjects: subjectsOf({ branch, scope }) });
      const keys = entries.filter(isOfFields).map(({ key }) => key);
      return {
        ...{ hits, misses, hitRate, keys: keys.length },
        ksize: keys.reduce((sum, key) => sum + Buffer.byteLength(key), 0),
        vsize: tier1.bytes > 0 ? tier1.bytes : null,
        sampleKeys: [...keys].sort().slice(0, Math.max(0, Math.min(MOST_SAMPLES, sample))),
      };
    },
  };

  /** The rules of a scope, as what can change. */
  function subjectsOf({ branch, scope = EVERYWHERE }: ScopedCall, types: readonly string[] = []) {
    const asked = types.length > 0 ? types : withFields.map(({ type }) => type);
    return asked.map((type) => tide.subject.rules(type, scope, { branch }));
  }
}

/** The values of computed fields; the lists of rules have keys of the same kind. */
const isOfFields = ({ kind, key }: { readonly kind: string; readonly key: string }): boolean =>
  kind === 'computed' && !key.startsWith('computed-fields:rules:');

interface Keyed {
  readonly key: string;
  readonly condition: Condition;
}

function withKeys(conditions: readonly KeyedCondition[]): readonly Keyed[] {
  const keyed = conditions.map((condition, place) => ({ key: condition.key ?? String(place), condition }));
  const seen = new Set<string>();
  for (const { key } of keyed) {
    if (seen.has(key))
      throw new TidemarkError('INVALID_REQUEST', `conditions: expected keys once each, got ${shown(key)} twice.`);
    seen.add(key);
  }
  return keyed;
}

/** A call as the tide takes it: what is not given is left out. */
function callOf({ branch, after, signal }: RulesCall): Call | undefined {
  if (after === undefined && signal === undefined) return branch === undefined ? undefined : { branch };
  return { branch, after, signal };
}

/** The value, which JSON gives back as it is. */
function plain(value: unknown): unknown {
  jsonOf(value, 'value');
  return value;
}

function stopIf(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw new TidemarkError('ABORTED', 'signal: the caller no longer waits.');
}
