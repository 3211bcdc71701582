import type { Field } from './field.js';
import type { Hop, Link } from './schema.js';

/** Something of the rows of a type on which a field of other entities, or of the same, depends. */
export interface Source {
  readonly type: string;
  /** From the entity that the field belongs to, to the row. */
  readonly hops: readonly Hop[];
  /** A path in the row, the whole row, a computed field of it, the parents that it names, or only that it is there. */
  readonly of: 'row' | 'whole' | 'computed' | 'link' | 'presence';
  /** In the row, or `[field]`; empty for the others. */
  readonly path: readonly string[];
  readonly link: Link | undefined;
}

/** All that a field depends on: what its rules read, and the links that lead there. */
export function sourcesOf({ reads }: Field): Source[] {
  return reads.flatMap(({ hops, type, of, path }): Source[] => {
    const way = hops.flatMap((hop, i): Source[] => [
      { type: hop.to, hops: hops.slice(0, i + 1), of: 'presence', path: [], link: undefined },
      // A child names its parent itself: from the parent the way is one hop longer.
      { type: hop.link.from, hops: hops.slice(0, hop.many ? i + 1 : i), of: 'link', path: [], link: hop.link },
    ]);
    return of === 'members' || of === 'input' ? way : [...way, { type, hops, of, path, link: undefined }];
  });
}

/** A field that depends on something, and the way to it. */
export interface FieldReader {
  readonly type: string;
  readonly field: string;
  /** From its entity to what it depends on. */
  readonly hops: readonly string[];
  /** From there to the entities whose field depends on it. */
  readonly back: readonly StepBack[];
}

/** To rows of `type`: the parents that the link names, or the rows whose link names this one. */
export interface StepBack {
  readonly type: string;
  readonly to: 'parents' | 'children';
  /** The hop of the child's type to its parent. */
  readonly link: string;
}

/** Fields that depend on rows of a type: on a path of them or a computed field; without a path, on anything of them. */
export function readersOf(
  fields: readonly Field[],
  type: string,
  at: { readonly path: readonly string[]; readonly computed: boolean } | undefined,
): FieldReader[] {
  const found = new Map<string, FieldReader>();
  for (const field of fields) {
    for (const source of sourcesOf(field)) {
      if (source.type !== type || (at !== undefined && !concerns(source, at.path, at.computed))) continue;
      const hops = source.hops.map(({ name }) => name);
      const reader = { type: field.type, field: field.name, hops, back: backOf(source.hops) };
      found.set(JSON.stringify([field.key, hops]), reader);
    }
  }
  return [...found.values()];
}

function concerns({ of, path, link }: Source, changed: readonly string[], computed: boolean): boolean {
  if (of === 'presence') return false;
  if (computed || of === 'computed') return computed && of === 'computed' && path[0] === changed[0];
  // Which fields a function looks into is not known.
  if (of === 'link') return link?.field === undefined || link.field === changed[0];
  return path.every((segment, i) => i >= changed.length || segment === changed[i]);
}

function backOf(hops: readonly Hop[]): StepBack[] {
  return hops
    .map(({ from, many, link }): StepBack => ({ type: from, to: many ? 'parents' : 'children', link: link.name }))
    .reverse();
}
