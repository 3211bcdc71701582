import type { Reader } from './api.js';
import type { Clock } from './contract.js';
import { TidemarkError } from './errors.js';
import type { Events } from './events.js';
import type { AnyModel, AnyRow, EntityPlan, Id, Topology } from './model.js';
import { chainOf } from './cache/branches.js';
import type { RulesOptions, RuleSource } from './options.js';
import { rulesFrom } from './rule-source.js';
import type { FieldExplanation } from './rules/fields/evaluate.js';
import type { EntityFacts } from './rules/fields/facts.js';
import type { FieldNeeds } from './rules/fields/needs.js';
import type { FieldOptions, FieldRule } from './rules/fields/rule.js';
import type { EntityShape, FieldSchema } from './rules/fields/schema.js';
import { type FieldSet, compileFields } from './rules/fields/set.js';

/** What the values of an entity's computed fields came to, and how long they hold if nothing changes. */
export interface Computed {
  readonly value: AnyRow | null;
  readonly ttlMs: number | undefined;
}

/** What computing reads through: rows, computed fields of others, and the rules of a type that hold in a scope. */
export interface FieldsReader extends Reader<AnyModel> {
  rules(type: string, scope: string): Promise<readonly FieldRule[]>;
}

interface Wanted {
  readonly type: string;
  readonly row: AnyRow;
  /** Fields; default: all. */
  readonly only?: readonly string[] | undefined;
  /** What these are needed for. */
  readonly trail?: Trail | undefined;
}

interface FieldOfEntity {
  readonly type: string;
  readonly id: Id;
  readonly field: string;
}

/** A field of one entity that is being computed, and what for. */
interface Trail extends FieldOfEntity {
  readonly before: Trail | undefined;
}

export interface FieldsParts {
  readonly topology: Topology;
  readonly clock: Clock;
  readonly events: Events;
}

/** Where a rule is that names no scope of its own. */
export const EVERYWHERE = 'all';
/** Values that look at the time are looked at again this often. */
const NOW_MS = 1000;

/**
 * The computed fields of a model: what has to be read for them, and what they come to. Whatever it reads, it reads through
 * the reader of one load, so that the value carries its marks.
 */
export class ModelFields {
  readonly #options: RulesOptions;
  readonly #parts: FieldsParts;
  readonly #schema: FieldSchema;
  /** Rules as they were read: the same list is compiled once. */
  readonly #sets = new WeakMap<object, FieldSet>();

  constructor(options: RulesOptions, parts: FieldsParts) {
    this.#options = options;
    this.#parts = parts;
    this.#schema = schemaOf(parts.topology);
  }

  /** Types with computed fields: a rule set is theirs. */
  get types(): readonly string[] {
    return [...this.#parts.topology.types.values()].filter(hasFields).map(({ type }) => type);
  }

  /** Where rules come from. */
  get source(): RuleSource {
    return this.#options.source;
  }

  /** What rules are checked against. */
  get checked(): { readonly schema: FieldSchema; readonly options: FieldOptions } {
    const { operators, limits, failing, inputs } = this.#options;
    return { schema: this.#schema, options: { operators, limits, failing, inputs: Object.keys(inputs ?? {}) } };
  }

  /** The rules of a type in a scope, from their source. */
  async rules(type: string, scope: string, { branch, signal }: Reader<AnyModel>): Promise<readonly FieldRule[]> {
    const chain = chainOf(this.#parts.topology, branch) ?? [branch];
    return rulesFrom(this.#options.source, { type, scope, chain, signal });
  }

  async compute(reader: FieldsReader, type: string, id: Id): Promise<Computed> {
    const row = (await reader.get(type, id as never)) as AnyRow | null;
    if (row === null) return { value: null, ttlMs: undefined };
    const set = await this.#setFor(reader, type, row);
    const value = await this.#valuesOf(reader, set, { type, row });
    for (const one of Object.values(value)) if (one instanceof Error) throw one;
    return { value, ttlMs: set.inputsOf(type).includes('now') ? NOW_MS : undefined };
  }

  /**
   * Field by field, with what each looks at: of others only the fields that it needs, since those may in turn look at other
   * fields of this entity.
   */
  async #valuesOf(
    reader: FieldsReader,
    set: FieldSet,
    { type, row, only = Object.keys(this.#planOf(type).computed), trail: before }: Wanted,
  ): Promise<AnyRow> {
    const { events } = this.#parts;
    const given = this.#given();
    const entries = only.map(async (field) => {
      const trail = extended(before, type, row[this.#planOf(type).idField] as Id, field);
      const facts = await this.#factsOf(reader, set.needs(type, [field]), row, trail);
      const { values, failures } = set.evaluate(type, facts, { ...given, only: [field] });
      for (const { type: of, id, field: failed, rule, error } of failures) {
        events.emit('error', { error, where: `rule '${rule}' of ${of}.${failed}, ${of} '${id}'` });
      }
      return [field, values[field]] as const;
    });
    return Object.fromEntries(await Promise.all(entries));
  }

  /** How a field of an entity came to its value, or would if a rule were saved; null if there is no such entity. */
  async explain(
    reader: FieldsReader,
    { type, id, field, draft }: FieldOfEntity & { readonly draft: FieldRule | undefined },
  ): Promise<FieldExplanation | null> {
    const row = (await reader.get(type, id as never)) as AnyRow | null;
    if (row === null) return null;
    const saved = await this.#setFor(reader, type, row);
    const set = draft === undefined ? saved : saved.with(draft);
    const facts = await this.#factsOf(reader, set.needs(type, [field]), row, extended(undefined, type, id, field));
    return set.explain(type, field, facts, this.#given());
  }

  #given(): { readonly now: string; readonly inputs: RulesOptions['inputs'] } {
    return { now: new Date(this.#parts.clock.wallNow()).toISOString(), inputs: this.#options.inputs };
  }

  async #setFor(reader: FieldsReader, type: string, row: AnyRow): Promise<FieldSet> {
    const { scopeOf } = this.#options;
    const scope = scopeOf === undefined ? EVERYWHERE : await scopeOf(type, row, reader);
    return this.#setOf(await reader.rules(type, scope));
  }

  #planOf(type: string): EntityPlan {
    return this.#parts.topology.types.get(type) as EntityPlan;
  }

  #setOf(rules: readonly FieldRule[]): FieldSet {
    let set = this.#sets.get(rules);
    if (set === undefined) {
      const { schema, options } = this.checked;
      set = compileFields(rules, schema, options);
      this.#sets.set(rules, set);
    }
    return set;
  }

  async #factsOf(reader: FieldsReader, needs: FieldNeeds, row: AnyRow, trail: Trail): Promise<EntityFacts> {
    const plan = this.#planOf(needs.type);
    const id = row[plan.idField] as Id;
    const hops: Record<string, EntityFacts | readonly EntityFacts[] | null> = {};
    const following = Object.entries(needs.hops).map(async ([name, hop]) => {
      if (hop.many) {
        const rows = (await reader.children(hop.type as never, { [needs.type]: id } as never)) as readonly AnyRow[];
        hops[name] = await Promise.all(rows.map((child) => this.#factsOf(reader, hop, child, trail)));
        return;
      }
      const parentId = plan.parents.find(({ type }) => type === hop.type)?.idsOf(row)?.[0];
      const parent =
        parentId === undefined ? null : ((await reader.get(hop.type as never, parentId as never)) as AnyRow | null);
      hops[name] = parent === null ? null : await this.#factsOf(reader, hop, parent, trail);
    });
    await Promise.all(following);
    return { row, hops, computed: needs.computed.length === 0 ? {} : await this.#neededOf(reader, needs, row, trail) };
  }

  /** By the rules of its own scope. */
  async #neededOf(
    reader: FieldsReader,
    { type, computed: only }: FieldNeeds,
    row: AnyRow,
    trail: Trail,
  ): Promise<AnyRow> {
    return this.#valuesOf(reader, await this.#setFor(reader, type, row), { type, row, only, trail });
  }
}

const hasFields = ({ computed }: EntityPlan): boolean => Object.keys(computed).length > 0;

/**
 * Throws RULE_CYCLE with the whole way if the field is being computed already: rules of several types or scopes are brought
 * together only here.
 */
function extended(before: Trail | undefined, type: string, id: Id, field: string): Trail {
  const trail = { type, id, field, before };
  for (let at = before; at !== undefined; at = at.before) {
    if (at.field !== field || at.id !== id || at.type !== type) continue;
    throw new TidemarkError('RULE_CYCLE', `rules: fields read each other in a circle: ${wayFrom(at, trail)}.`);
  }
  return trail;
}

function wayFrom(first: Trail, last: Trail): string {
  const steps: string[] = [];
  for (let at: Trail | undefined = last; at !== undefined; at = at === first ? undefined : at.before)
    steps.unshift(`${at.type}.${at.field} of '${String(at.id)}'`);
  return steps.join(' → ');
}

/** Parents by the name of their type, child lists by their plural. */
export function schemaOf({ types }: Topology): FieldSchema {
  return Object.fromEntries([...types.values()].map((plan) => [plan.type, shapeOf(plan, types)]));
}

function shapeOf({ type, idField, parents, children, computed }: EntityPlan, types: Topology['types']): EntityShape {
  const link = (parent: EntityPlan['parents'][number]) => ({
    type: parent.type,
    id: (row: object) => parent.idsOf(row as AnyRow),
  });
  return {
    id: idField,
    computed,
    parents: Object.fromEntries(parents.map((parent) => [parent.type, link(parent)])),
    children: Object.fromEntries(
      children.map((child) => [(types.get(child) as EntityPlan).plural, { type: child, by: type }]),
    ),
  };
}
