import { existsSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';

const SRC = fileURLToPath(new URL('../../src/', import.meta.url));
const README = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');

// ── The diagram, and where in src/ it is ────────────────────────────────────────────────────────────────────────

/** The files of each node; none for what is outside of the library. */
const NODES: Readonly<Record<string, readonly string[]>> = {
  app: [],
  reads: ['scope.ts', 'cache/loaders.ts'],
  tier1: ['cache/tier.ts'],
  flight: ['cache/flight.ts', 'cache/batch.ts', 'cache/derive.ts', 'cache/read.ts'],
  tier2: ['cache/tier2.ts'],
  origin: ['cache/origin.ts'],
  cascade: ['cache/cascade.ts', 'cache/change.ts'],
  marks: ['cache/marks.ts', 'adapters/memory/marks.ts'],
  bus: ['adapters/memory/bus.ts'],
  subscribers: ['realtime/hub.ts', 'realtime/subscription.ts'],
};

/** A file that imports another, that has these methods, or that makes these calls in this order. */
type Evidence =
  | { readonly in: string; readonly imports: string }
  | { readonly in: string; readonly methods: readonly string[] }
  | { readonly in: string; readonly calls: readonly string[] };

const ARROWS: Readonly<Record<string, readonly Evidence[]>> = {
  'app → reads': [
    { in: 'scope.ts', methods: ['get', 'children', 'view'] },
    { in: 'scope.ts', imports: 'cache/loaders.ts' },
  ],
  'reads → tier1': [
    { in: 'cache/loaders.ts', imports: 'cache/tier.ts' },
    { in: 'cache/loaders.ts', calls: ['this.#core.held', 'this.#core.reads.start'] },
  ],
  'tier1 → flight': [
    { in: 'cache/read.ts', calls: ['this.#usableEntry', 'running?.canJoin', 'this.#launch', 'Flight'] },
  ],
  'flight → tier2': [
    { in: 'cache/batch.ts', calls: ['this.#begin', 'find', 'this.#ask'] },
    { in: 'cache/derive.ts', calls: ['takeMarks', 'find', 'load'] },
    { in: 'cache/look.ts', calls: ['reads.tier2?.open'] },
  ],
  'flight → origin': [
    { in: 'cache/batch.ts', imports: 'cache/origin.ts' },
    { in: 'cache/batch.ts', calls: ['withDeadline'] },
  ],
  'app → cascade': [
    { in: 'tide.ts', methods: ['change'] },
    { in: 'tide.ts', calls: ['this.#parts.changer.change'] },
    { in: 'cache/change.ts', imports: 'cache/cascade.ts' },
  ],
  'cascade → marks': [
    { in: 'cache/change.ts', calls: ['this.plan', 'table.bump'] },
    { in: 'cache/marks.ts', calls: ['marks.bump'] },
  ],
  'marks → tier1': [{ in: 'cache/tier.ts', imports: 'cache/marks.ts' }],
  'marks → bus': [
    { in: 'cache/change.ts', calls: ['table.bump', 'publish'] },
    { in: 'realtime/hub.ts', calls: ['bus.publish'] },
  ],
  'bus → subscribers': [
    { in: 'realtime/topic.ts', calls: ['bus.subscribe', 'listener.arrived'] },
    { in: 'realtime/hub.ts', calls: ['Subscription'] },
  ],
};

// ── Reading both ────────────────────────────────────────────────────────────────────────────────────────────────

interface Diagram {
  readonly nodes: ReadonlySet<string>;
  /** 'from → to', with what is written on the arrow. */
  readonly arrows: ReadonlyMap<string, string>;
}
function diagramOf(text: string): Diagram {
  const nodes = new Set<string>();
  const arrows = new Map<string, string>();
  for (const line of /```mermaid\nflowchart LR\n([\s\S]*?)```/.exec(text)?.[1]?.trim().split('\n') ?? []) {
    const found = /^\s*(\w+)(?:\[[^\]]+\])? (?:-- "?([^"]*?)"? )?--> (\w+)(?:\[[^\]]+\])?$/.exec(line);
    const [, from = '', label = '', to = ''] = found ?? [];
    expect(found, `a line of the diagram that is no arrow: ${line}`).not.toBeNull();
    nodes.add(from).add(to);
    arrows.set(`${from} → ${to}`, label);
  }
  return { nodes, arrows };
}

interface Facts {
  readonly imports: ReadonlySet<string>;
  readonly methods: ReadonlySet<string>;
  /** What is called, in the order of the text. */
  readonly calls: readonly string[];
}
function factsOf(path: string, text: string): Facts {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const [imports, methods, calls] = [new Set<string>(), new Set<string>(), [] as string[]];
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier)) {
      imports.add(posix.join(posix.dirname(path), node.moduleSpecifier.text.replace(/\.js$/, '.ts')));
    }
    if (ts.isMethodDeclaration(node)) methods.add(node.name.getText());
    if (ts.isCallExpression(node) || ts.isNewExpression(node)) calls.push(node.expression.getText());
    ts.forEachChild(node, visit);
  };
  visit(source);
  return { imports, methods, calls };
}
function holds(evidence: Evidence, facts: Facts): boolean {
  if ('imports' in evidence) return facts.imports.has(evidence.imports);
  if ('methods' in evidence) return evidence.methods.every((method) => facts.methods.has(method));
  let from = 0;
  return evidence.calls.every((call) => (from = facts.calls.indexOf(call, from) + 1) > 0);
}
const factsIn = (path: string): Facts => factsOf(path, readFileSync(SRC + path, 'utf8'));

// ── The two against each other ──────────────────────────────────────────────────────────────────────────────────

const diagram = diagramOf(README);

test('the nodes of the diagram are those of the table, and the arrows too', () => {
  expect([...diagram.nodes].sort()).toEqual(Object.keys(NODES).sort());
  expect([...diagram.arrows.keys()].sort()).toEqual(Object.keys(ARROWS).sort());
});

test.each(Object.entries(NODES))('%s is in %j', (_, files) => {
  for (const file of files) expect(existsSync(SRC + file), file).toBe(true);
});

describe.each(Object.entries(ARROWS))('%s', (_, evidence) => {
  test.each(evidence)('holds by %j', (one) => {
    expect(holds(one, factsIn(one.in))).toBe(true);
  });
});

test('the verbs written on the arrows are verbs of the tide and of a scope', () => {
  const verbs = (arrow: string): string[] =>
    /^[\w, ]+?(?=, after|$)/.exec(diagram.arrows.get(arrow) ?? '')?.[0].split(', ') ?? [];
  for (const file of ['tide.ts', 'scope.ts']) {
    const { methods } = factsIn(file);
    expect(verbs('app → reads')).toEqual(['get', 'children', 'view']);
    for (const verb of [...verbs('app → reads'), ...verbs('app → cascade')]) expect(methods).toContain(verb);
  }
});

test('evidence that is not there would be seen', () => {
  const facts = factsOf('cache/a.ts', "import { b } from './b.js'; class A { get() { first(); new Second(); } }");
  expect(holds({ in: '', imports: 'cache/b.ts' }, facts)).toBe(true);
  expect(holds({ in: '', imports: 'b.ts' }, facts)).toBe(false);
  expect(holds({ in: '', methods: ['get'] }, facts)).toBe(true);
  expect(holds({ in: '', methods: ['get', 'set'] }, facts)).toBe(false);
  expect(holds({ in: '', calls: ['first', 'Second'] }, facts)).toBe(true);
  expect(holds({ in: '', calls: ['Second', 'first'] }, facts)).toBe(false);
});
