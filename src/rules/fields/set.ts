import { TidemarkError, isTidemarkError } from '../../errors.js';
import { validate } from '../compile.js';
import { type Problem, shown } from '../site.js';
import { type FieldExplanation, type FieldValues, type Inputs, evaluateFields, explainField } from './evaluate.js';
import type { EntityFacts } from './facts.js';
import { type Field, fieldOf, keyOf } from './field.js';
import { type FieldCycles, inOrder, orderOrCycles } from './graph.js';
import { type FieldNeeds, needsOf } from './needs.js';
import { type FieldReader, readersOf } from './readers.js';
import { type Candidate, type FieldOptions, type FieldRule, type Setting, candidateOf, settingOf } from './rule.js';
import { type FieldSchema, type TypeShape, shapeOf } from './schema.js';

export interface EvaluateOptions {
  /** What rules know as `now`. */
  readonly now: unknown;
  /** The other inputs. One that is not given is null. */
  readonly inputs?: Inputs | undefined;
  /** These fields, and those of the entity that they read. Default: all of the type. */
  readonly only?: readonly string[] | undefined;
}

/** The rules of all computed fields, compiled and in order. Never changes: a save or removal gives another. */
export class FieldSet {
  /** Rules by id, fields by key in the order of the schema, and in that of evaluation. @internal */
  readonly parts: Parts;

  /** @internal */
  constructor(parts: Parts) {
    this.parts = parts;
  }

  get rules(): readonly FieldRule[] {
    return [...this.parts.rules.values()].map(({ rule }) => rule);
  }

  /** Fields as 'settlement.income', each after all that it reads. */
  get order(): readonly string[] {
    return this.parts.order.map(({ key }) => key);
  }

  /** The set with a rule saved: new, or in place of the one with its id. Throws as {@link compileFields}; this set stays. */
  with(rule: FieldRule): FieldSet {
    const candidate = candidateOf(rule, this.parts.setting);
    return this.#but(candidate.rule.id, candidate);
  }

  /** The set without a rule. Throws INVALID_RULE if there is none of that id. */
  without(id: string): FieldSet {
    if (!this.parts.rules.has(id)) {
      throw new TidemarkError('INVALID_RULE', `without(): expected the id of a rule of the set, got ${shown(id)}.`);
    }
    return this.#but(id, undefined);
  }

  /** What would be refused if the rule were saved; empty if nothing. */
  check(rule: FieldRule): readonly Problem[] {
    try {
      this.with(rule);
      return [];
    } catch (error) {
      if (!isTidemarkError(error)) throw error;
      return problemsOf(rule, error, this.parts.setting);
    }
  }

  /** What has to be loaded before the fields of an entity, or some of them, are evaluated. */
  needs(type: string, only?: readonly string[]): FieldNeeds {
    return needsOf(type, this.#fields(type, only));
  }

  /** The inputs that fields of a type look at: what looks at `now` is never fresh for long. */
  inputsOf(type: string, only?: readonly string[]): readonly string[] {
    const reads = this.#fields(type, only).flatMap((field) => field.reads.filter(({ of }) => of === 'input'));
    return [...new Set(reads.map(({ path }) => path[0] as string))].sort();
  }

  /**
   * The fields that depend on a field of a type's rows, its own or a computed one, and the ways to it. Without a path: those
   * that depend on anything of such rows, as when one is created or deleted.
   */
  readersOf(type: string, path?: string): readonly FieldReader[] {
    const { computed } = this.#type(type);
    const segments = path?.split('.');
    const at = segments && { path: segments, computed: computed.has(segments[0] as string) };
    return readersOf(this.parts.order, type, at);
  }

  /** The values of an entity's computed fields. Throws FACTS_MISSING for facts that were not loaded; rules that fail are told. */
  evaluate(type: string, facts: EntityFacts, options: EvaluateOptions): FieldValues {
    const { values, failures, by } = evaluateFields(this.#fields(type, options.only), this.#given(facts, options));
    const asked = options.only ?? [...this.#type(type).computed.keys()];
    return {
      values: Object.fromEntries(asked.map((field) => [field, values.get(field)])),
      failures,
      by: Object.fromEntries(asked.map((field) => [field, by.get(field) ?? null])),
    };
  }

  /** How a field came to its value: every rule for it in order, taken or not and why, and the trace of the one taken. */
  explain(type: string, field: string, facts: EntityFacts, options: Omit<EvaluateOptions, 'only'>): FieldExplanation {
    const fields = this.#fields(type, [field]);
    return explainField(fields.at(-1) as Field, fields.slice(0, -1), this.#given(facts, options));
  }

  #given(facts: EntityFacts, { now, inputs }: EvaluateOptions): Parameters<typeof evaluateFields>[1] {
    const { setting } = this.parts;
    return { facts, setting, inputs: inputsOf(setting, { ...inputs, now }) };
  }

  #but(id: string, candidate: Candidate | undefined): FieldSet {
    const { setting, rules: before, fields: all } = this.parts;
    const replaced = before.get(id);
    const rules = new Map(before);
    if (candidate === undefined) rules.delete(id);
    else rules.set(id, candidate);
    const fields = new Map(all);
    for (const one of new Set([replaced, candidate].map((rule) => rule && placeOf(rule)))) {
      const field = one === undefined ? undefined : fields.get(one);
      if (field === undefined) continue;
      const others = field.all.filter(({ rule }) => rule.id !== id);
      const joined = candidate !== undefined && placeOf(candidate) === one ? [...others, candidate] : others;
      fields.set(field.key, fieldOf(field, joined));
    }
    return new FieldSet({ setting, rules, fields, order: inOrder([...fields.values()]) });
  }

  #type(type: string): TypeShape {
    const { types } = this.parts.setting.shape;
    const found = types.get(type);
    if (found !== undefined) return found;
    const known = [...types.keys()].join(', ');
    throw new TidemarkError('UNKNOWN_TYPE', `expected one of ${known}, got ${shown(type)}.`);
  }

  /** In order; with those of the same entity that they read. */
  #fields(type: string, only: readonly string[] | undefined): readonly Field[] {
    const { computed } = this.#type(type);
    const { order, fields } = this.parts;
    if (only === undefined) return order.filter((field) => field.type === type);
    const wanted = new Set(only);
    for (const name of wanted) {
      if (!computed.has(name)) {
        const known = [...computed.keys()].join(', ') || 'none';
        throw new TidemarkError(
          'INVALID_RULE',
          `${type}: expected one of its computed fields, ${known}, got ${shown(name)}.`,
        );
      }
      for (const { of, hops, path } of fields.get(keyOf(type, name))?.reads ?? []) {
        if (of === 'computed' && hops.length === 0) wanted.add(path[0] as string);
      }
    }
    return order.filter((field) => field.type === type && wanted.has(field.name));
  }
}

interface Parts {
  readonly setting: Setting;
  readonly rules: ReadonlyMap<string, Candidate>;
  readonly fields: ReadonlyMap<string, Field>;
  readonly order: readonly Field[];
}

/** Why a rule was refused. What is wrong with the rule itself, rather than with its expression, comes first. */
function problemsOf(rule: FieldRule, { code, message }: TidemarkError, { options }: Setting): readonly Problem[] {
  const inside = code.startsWith('RULE_') ? validate(rule.expression, options) : [];
  return inside.length > 0 ? inside : [{ pointer: '', code, message }];
}

function placeOf({ rule }: Candidate): string {
  return keyOf(rule.entityType, rule.field);
}

/** The inputs by name; null for one that is not given. Throws INVALID_OPTION for one that the set does not have. */
export function inputsOf({ shape }: Setting, given: Inputs): Inputs {
  for (const name of Object.keys(given)) {
    if (!shape.inputs.includes(name)) {
      const known = shape.inputs.join(', ');
      throw new TidemarkError('INVALID_OPTION', `inputs: expected some of ${known}, got ${shown(name)}.`);
    }
  }
  return Object.fromEntries(shape.inputs.map((name) => [name, given[name] ?? null]));
}

/**
 * Compiles the rules of computed fields. Throws INVALID_MODEL for the schema; for the rules INVALID_RULE, UNKNOWN_TYPE, RULE_KIND,
 * RULE_CYCLE with the whole path, and what `compile` throws.
 *
 * @example
 * const rule = { entityType: 'settlement', entityId: null, field: 'income', priority: 0, isActive: true };
 * const schema = { settlement: { computed: { income: 'number' } } } as const;
 * const fields = compileFields([{ ...rule, id: 'tax', expression: { '*': [{ var: 'settlement.level' }, 10] } }], schema);
 * fields.evaluate('settlement', { row: { id: 's1', level: 3 } }, { now: 0 }).values; // { income: 30 }
 */
export function compileFields(rules: readonly FieldRule[], schema: FieldSchema, options: FieldOptions = {}): FieldSet {
  const setting = settingFor(schema, options);
  const byId = new Map<string, Candidate>();
  for (const rule of rules) addTo(byId, candidateOf(rule, setting));
  const fields = fieldsOf([...byId.values()], setting);
  return new FieldSet({ setting, rules: byId, fields, order: inOrder([...fields.values()]) });
}

/** All that is wrong with rules: each by itself, and the circles of those that are right by themselves. */
export interface FieldsCheck {
  readonly problems: readonly (Problem & { readonly rule: string })[];
  readonly cycles: FieldCycles;
}

/** What {@link compileFields} would throw, and what it would throw next, all at once. Throws INVALID_MODEL for the schema only. */
export function checkFields(rules: readonly FieldRule[], schema: FieldSchema, options: FieldOptions = {}): FieldsCheck {
  const setting = settingFor(schema, options);
  const byId = new Map<string, Candidate>();
  const problems = rules.flatMap((rule) => {
    try {
      addTo(byId, candidateOf(rule, setting));
      return [];
    } catch (error) {
      if (!isTidemarkError(error)) throw error;
      return problemsOf(rule, error, setting).map((problem) => ({ ...problem, rule: rule.id }));
    }
  });
  const found = orderOrCycles([...fieldsOf([...byId.values()], setting).values()]);
  return { problems, cycles: 'cycles' in found ? found.cycles : { paths: [], fields: [], more: false } };
}

function settingFor(schema: FieldSchema, options: FieldOptions): Setting {
  return settingOf(shapeOf(schema, ['now', ...(options.inputs ?? [])]), options);
}

function addTo(byId: Map<string, Candidate>, candidate: Candidate): void {
  const { id } = candidate.rule;
  if (byId.has(id)) throw new TidemarkError('INVALID_RULE', `rules: expected ids once each, got ${shown(id)} twice.`);
  byId.set(id, candidate);
}

/** Every computed field of the schema with its rules, by key in the order of the schema. */
function fieldsOf(candidates: readonly Candidate[], { shape }: Setting): Map<string, Field> {
  const byField = new Map<string, Candidate[]>();
  for (const candidate of candidates) {
    const same = byField.get(placeOf(candidate));
    if (same === undefined) byField.set(placeOf(candidate), [candidate]);
    else same.push(candidate);
  }
  const fields = new Map<string, Field>();
  for (const { type, computed } of shape.types.values()) {
    for (const [name, kind] of computed) {
      const key = keyOf(type, name);
      fields.set(key, fieldOf({ type, name, kind }, byField.get(key) ?? []));
    }
  }
  return fields;
}
