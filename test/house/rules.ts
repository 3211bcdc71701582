import { builtinModules } from 'node:module';
import { posix } from 'node:path';
import ts from 'typescript';

// ── The rules of the house, as data ─────────────────────────────────────────────────────────────────────────────

/** A file may import files of its own layer and of the layers before it. */
const LAYERS = [
  'errors',
  'contract',
  'ground',
  'subject',
  'model',
  'api',
  'pure',
  'effects',
  'tidemark',
  'index',
  'hosts',
  'cli',
] as const;

/** Where a path of src/ belongs: the longest prefix wins. Names are without extension. */
const LAYER_OF: Readonly<Record<string, (typeof LAYERS)[number]>> = {
  errors: 'errors',
  contract: 'contract',
  aborts: 'ground',
  clock: 'ground',
  events: 'ground',
  glob: 'ground',
  names: 'ground',
  metrics: 'ground',
  report: 'ground',
  version: 'ground',
  traces: 'ground',
  subject: 'subject',
  model: 'model',
  frame: 'model',
  fingerprint: 'model',
  namespace: 'model',
  watching: 'model',
  call: 'api',
  'realtime-verbs': 'api',
  'rules-verbs': 'api',
  'spatial-verbs': 'api',
  inspection: 'api',
  api: 'api',
  config: 'pure',
  fields: 'tidemark',
  live: 'tidemark',
  inspecting: 'tidemark',
  metering: 'tidemark',
  options: 'tidemark',
  reports: 'tidemark',
  'rule-source': 'tidemark',
  'rule-book': 'tidemark',
  scope: 'tidemark',
  subjects: 'tidemark',
  tide: 'tidemark',
  tidemark: 'tidemark',
  view: 'tidemark',
  index: 'index',

  cache: 'effects',
  'cache/keys': 'pure',
  'cache/bytes': 'pure',
  'cache/entry': 'pure',
  'cache/cascade': 'pure',
  'cache/globs': 'pure',
  'cache/branches': 'pure',
  'cache/codec': 'pure',
  'cache/freeze': 'pure',
  'cache/outline': 'pure',
  'cache/params': 'pure',
  'cache/rows': 'pure',
  'cache/index': 'index',

  // A language of its own: of all the rest it knows the errors.
  rules: 'ground',
  'rules/index': 'index',

  spatial: 'effects',
  'spatial/area': 'pure',
  'spatial/ask': 'pure',
  'spatial/cells': 'pure',
  'spatial/distance': 'pure',
  'spatial/geometry': 'pure',
  'spatial/rbush-knn.d': 'pure',
  'spatial/region': 'pure',
  'spatial/relate': 'pure',
  'spatial/shape': 'pure',
  'spatial/validity': 'pure',
  'spatial/index': 'index',

  realtime: 'effects',
  'realtime/ring': 'pure',
  'realtime/authorize': 'pure',
  'realtime/frames': 'model',
  'realtime/plain': 'pure',
  'realtime/report-frames': 'pure',
  'realtime/report-merge': 'pure',
  'realtime/rooms': 'pure',
  'realtime/overflow': 'pure',
  'realtime/client-frames': 'pure',
  'realtime/index': 'index',

  adapters: 'effects',
  testing: 'effects',
  hosts: 'hosts',
  // For browsers: of all the rest it knows the types of what is said on a link.
  client: 'hosts',
  cli: 'cli',
};

/** Only tidemark.ts introduces these to each other. */
const STRANGERS = ['cache', 'rules', 'spatial', 'realtime'];

/** Folders that may import, besides themselves, only these. An adapter (a file or folder of adapters/) is one such folder. */
const ONLY: Readonly<Record<string, readonly string[]>> = {
  adapters: ['clock', 'contract', 'errors', 'glob', 'names', 'subject'],
  testing: ['contract', 'errors', 'subject'],
  client: ['realtime', 'watching'],
};

/** Who may import an adapter, and which. */
const ADAPTER_IMPORTS: Readonly<Record<string, string>> = {
  tidemark: 'memory',
  index: 'memory',
  'cli/migrate': 'postgres',
  'cli/doctor/postgres-facts': 'postgres',
  'cli/doctor/tables': 'postgres',
  // In the place of a class that takes the clients of Redis.
  'hosts/graphql/redis-pub-sub': 'redis',
};

/** npm packages: adapters may name the types of their client; nothing else comes from outside the list. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  '': ['dataloader', 'lru-cache', 'mitt'],
  spatial: ['geographiclib-geodesic', 'point-in-polygon-hao', 'rbush', 'rbush-knn', 'robust-predicates'],
  adapters: [],
  'adapters/memory': ['lru-cache', 'mitt'],
  testing: [],
  'hosts/grpc': ['@grpc/grpc-js'],
  'hosts/nest': ['@nestjs/common', '@nestjs/core'],
};

export const MAX_LINES = 400;
const FORBIDDEN_NAMES = /util|helper|manager/i;

/** Code that is not to be written, as it reads without white space, with the files that may. */
const FORBIDDEN_CODE: readonly { code: string; allowedIn: readonly string[]; instead: string }[] = [
  { code: 'console', allowedIn: [], instead: 'emit an event' },
  { code: 'process.env', allowedIn: ['config'], instead: 'take an option' },
  { code: 'Date.now()', allowedIn: ['clock'], instead: 'take a Clock' },
  { code: 'newDate()', allowedIn: ['clock'], instead: 'take a Clock' },
  { code: 'performance.now()', allowedIn: ['clock', 'client/platform'], instead: 'take a Clock' },
  { code: 'Math.random()', allowedIn: ['clock', 'client/platform'], instead: 'take a random function' },
  { code: 'setTimeout()', allowedIn: ['clock', 'client/platform'], instead: 'take a Clock' },
  { code: 'setInterval()', allowedIn: ['clock'], instead: 'take a Clock' },
  { code: 'AsyncLocalStorage', allowedIn: [], instead: 'pass it as a parameter' },
  { code: 'any', allowedIn: [], instead: 'write unknown' },
];

// ── The checker: from texts by path to sentences ────────────────────────────────────────────────────────────────

/** Paths below src/, with '/', and their texts. */
export type Sources = ReadonlyMap<string, string>;

const withoutExtension = (path: string): string => path.replace(/\.d\.ts$|\.m?ts$/, '');
const isBelow = (path: string, folder: string): boolean => path === folder || path.startsWith(`${folder}/`);

function longestPrefix<T>(table: Readonly<Record<string, T>>, path: string): T | undefined {
  const known = Object.keys(table).filter((prefix) => prefix === '' || isBelow(path, prefix));
  const best = known.sort((a, b) => b.length - a.length)[0];
  return best === undefined ? undefined : table[best];
}

/** Every module that a text names: imports, type-only ones included, re-exports, import() and import types. */
function importsOf(text: string): string[] {
  return ts.preProcessFile(text, true, true).importedFiles.map(({ fileName }) => fileName);
}

function resolveImport(sources: Sources, from: string, specifier: string): string | undefined {
  const path = posix.join(posix.dirname(from), specifier.replace(/\.js$/, ''));
  return [path, `${path}.ts`, posix.join(path, 'index.ts')].find((candidate) => sources.has(candidate));
}

/** 'redis' for adapters/redis.ts and for adapters/redis/store.ts. */
const adapterOf = (path: string): string | undefined => /^adapters\/([^/]+)/.exec(path)?.[1];
const topFolderOf = (path: string): string => path.split('/')[0] ?? path;

/** What is wrong with `from` importing `to`, both without extension; undefined if nothing. */
function objection(from: string, to: string): string | undefined {
  const [fromLayer, toLayer] = [longestPrefix(LAYER_OF, from), longestPrefix(LAYER_OF, to)];
  if (fromLayer === undefined || toLayer === undefined) return undefined; // said once, by layerProblems
  const [fromTop, toTop] = [topFolderOf(from), topFolderOf(to)];

  const allowed = ONLY[fromTop];
  const own = fromTop === 'adapters' ? adapterOf(from) === adapterOf(to) && toTop === 'adapters' : fromTop === toTop;
  if (allowed !== undefined && !own && !allowed.includes(toTop)) {
    return `${fromTop}/ may import only ${allowed.join(', ')} and its own files`;
  }
  if (toTop === 'adapters' && fromTop !== 'adapters' && ADAPTER_IMPORTS[from] !== adapterOf(to)) {
    const said = Object.entries(ADAPTER_IMPORTS).map(([file, adapter]) => `${file}.ts (${adapter})`);
    return `an adapter may be imported only by ${said.join(' and ')}`;
  }
  if (fromTop !== toTop && STRANGERS.includes(fromTop) && STRANGERS.includes(toTop)) {
    return `${STRANGERS.join('/, ')}/ never import each other: tidemark.ts introduces them`;
  }
  if (LAYERS.indexOf(toLayer) > LAYERS.indexOf(fromLayer)) {
    return `the direction is ${LAYERS.join(' ← ')}, and '${from}' is of '${fromLayer}', '${to}' of '${toLayer}'`;
  }
  return undefined;
}

function importProblems(sources: Sources): string[] {
  const problems: string[] = [];
  for (const [path, text] of sources) {
    for (const specifier of importsOf(text)) {
      // A file as text: the build fails where it is not there.
      if (specifier.endsWith('?raw')) continue;
      if (specifier.startsWith('.')) {
        const target = resolveImport(sources, path, specifier);
        const said =
          target === undefined
            ? 'there is no such file in src/'
            : objection(withoutExtension(path), withoutExtension(target));
        if (said !== undefined) problems.push(`src/${path} imports '${specifier}': ${said}.`);
      } else if (!specifier.startsWith('node:')) {
        const said = packageObjection(path, text, specifier);
        if (said !== undefined) problems.push(`src/${path} imports '${specifier}': ${said}.`);
      }
    }
  }
  return problems;
}

function packageObjection(path: string, text: string, specifier: string): string | undefined {
  if (builtinModules.includes(specifier)) return `write 'node:${specifier}'`;
  const allowed = longestPrefix(PACKAGES, withoutExtension(path)) ?? [];
  if (allowed.includes(specifier)) return undefined;
  if (adapterOf(path) !== undefined && onlyTypesFrom(text, specifier)) return undefined;
  return `of npm packages it may use ${allowed.join(', ') || 'none'}, and an adapter its client's types by import type`;
}

function onlyTypesFrom(text: string, specifier: string): boolean {
  const file = ts.createSourceFile('file.ts', text, ts.ScriptTarget.Latest);
  return file.statements.every((statement) => {
    if (!ts.isImportDeclaration(statement) && !ts.isExportDeclaration(statement)) return true;
    const named = statement.moduleSpecifier;
    if (named === undefined || !ts.isStringLiteral(named) || named.text !== specifier) return true;
    return ts.isImportDeclaration(statement)
      ? statement.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword
      : statement.isTypeOnly;
  });
}

function layerProblems(sources: Sources): string[] {
  return [...sources.keys()]
    .filter((path) => longestPrefix(LAYER_OF, withoutExtension(path)) === undefined)
    .map((path) => `src/${path} is in no layer: add it to LAYER_OF in test/house/rules.ts.`);
}

function circles(sources: Sources): string[] {
  const found: string[] = [];
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]): void => {
    const at = trail.indexOf(path);
    if (at >= 0) found.push(`These import each other in a circle: ${[...trail.slice(at), path].join(' → ')}.`);
    if (at >= 0 || done.has(path)) return;
    for (const specifier of importsOf(sources.get(path) ?? '')) {
      const target = specifier.startsWith('.') ? resolveImport(sources, path, specifier) : undefined;
      if (target !== undefined) visit(target, [...trail, path]);
    }
    done.add(path);
  };
  for (const path of sources.keys()) visit(path, []);
  return found;
}

function sizeProblems(sources: Sources): string[] {
  return [...sources].flatMap(([path, text]) => {
    const lines = text.trimEnd().split('\n').length;
    return lines > MAX_LINES ? [`src/${path} has ${String(lines)} lines; ${String(MAX_LINES)} are the most.`] : [];
  });
}

function nameProblems(sources: Sources): string[] {
  return [...sources.keys()]
    .filter((path) => FORBIDDEN_NAMES.test(withoutExtension(path)))
    .map((path) => `src/${path} is named after no thing: call it what it holds.`);
}

/** How FORBIDDEN_CODE names a node; undefined for nodes it never names. */
function codeOf(node: ts.Node): string | undefined {
  if (node.kind === ts.SyntaxKind.AnyKeyword) return 'any';
  if (ts.isIdentifier(node)) return node.text;
  if (ts.isPropertyAccessExpression(node) && ts.isIdentifier(node.expression)) {
    return `${node.expression.text}.${node.name.text}`;
  }
  if (ts.isElementAccessExpression(node) && ts.isIdentifier(node.expression)) {
    return ts.isStringLiteralLike(node.argumentExpression)
      ? `${node.expression.text}.${node.argumentExpression.text}`
      : undefined;
  }
  if (ts.isCallExpression(node)) return `${codeOf(node.expression) ?? ''}()`;
  if (ts.isNewExpression(node) && (node.arguments ?? []).length === 0) return `new${codeOf(node.expression) ?? ''}()`;
  return undefined;
}

function codeProblems(sources: Sources): string[] {
  const problems: string[] = [];
  for (const [path, text] of sources) {
    const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
    const rules = FORBIDDEN_CODE.filter(({ allowedIn }) => !allowedIn.includes(withoutExtension(path)));
    const visit = (node: ts.Node): void => {
      const rule = rules.find(({ code }) => code === codeOf(node));
      if (rule !== undefined && !isMemberName(node)) {
        const line = file.getLineAndCharacterOfPosition(node.getStart()).line + 1;
        problems.push(`src/${path}:${String(line)} says '${rule.code}': ${rule.instead}.`);
      }
      ts.forEachChild(node, visit);
    };
    visit(file);
  }
  return problems;
}

/** `x.console`, `{ console: … }`: a name that only looks like the global. */
function isMemberName(node: ts.Node): boolean {
  const { parent } = node;
  return (
    ts.isIdentifier(node) &&
    ((ts.isPropertyAccessExpression(parent) && parent.name === node) ||
      (ts.isPropertyAssignment(parent) && parent.name === node) ||
      ts.isPropertySignature(parent))
  );
}

export const CHECKS = {
  layer: layerProblems,
  import: importProblems,
  circle: circles,
  size: sizeProblems,
  name: nameProblems,
  code: codeProblems,
};
