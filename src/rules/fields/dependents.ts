import { own, readPath } from '../path.js';
import type { Field } from './field.js';
import { type Source, sourcesOf } from './readers.js';
import type { Hop, Link } from './schema.js';

/** A field that depends on a row, and the way from its entity to the row. */
export interface Dependent {
  readonly field: string;
  readonly hops: readonly Hop[];
}

/** Fields that depend on the same of a type's rows. */
export type Dependents = readonly Dependent[];

/** What depends on the rows of one type: the inverse of what rules read, per type and not per row. */
export interface TypeDependents {
  /** Any of the below, for a row that comes or goes. */
  readonly all: Dependents;
  readonly whole: Dependents;
  readonly links: readonly { readonly link: Link; readonly dependents: Dependents }[];
  readonly computed: ReadonlyMap<string, Dependents>;
  /** Paths by their first segment. */
  readonly paths: ReadonlyMap<string, readonly { readonly path: readonly string[]; readonly dependents: Dependents }[]>;
}

/** By type; and the fields that depend on an input, by the path in it. */
export interface Index {
  readonly types: ReadonlyMap<string, TypeDependents>;
  readonly inputs: readonly { readonly path: readonly string[]; readonly fields: readonly string[] }[];
  /** Links that lead from one row to another for some field. */
  readonly links: ReadonlyMap<string, Link>;
}

const NOBODY: Dependents = [];

export function indexOf(fields: readonly Field[]): Index {
  const sources = new Map<string, (Source & { readonly field: string })[]>();
  const inputs = new Map<string, { path: readonly string[]; fields: Set<string> }>();
  const links = new Map<string, Link>();
  for (const field of fields) {
    for (const { of, path } of field.reads) {
      if (of !== 'input') continue;
      const key = JSON.stringify(path);
      const same = inputs.get(key);
      if (same === undefined) inputs.set(key, { path, fields: new Set([field.key]) });
      else same.fields.add(field.key);
    }
    for (const source of sourcesOf(field)) {
      const same = sources.get(source.type);
      if (same === undefined) sources.set(source.type, [{ ...source, field: field.key }]);
      else same.push({ ...source, field: field.key });
      for (const { link } of source.hops) links.set(link.key, link);
    }
  }
  return {
    types: new Map([...sources].map(([type, all]) => [type, dependentsOf(all)])),
    inputs: [...inputs.values()].map(({ path, fields: of }) => ({ path, fields: [...of] })),
    links,
  };
}

function dependentsOf(sources: readonly (Source & { readonly field: string })[]): TypeDependents {
  const groups = new Map<string, { readonly source: Source; readonly dependents: Map<string, Dependent> }>();
  const all = new Map<string, Dependent>();
  for (const source of sources) {
    const key = JSON.stringify([source.of, source.path, source.link?.key]);
    let group = groups.get(key);
    if (group === undefined) groups.set(key, (group = { source, dependents: new Map() }));
    const { field, hops } = source;
    const way = JSON.stringify([field, hops.map(({ name }) => name)]);
    group.dependents.set(way, { field, hops });
    all.set(way, { field, hops });
  }
  const of = (kind: Source['of']): { readonly source: Source; readonly dependents: Dependents }[] =>
    [...groups.values()]
      .filter(({ source }) => source.of === kind)
      .map(({ source, dependents }) => ({ source, dependents: [...dependents.values()] }));
  const paths = new Map<string, { path: readonly string[]; dependents: Dependents }[]>();
  for (const { source, dependents } of of('row')) {
    const first = source.path[0] as string;
    const same = paths.get(first);
    if (same === undefined) paths.set(first, [{ path: source.path, dependents }]);
    else same.push({ path: source.path, dependents });
  }
  return {
    all: [...all.values()],
    whole: of('whole')[0]?.dependents ?? NOBODY,
    links: of('link').map(({ source, dependents }) => ({ link: source.link as Link, dependents })),
    computed: new Map(of('computed').map(({ source, dependents }) => [source.path[0] as string, dependents])),
    paths,
  };
}

/** Fields that depend on what differs between two states of a row, one of which may be none. */
export function changedIn(index: TypeDependents, before: object | undefined, after: object | undefined): Dependents[] {
  if (before === undefined || after === undefined) return [index.all];
  if (before === after) return [];
  const changed: Dependents[] = [index.whole];
  for (const [first, paths] of index.paths) {
    if (Object.is(own(before, first), own(after, first))) continue;
    for (const { path, dependents } of paths) {
      if (!Object.is(readPath(before, path), readPath(after, path))) changed.push(dependents);
    }
  }
  for (const { link, dependents } of index.links) if (!namesSame(link, before, after)) changed.push(dependents);
  return changed.filter(({ length }) => length > 0);
}

export function namesSame(link: Link, before: object, after: object): boolean {
  const [one, other] = [link.idsOf(before), link.idsOf(after)];
  return one.length === other.length && one.every((id, i) => id === other[i]);
}
