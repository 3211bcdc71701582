import { type Flow, type FlowScope, type Inference, type Node, type Type } from './node.js';
import { below, covers, itemsBelow } from './path.js';
import { MOST_PROBLEMS, type Problem, type Site, pointerOf, shown } from './site.js';
import { numberOf } from './values.js';

export interface Inferred {
  /** Dotted paths, sorted; `*` stands for all items or fields of what comes before it, or of the whole context. */
  readonly reads: readonly string[];
  /** Against the declared types, if there are any. */
  readonly problems: readonly Problem[];
  readonly type: Type;
}

/**
 * Beyond these, what may be read is read: a rule of loops in loops could name more paths than there is memory. A value that is
 * read whole needs no paths below it.
 */
const MOST_PATHS = 16;
const LONGEST_PATH = 256;

const UNKNOWN: Flow = { type: 'any', paths: [] };
const INDEX: Flow = { type: { index: 'number' }, paths: [] };

/** What a rule reads of its context, found without running it. Errs on the side of more. */
export function infer(node: Node, types: Type | undefined): Inferred {
  const inferring = new Inferring(types !== undefined);
  const context = { type: types ?? 'any', paths: [''] };
  const { type } = inferring.use(node, { item: context, up: undefined });
  return { reads: inferring.finish(), problems: inferring.problems, type };
}

class Inferring implements Inference {
  readonly problems: Problem[] = [];
  readonly #reads = new Set<string>();
  /** Items of lists that loops went over. */
  readonly #looped = new Set<string>();
  readonly #typed: boolean;

  constructor(typed: boolean) {
    this.#typed = typed;
  }

  finish(): readonly string[] {
    // A loop that looks into its items reads them there; another still reads how many there are.
    for (const items of this.#looped) {
      let looked = false;
      for (const read of this.#reads) looked ||= covers(items, read) || covers(read, items);
      if (!looked) this.#reads.add(items);
    }
    return Object.freeze([...this.#reads].sort());
  }

  flowOf(node: Node, scope: FlowScope): Flow {
    switch (node.kind) {
      case 'constant':
        return constantFlow(node.value);
      case 'list': {
        const items = this.unite(node.items.map((item) => this.flowOf(item, scope)));
        return { type: [items.type], paths: [], items };
      }
      case 'read': {
        const found = this.descend(this.above(scope, node.up), node.path, node.site);
        return node.orElse === undefined ? found : this.unite([found, this.flowOf(node.orElse, scope)]);
      }
      case 'call': {
        const { operator } = node;
        if (operator.infer !== undefined) return operator.infer(node, scope, this);
        const takes = operator.by === 'values' ? operator.takes : 'any';
        for (const arg of node.args) this.use(arg, scope, node.spread ? 'any' : takes);
        return { type: operator.gives, paths: [] };
      }
    }
  }

  use(node: Node, scope: FlowScope, expected: Type = 'any'): Flow {
    const flow = this.flowOf(node, scope);
    this.useFlow(flow);
    const isNumber = node.kind === 'constant' && expected === 'number' && !Number.isNaN(numberOf(node.value));
    if (!isNumber) this.expect(flow, expected, node);
    return flow;
  }

  useFlow(flow: Flow): void {
    for (const path of flow.paths) this.#reads.add(path === '' ? '*' : path);
    if (flow.items !== undefined) this.useFlow(flow.items);
    if (flow.fields !== undefined) for (const field of Object.values(flow.fields)) this.useFlow(field);
  }

  loop(source: Flow): Flow {
    const paths = source.paths.map(itemsBelow);
    for (const path of paths) this.#looped.add(path);
    const type = isList(source.type) ? source.type[0] : 'any';
    const below: Flow = { type, paths };
    return source.items === undefined ? below : this.unite([below, source.items]);
  }

  unite(flows: readonly Flow[]): Flow {
    const [first] = flows;
    if (first === undefined) return UNKNOWN;
    if (flows.length === 1) return first;
    // What has named fields can only be followed on its own.
    for (const flow of flows) if (flow.fields !== undefined) this.useFlow(flow);
    const items = flows.map((flow) => flow.items).filter((one) => one !== undefined);
    const type = flows.every((flow) => flow.type === first.type) ? first.type : 'any';
    let paths = [...new Set(flows.flatMap((flow) => flow.paths))];
    if (paths.length > MOST_PATHS) {
      this.useFlow({ type, paths });
      paths = [];
    }
    return items.length === 0 ? { type, paths } : { type, paths, items: this.unite(items) };
  }

  above(scope: FlowScope, up: number): Flow {
    let at: FlowScope | undefined = scope;
    for (let level = up; level > 1 && at !== undefined; level -= 2) at = at.up;
    if (up % 2 === 1) return at?.up === undefined ? UNKNOWN : INDEX;
    return at?.item ?? UNKNOWN;
  }

  descend(flow: Flow, path: readonly string[], site: Site | undefined): Flow {
    let at = flow;
    for (const [i, key] of path.entries()) {
      if (at.fields !== undefined) {
        at = Object.hasOwn(at.fields, key) ? (at.fields[key] as Flow) : UNKNOWN;
        continue;
      }
      const paths = this.#below(at.paths, key);
      const items = at.items === undefined || key === 'length' ? [] : [at.items];
      if (key === 'length' && at.items !== undefined) this.loop(at);
      at = this.unite([{ type: this.#fieldOf(at.type, path, i, site), paths }, ...items]);
    }
    return at;
  }

  #below(paths: readonly string[], key: string): readonly string[] {
    const known = paths.filter((path) => path.length + key.length <= LONGEST_PATH);
    if (known.length < paths.length) this.reads(paths.filter((path) => !known.includes(path)));
    return known.map((path) => below(path, key));
  }

  reads(paths: readonly string[]): void {
    for (const path of paths) this.#reads.add(path === '' ? '*' : path);
  }

  // ── Types ───────────────────────────────────────────────────────────────────────────────────────────────────

  expect(flow: Flow, expected: Type, { site }: { readonly site: Site | undefined }): void {
    if (!this.#typed || fits(flow.type, expected)) return;
    this.#report(site, `expected ${typeSaid(expected)}, got ${typeSaid(flow.type)}.`);
  }

  comparable(flows: readonly Flow[], { site, name, args }: Parameters<Inference['comparable']>[1]): void {
    if (!this.#typed) return;
    const kinds = flows.map(({ type }, i) => comparedAs(type, args[i] as Node));
    const listed = flows.find(({ type }) => typeof type === 'object' || type === 'date');
    const [text, number] = [kinds.includes('text'), kinds.includes('number')];
    if (listed === undefined && !(text && number)) return;
    const got = listed === undefined ? 'a string and a number' : typeSaid(listed.type);
    this.#report(site, `'${name}' expected numbers, or strings, to compare, got ${got}.`);
  }

  #fieldOf(type: Type, path: readonly string[], at: number, site: Site | undefined): Type {
    const key = path[at] as string;
    if (type === 'any') return 'any';
    if (isList(type)) return key === 'length' ? 'number' : type[0];
    if (typeof type === 'object' && Object.hasOwn(type, key)) return type[key] as Type;
    if (this.#typed && !(type === 'string' && key === 'length')) {
      const above = path.slice(0, at).join('.');
      const known = typeof type === 'object' ? `; it has ${Object.keys(type).join(', ') || 'no fields'}` : '';
      this.#report(
        site,
        `there is no ${shown(key)} in ${above === '' ? typeSaid(type) : `'${above}', ${typeSaid(type)}`}${known}.`,
      );
    }
    return 'any';
  }

  #report(site: Site | undefined, said: string): void {
    if (this.problems.length >= MOST_PROBLEMS) return;
    const pointer = pointerOf(site);
    this.problems.push({ pointer, code: 'RULE_TYPE', message: `rule ${pointer || '(whole)'}: ${said}` });
  }
}

function constantFlow(value: unknown): Flow {
  const type = typeof value;
  if (type === 'number' || type === 'string' || type === 'boolean') return { type, paths: [] };
  return Array.isArray(value) ? { type: ['any'], paths: [] } : UNKNOWN;
}

function isList(type: Type): type is readonly [Type] {
  return Array.isArray(type);
}

/** Whether a value of a type can be used where another is expected. Null and booleans are numbers in JSONLogic. */
function fits(type: Type, expected: Type): boolean {
  if (type === 'any' || expected === 'any' || type === expected) return true;
  if (expected === 'number') return type === 'boolean';
  return isList(expected) ? isList(type) : typeof expected === 'object' && typeof type === 'object' && !isList(type);
}

function comparedAs(type: Type, node: Node): 'text' | 'number' | undefined {
  if (type === 'number' || type === 'boolean') return 'number';
  if (type !== 'string') return undefined;
  return node.kind === 'constant' && !Number.isNaN(numberOf(node.value)) ? undefined : 'text';
}

function typeSaid(type: Type): string {
  if (isList(type)) return 'a list';
  return typeof type === 'object' ? 'an object' : `a ${type}`;
}
