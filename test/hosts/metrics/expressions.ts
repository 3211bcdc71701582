import type { Family } from '../../../src/hosts/metrics/family.js';

/** What Prometheus, or the name of a tide, puts on every metric. */
const ANYWHERE = ['job', 'instance', 'tide'];

/** One metric in an expression, with the labels that it is asked for by. */
interface Use {
  readonly name: string;
  readonly labels: readonly string[];
  /** Inside of rate(). */
  readonly rated: boolean;
}

const USE = /(rate\(|increase\()?\b(tidemark_[a-z0-9_]+)(?:\{([^}]*)\})?/g;
const LABEL = /([a-zA-Z_]\w*)\s*(?:=~|!~|!=|=)\s*"/g;
const GROUPING = /\b(?:by|without)\s*\(([^)]*)\)/g;

export function usesIn(expression: string): readonly Use[] {
  return [...expression.matchAll(USE)].map(([, rated, name = '', inside = '']) => ({
    name,
    labels: [...inside.matchAll(LABEL)].map(([, label = '']) => label),
    rated: rated !== undefined,
  }));
}

export const familyOf = (name: string, families: readonly Family[]): Family | undefined =>
  families.find((family) => {
    if (family.type !== 'histogram') return family.name === name;
    return ['_bucket', '_count', '_sum'].some((suffix) => name === family.name + suffix);
  });

/** What is wrong with an expression, a sentence each. */
export function faultsIn(expression: string, families: readonly Family[]): readonly string[] {
  const uses = usesIn(expression);
  if (uses.length === 0) return [`${expression}: no metric of tidemark.`];
  const grouped = [...expression.matchAll(GROUPING)].flatMap(([, names = '']) =>
    names.split(',').map((name) => name.trim()),
  );
  return uses.flatMap(({ name, labels, rated }) => {
    const family = familyOf(name, families);
    if (family === undefined) return [`${name}: there is no such metric.`];
    const known = [...ANYWHERE, ...family.labels, ...(name.endsWith('_bucket') ? ['le'] : [])];
    const unknown = [...labels, ...grouped].filter((label) => !known.includes(label));
    const isCounter = family.type !== 'gauge';
    return [
      ...unknown.map((label) => `${name}: it has no label '${label}'.`),
      ...(isCounter && !rated ? [`${name}: what only rises says nothing without rate().`] : []),
      ...(!isCounter && rated ? [`${name}: a gauge has no rate().`] : []),
    ];
  });
}

/** Labels that stay of what an expression gives, for its legend. */
export function labelsOf(expression: string, families: readonly Family[]): readonly string[] {
  const by = /^\s*(?:sum|max|min|avg|histogram_quantile\([^,]*, sum)\s*by\s*\(([^)]*)\)/.exec(expression)?.[1];
  if (by !== undefined) return by.split(',').map((name) => name.trim());
  if (/^\s*sum\(/.test(expression)) return [];
  return [...ANYWHERE, ...usesIn(expression).flatMap(({ name }) => familyOf(name, families)?.labels ?? [])];
}
