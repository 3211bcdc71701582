import type { Reader } from './api.js';
import type { Clock } from './contract.js';
import { TidemarkError } from './errors.js';
import type { Events } from './events.js';
import type { AnyModel, AnyRow, EntityPlan, Id, Topology } from './model.js';
import type { RulesOptions, RuleSource } from './options.js';
import type { EntityFacts } from './rules/fields/facts.js';
import type { FieldNeeds } from './rules/fields/needs.js';
import type { FieldRule } from './rules/fields/rule.js';
import type { EntityShape, FieldSchema } from './rules/fields/schema.js';
import { type FieldSet, compileFields } from './rules/fields/set.js';

/** What the values of an entity's computed fields came to, and how long they hold if nothing changes. */
export interface Computed {
  readonly value: AnyRow | null;
  readonly ttlMs: number | undefined;
}

/** What computing reads through: rows, computed fields of others, and the rules that hold in a scope. */
export interface FieldsReader extends Reader<AnyModel> {
  rules(scope: string): Promise<readonly FieldRule[]>;
}

interface Wanted {
  readonly type: string;
  readonly row: AnyRow;
  /** Fields; default: all. */
  readonly only?: readonly string[] | undefined;
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

  /** The rules of a scope, from their source. */
  async rules(scope: string, reader: Reader<AnyModel>): Promise<readonly FieldRule[]> {
    const { branch, signal } = reader;
    return rulesOf(this.#options.source, { scope, branch, signal });
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
    { type, row, only = Object.keys(this.#planOf(type).computed) }: Wanted,
  ): Promise<AnyRow> {
    const { clock, events } = this.#parts;
    const now = new Date(clock.wallNow()).toISOString();
    const entries = only.map(async (field) => {
      const facts = await this.#factsOf(reader, set.needs(type, [field]), row);
      const { values, failures } = set.evaluate(type, facts, { now, inputs: this.#options.inputs, only: [field] });
      for (const { type: of, id, field: failed, rule, error } of failures) {
        events.emit('error', { error, where: `rule '${rule}' of ${of}.${failed}, ${of} '${id}'` });
      }
      return [field, values[field]] as const;
    });
    return Object.fromEntries(await Promise.all(entries));
  }

  async #setFor(reader: FieldsReader, type: string, row: AnyRow): Promise<FieldSet> {
    const { scopeOf } = this.#options;
    const scope = scopeOf === undefined ? EVERYWHERE : await scopeOf(type, row, reader);
    return this.#setOf(await reader.rules(scope));
  }

  #planOf(type: string): EntityPlan {
    return this.#parts.topology.types.get(type) as EntityPlan;
  }

  #setOf(rules: readonly FieldRule[]): FieldSet {
    let set = this.#sets.get(rules);
    if (set === undefined) {
      const { operators, limits, failing, inputs } = this.#options;
      set = compileFields(rules, this.#schema, { operators, limits, failing, inputs: Object.keys(inputs ?? {}) });
      this.#sets.set(rules, set);
    }
    return set;
  }

  async #factsOf(reader: FieldsReader, needs: FieldNeeds, row: AnyRow): Promise<EntityFacts> {
    const plan = this.#planOf(needs.type);
    const id = row[plan.idField] as Id;
    const hops: Record<string, EntityFacts | readonly EntityFacts[] | null> = {};
    const following = Object.entries(needs.hops).map(async ([name, hop]) => {
      if (hop.many) {
        const rows = (await reader.children(hop.type as never, { [needs.type]: id } as never)) as readonly AnyRow[];
        hops[name] = await Promise.all(rows.map((child) => this.#factsOf(reader, hop, child)));
        return;
      }
      const parentId = plan.parents.find(({ type }) => type === hop.type)?.idsOf(row)?.[0];
      const parent =
        parentId === undefined ? null : ((await reader.get(hop.type as never, parentId as never)) as AnyRow | null);
      hops[name] = parent === null ? null : await this.#factsOf(reader, hop, parent);
    });
    await Promise.all(following);
    return { row, hops, computed: needs.computed.length === 0 ? {} : await this.#neededOf(reader, needs, row) };
  }

  /** By the rules of its own scope. */
  async #neededOf(reader: FieldsReader, { type, computed: only }: FieldNeeds, row: AnyRow): Promise<AnyRow> {
    return this.#valuesOf(reader, await this.#setFor(reader, type, row), { type, row, only });
  }
}

const hasFields = ({ computed }: EntityPlan): boolean => Object.keys(computed).length > 0;

async function rulesOf(
  source: RuleSource,
  where: { readonly scope: string; readonly branch: string; readonly signal: AbortSignal | undefined },
): Promise<readonly FieldRule[]> {
  const rules: unknown = typeof source === 'function' ? await source(where) : source;
  if (Array.isArray(rules)) return rules as readonly FieldRule[];
  throw new TidemarkError('INVALID_RULE', `rules of '${where.scope}': expected an array, got ${typeof rules}.`);
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
