import type { Freshness, Receipt } from './call.js';
import { branchOf, chainOf } from './cache/branches.js';
import type { AnyChange } from './cache/change.js';
import { BoundReader, type Core } from './cache/core.js';
import { demandOf } from './cache/demand.js';
import { TidemarkError } from './errors.js';
import { EVERYWHERE, type FieldsReader, type ModelFields } from './fields.js';
import type { Id, Topology } from './model.js';
import { type InheritedRule, inheritedRules, isTable, rulesFrom } from './rule-source.js';
import type { FieldExplanation } from './rules/fields/evaluate.js';
import { type AffectedField, affectedBy } from './rules/fields/affected.js';
import type { FieldRule } from './rules/fields/rule.js';
import { checkFields, compileFields } from './rules/fields/set.js';
import type { RulePlace, RuleTable, SavedRule } from './rules/rule-table.js';
import { shown } from './rules/site.js';
import type { FieldInOrder, RuleProblem } from './rules-verbs.js';
import type { AnySubjects } from './subjects.js';
import { idText } from './subject.js';

/** Whose rules, and in which branch, types erased. */
export interface RulesCall {
  readonly scope?: string | undefined;
  readonly branch?: string | undefined;
  readonly by?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface RuleBookParts {
  readonly topology: Topology;
  readonly core: Core;
  readonly fields: ModelFields;
  readonly subjects: AnySubjects;
  readonly change: (change: AnyChange) => Promise<Receipt>;
  /** Throws CLOSED. */
  readonly assertOpen: () => void;
}

interface Place extends RulePlace {
  readonly chain: readonly string[];
  readonly signal: AbortSignal | undefined;
}

/** `tide.rules`, types erased: rules as their authors see them. Reads them past every cache. */
export class RuleBook {
  readonly #parts: RuleBookParts;

  constructor(parts: RuleBookParts) {
    this.#parts = parts;
  }

  /** All that hold in a place, of every type. */
  async list(call?: RulesCall): Promise<readonly FieldRule[]> {
    return this.#rulesIn(this.#place(call));
  }

  async graph(call?: RulesCall): Promise<readonly FieldInOrder[]> {
    const { schema, options } = this.#parts.fields.checked;
    const { order } = compileFields(await this.list(call), schema, options).parts;
    return order.map(({ key, kind, all, reads }) => ({
      ...{ field: key, kind, rules: all.map(({ rule }) => rule.id) },
      reads: reads.map(({ text, type, of, path }) => ({
        ...{ text, type, of },
        field: of === 'computed' ? `${type}.${String(path[0])}` : null,
      })),
    }));
  }

  async check(rules: FieldRule | readonly FieldRule[], call?: RulesCall): Promise<readonly RuleProblem[]> {
    const given = Array.isArray(rules) ? (rules as readonly FieldRule[]) : [rules as FieldRule];
    return this.#problems(given, await this.list(call));
  }

  async affected(rule: FieldRule, call?: RulesCall): Promise<readonly AffectedField[]> {
    const known = await this.list(call);
    this.#refuse(this.#problems([rule], known));
    const { schema, options } = this.#parts.fields.checked;
    return affectedBy(compileFields(replacedBy(known, [rule]), schema, options), rule);
  }

  async explain(
    type: string,
    id: Id,
    field: string,
    call: RulesCall & Freshness & { readonly draft?: FieldRule | undefined } = {},
  ): Promise<FieldExplanation | null> {
    const { core, fields } = this.#parts;
    const { branch } = this.#place(call);
    const demand = demandOf(call, core.demand);
    const reader = new BoundReader(core, { branch, demand, into: null }, { signal: call.signal });
    return fields.explain(reader as FieldsReader, { type, id, field, draft: call.draft });
  }

  /**
   * Stored, looked at once more beside whatever was stored meanwhile, then announced. Of two rules that close a circle only
   * together, at least one is taken back.
   */
  async save(rule: FieldRule, call?: RulesCall): Promise<{ readonly rule: SavedRule; readonly receipt: Receipt }> {
    const place = this.#place(call);
    const table = this.#table();
    const known = await inheritedRules(table, place);
    this.#refuse(this.#problems([rule], rulesOf(known)));
    const before = known.get(rule.id);
    expectVersion(rule, before?.rule, rule.version ?? null);
    if (before !== undefined && before.rule.entityType !== rule.entityType) {
      const { entityType } = before.rule;
      throw new TidemarkError(
        'INVALID_RULE',
        `rule ${shown(rule.id)}: expected one of '${entityType}', which has this id, got one of '${rule.entityType}'; remove it first.`,
      );
    }
    const saved: SavedRule = Object.freeze({ ...rule, version: (before?.rule.version ?? 0) + 1 });
    const own = before?.branch === place.branch ? before.rule : null;
    await this.#replace(table, own, saved, place);
    const looking = this.#takeBack(table, own, saved, place);
    // Whatever comes of that: the rule has been there, and somebody may have read it.
    await looking.catch(() => undefined);
    const receipt = await this.#announce(rule.entityType, place, call?.by);
    this.#refuse(await looking);
    return { rule: saved, receipt };
  }

  /** What is wrong with a rule beside those that were stored meanwhile: then it is not there any more. */
  async #takeBack(
    table: RuleTable,
    before: SavedRule | null,
    saved: SavedRule,
    place: Place,
  ): Promise<readonly RuleProblem[]> {
    const problems = this.#problems([saved], rulesOf(await inheritedRules(table, place)));
    if (problems.length > 0) await table.replace(saved.id, { expected: saved.version, rule: before }, place);
    return problems;
  }

  async remove(
    id: string,
    { version, ...call }: RulesCall & { readonly version?: number | undefined } = {},
  ): Promise<{ readonly receipt: Receipt }> {
    const place = this.#place(call);
    const table = this.#table();
    const found = (await inheritedRules(table, place)).get(id);
    if (found?.branch !== place.branch) {
      const where =
        found === undefined ? '' : `, which inherits it from '${found.branch}': save it with isActive: false`;
      throw new TidemarkError(
        'INVALID_RULE',
        `remove: expected the id of a rule of '${place.scope}' in '${place.branch}', got ${shown(id)}${where}.`,
      );
    }
    const { rule } = found;
    if (version !== undefined) expectVersion(rule, rule, version);
    await this.#replace(table, rule, null, place);
    return { receipt: await this.#announce(rule.entityType, place, call.by) };
  }

  // ── Rules ─────────────────────────────────────────────────────────────────────────────────────────────────────

  async #rulesIn(place: Place): Promise<readonly FieldRule[]> {
    const { fields } = this.#parts;
    if (isTable(fields.source)) return rulesOf(await inheritedRules(fields.source, place));
    const lists = fields.types.map((type) => rulesFrom(fields.source, { ...place, type }));
    return (await Promise.all(lists)).flat();
  }

  /** What is wrong with these rules among others: each by itself, then circles that go through a field of theirs. */
  #problems(given: readonly FieldRule[], known: readonly FieldRule[]): readonly RuleProblem[] {
    const strange = given.find((rule: unknown) => typeof rule !== 'object' || rule === null);
    if (strange !== undefined) {
      return [
        { rule: '', pointer: '', code: 'INVALID_RULE', message: `rule: expected an object, got ${shown(strange)}.` },
      ];
    }
    const { schema, options } = this.#parts.fields.checked;
    const ids = new Set(given.map(({ id }) => id));
    const { problems, cycles } = checkFields(replacedBy(known, given), schema, options);
    const own = problems.filter(({ rule }) => ids.has(rule));
    const circles = given.flatMap(({ id, entityType, field }): readonly RuleProblem[] => {
      const through = cycles.fields.find((circle) => circle.includes(`${entityType}.${field}`));
      if (through === undefined) return [];
      const path = cycles.paths[cycles.fields.indexOf(through)]?.join(' → ') ?? '';
      const message = `rules: fields read each other in a circle: ${path}.`;
      return [{ rule: id, pointer: '', code: 'RULE_CYCLE', message }];
    });
    return [...own, ...circles];
  }

  #refuse([problem]: readonly RuleProblem[]): void {
    if (problem !== undefined) throw new TidemarkError(problem.code, problem.message);
  }

  // ── The table ─────────────────────────────────────────────────────────────────────────────────────────────────

  #place({ scope = EVERYWHERE, branch, signal }: RulesCall = {}): Place {
    const { topology, assertOpen } = this.#parts;
    assertOpen();
    const name = branchOf(topology, branch);
    return { scope: idText(scope, 'scope of rules'), branch: name, chain: chainOf(topology, name) ?? [name], signal };
  }

  #table(): RuleTable {
    const { source } = this.#parts.fields;
    if (isTable(source)) return source;
    const got = typeof source === 'function' ? 'a function' : 'a list';
    throw new TidemarkError(
      'INVALID_OPTION',
      `rules.source: expected a table to save rules in, such as ruleTable(), got ${got}; announce a change of it by tide.change({ subjects: [tide.subject.rules(…)] }).`,
    );
  }

  async #replace(table: RuleTable, before: SavedRule | null, rule: SavedRule | null, place: Place): Promise<void> {
    const id = (rule ?? before)?.id as string;
    const expected = before?.version ?? null;
    if (!(await table.replace(id, { expected, rule }, place))) throw conflict(id, expected, 'another one');
  }

  #announce(type: string, { scope, branch }: Place, by: string | undefined): Promise<Receipt> {
    const { subjects, change } = this.#parts;
    return change({ subjects: [subjects.rules(type, scope, { branch })], by });
  }
}

const rulesOf = (rules: ReadonlyMap<string, InheritedRule>): readonly SavedRule[] =>
  [...rules.values()].map(({ rule }) => rule);

function replacedBy(known: readonly FieldRule[], given: readonly FieldRule[]): readonly FieldRule[] {
  const ids = new Set(given.map(({ id }) => id));
  return [...known.filter(({ id }) => !ids.has(id)), ...given];
}

/** Throws RULE_CONFLICT unless the rule that is there is the one that its author saw; null: none. */
function expectVersion({ id }: FieldRule, there: SavedRule | undefined, seen: number | null): void {
  const version = there?.version ?? null;
  if (version !== seen) throw conflict(id, seen, version === null ? 'none' : `version ${String(version)}`);
}

function conflict(id: string, expected: number | null, got: string): TidemarkError {
  const version = expected === null ? 'none of that id' : `version ${String(expected)}`;
  return new TidemarkError(
    'RULE_CONFLICT',
    `rule ${shown(id)}: expected ${version} to be there, got ${got}; read it and try again.`,
  );
}
