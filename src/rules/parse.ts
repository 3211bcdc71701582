import { TidemarkError, type TidemarkErrorCode, isTidemarkError } from '../errors.js';
import type { Limits } from './limits.js';
import type { Call, Node, Operator, Operators } from './node.js';
import { MOST_PROBLEMS, type Problem, type Site, pointerOf, shown } from './site.js';

export interface Parsed {
  /** Undefined if there are problems. */
  readonly node: Node | undefined;
  readonly problems: readonly Problem[];
}

/** Reads a rule as JSON, once: what is kept is copied and frozen, so the rule may change afterwards. */
export function parse(rule: unknown, operators: Operators, limits: Limits): Parsed {
  const parsing = new Parsing(operators, limits);
  try {
    const node = parsing.node(rule, undefined, 1);
    return parsing.problems.length === 0 ? { node, problems: [] } : { node: undefined, problems: parsing.problems };
  } catch (error) {
    if (!isTidemarkError(error) || error.code !== 'RULE_TOO_LARGE') throw error;
    return { node: undefined, problems: parsing.problems };
  }
}

/** Of a literal: keys are in every pointer below them. */
const LONGEST_KEY = 1_000;

/** Takes its argument as it is written. */
export const PRESERVE = 'preserve';

class Parsing {
  readonly problems: Problem[] = [];
  readonly #operators: Operators;
  readonly #limits: Limits;
  #nodes = 0;

  constructor(operators: Operators, limits: Limits) {
    this.#operators = operators;
    this.#limits = limits;
  }

  node(json: unknown, site: Site | undefined, depth: number): Node {
    this.#count(site, depth);
    if (typeof json !== 'object' || json === null) return { kind: 'constant', site, value: this.#plain(json, site) };
    if (Array.isArray(json)) return this.#list(json, site, depth);
    const keys = this.#keysOf(json, site);
    const [name] = keys;
    if (name === undefined) return { kind: 'constant', site, value: Object.freeze({}) };
    if (keys.length > 1) {
      return this.#wrong(
        'RULE_SYNTAX',
        site,
        `expected one operator, got ${String(keys.length)}: ${keys.slice(0, 3).map(shown).join(', ')}.`,
      );
    }
    const given = (json as Readonly<Record<string, unknown>>)[name];
    const inside = { up: site, key: name };
    if (name === PRESERVE) return { kind: 'constant', site, value: this.#literal(given, inside, depth + 1) };
    const operator = this.#operators.get(name);
    if (operator === undefined) return this.#wrong('RULE_OPERATOR', site, `there is no operator ${shown(name)}.`);
    return this.#call(operator, given, site, depth);
  }

  #list(items: readonly unknown[], site: Site | undefined, depth: number): Node {
    const nodes = this.#each(items, site, depth);
    if (!nodes.every((node) => node.kind === 'constant')) return { kind: 'list', site, items: nodes };
    return { kind: 'constant', site, value: Object.freeze(nodes.map(({ value }) => value)) };
  }

  /** By index: a hole in an array is no JSON, and is seen. */
  #each(items: readonly unknown[], site: Site | undefined, depth: number): Node[] {
    const nodes: Node[] = [];
    for (let i = 0; i < items.length; i++) nodes.push(this.node(items[i], { up: site, key: i }, depth + 1));
    return nodes;
  }

  #call(operator: Operator, given: unknown, site: Site | undefined, depth: number): Node {
    const { name, min, max } = operator;
    const inside = { up: site, key: name };
    const written = Array.isArray(given);
    let args = written ? this.#each(given, inside, depth) : [this.node(given, inside, depth + 1)];
    if (!written && operator.by === 'runs' && operator.listed) {
      return this.#wrong('RULE_ARGUMENTS', site, `'${name}' takes a list of arguments, got ${shown(given)}.`);
    }
    let spread = !written && operator.by === 'values' && operator.single !== true;
    const [only] = args;
    if (spread && only?.kind === 'constant') {
      spread = false;
      if (Array.isArray(only.value))
        args = only.value.map((value: unknown) => ({ kind: 'constant', site: only.site, value }));
    }
    if (!spread && (args.length < min || args.length > max)) {
      return this.#wrong('RULE_ARGUMENTS', site, `'${name}' ${countSaid(min, max, args.length)}`);
    }
    return this.#refused({ kind: 'call', name, site, operator, args, spread });
  }

  /** The call, or what is plainer, unless it can never work. */
  #refused(call: Call): Node {
    const { operator, name, site } = call;
    const said = operator.refuses?.(call);
    if (said !== undefined) return this.#wrong('RULE_ARGUMENTS', site, `'${name}' ${said}`);
    if (operator.lower === undefined || call.spread) return call;
    try {
      return operator.lower(call.args, call) ?? call;
    } catch (error) {
      if (!isTidemarkError(error)) throw error;
      this.problems.push({ pointer: pointerOf(site), code: error.code, message: error.message });
      return call;
    }
  }

  #literal(json: unknown, site: Site, depth: number): unknown {
    this.#count(site, depth);
    if (typeof json !== 'object' || json === null) return this.#plain(json, site);
    if (Array.isArray(json)) {
      const items: unknown[] = [];
      for (let i = 0; i < json.length; i++) items.push(this.#literal(json[i], { up: site, key: i }, depth + 1));
      return Object.freeze(items);
    }
    const entries = this.#keysOf(json, site).map((key) => {
      if (key.length > LONGEST_KEY)
        this.#tooLarge(site, `keys of at most ${String(LONGEST_KEY)} characters`, key.length);
      const value = (json as Readonly<Record<string, unknown>>)[key];
      return [key, this.#literal(value, { up: site, key }, depth + 1)] as const;
    });
    // Not by assignment: '__proto__' is a key like any other.
    return Object.freeze(Object.fromEntries(entries));
  }

  #plain(json: unknown, site: Site | undefined): unknown {
    if (typeof json === 'string') {
      const { stringLength } = this.#limits;
      if (json.length > stringLength)
        this.#tooLarge(site, `texts of at most ${String(stringLength)} characters`, json.length);
      return json;
    }
    if (json === null || typeof json === 'boolean') return json;
    if (typeof json === 'number' && json - json === 0) return json;
    this.#wrong('RULE_SYNTAX', site, `expected JSON, got ${shown(json)}.`);
    return null;
  }

  #keysOf(json: object, site: Site | undefined): readonly string[] {
    const prototype: unknown = Object.getPrototypeOf(json);
    // An object of another realm has another Object.prototype.
    if (prototype === null || Object.getPrototypeOf(prototype) === null) return Object.keys(json);
    this.#wrong(
      'RULE_SYNTAX',
      site,
      `expected JSON, got ${json instanceof Date ? 'a date' : 'an instance of a class'}.`,
    );
    return [];
  }

  #count(site: Site | undefined, depth: number): void {
    const { nodes, depth: deepest } = this.#limits;
    if (++this.#nodes > nodes) this.#tooLarge(site, `at most ${String(nodes)} nodes`, this.#nodes);
    if (depth > deepest) this.#tooLarge(site, `at most ${String(deepest)} levels`, depth);
  }

  #tooLarge(site: Site | undefined, expected: string, got: number): never {
    this.#wrong('RULE_TOO_LARGE', site, `expected ${expected}, got ${String(got)} or more.`);
    // A rule that is too large is not read to its end.
    throw new TidemarkError('RULE_TOO_LARGE', 'The rule is too large.');
  }

  #wrong(code: TidemarkErrorCode, site: Site | undefined, said: string): Node {
    const pointer = pointerOf(site);
    this.problems.push({ pointer, code, message: `rule ${pointer || '(whole)'}: ${said}` });
    if (this.problems.length >= MOST_PROBLEMS)
      throw new TidemarkError('RULE_TOO_LARGE', 'Too much is wrong with the rule.');
    // Stands for anything, so that one fault is not reported twice.
    return { kind: 'read', name: 'var', site, up: 0, path: [], orElse: undefined };
  }
}

export function countSaid(min: number, max: number, got: number): string {
  const takes =
    min === max ? String(min) : max === Infinity ? `at least ${String(min)}` : `${String(min)} to ${String(max)}`;
  return `takes ${takes} argument${min === 1 && max === 1 ? '' : 's'}, got ${String(got)}.`;
}
