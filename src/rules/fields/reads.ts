import { TidemarkError } from '../../errors.js';
import { shown } from '../site.js';
import type { Hop, Shape, TypeShape } from './schema.js';

/** One path of a rule's read set, followed through the schema. */
export interface FieldRead {
  /** As the rule has it. */
  readonly text: string;
  /** From the entity that the field belongs to, to that which is read. */
  readonly hops: readonly Hop[];
  /** The type of what is read; for an input, of the entity itself. */
  readonly type: string;
  /** A path in a row; a whole row; a computed field; which rows a list has; an input. */
  readonly of: 'row' | 'whole' | 'computed' | 'members' | 'input';
  /** In a row; `[field]` of a computed field; from its name on of an input. Empty for the others. */
  readonly path: readonly string[];
}

/** Longer ways lead in circles, and each hop may lead to many rows. */
const MOST_HOPS = 16;

/** `*` as a segment. */
const EACH = null;

/** Follows paths from an entity of a type. Throws RULE_TYPE for one that begins with nothing of the context, RULE_TOO_LARGE. */
export function readsOf(paths: readonly string[], type: string, shape: Shape): FieldRead[] {
  const found = paths.flatMap((text) => {
    const [root, ...rest] = segmentsIn(text);
    if (root === EACH || root === undefined) return everything(text, type, shape);
    if (root === type) return [follow(text, rest, shape.types.get(type) as TypeShape, shape)];
    if (shape.inputs.includes(root)) {
      return [{ text, hops: [], type, of: 'input', path: [root, ...plainOf(rest)] } as const];
    }
    const has = [type, ...shape.inputs].join(', ');
    throw new TidemarkError('RULE_TYPE', `there is no ${shown(root)} in the context; it has ${has}.`);
  });
  const wholes = new Set(found.filter(({ of }) => of === 'whole').map(({ hops }) => wayOf(hops)));
  return [...found, ...found.flatMap((read) => beyond(wholes, read))];
}

/** Whoever has a row as a whole has also what a path leads on to from it: that is then read as a whole as well. */
function beyond(wholes: ReadonlySet<string>, { text, hops }: FieldRead): FieldRead[] {
  const first = hops.findIndex((_, end) => wholes.has(wayOf(hops.slice(0, end))));
  if (first < 0) return [];
  return hops.slice(first).map((hop, i) => {
    return { text, hops: hops.slice(0, first + i + 1), type: hop.to, of: 'whole', path: [] };
  });
}

function wayOf(hops: readonly Hop[]): string {
  return hops.map(({ name }) => name).join('.');
}

function everything(text: string, type: string, { inputs }: Shape): FieldRead[] {
  const given = inputs.map((input) => ({ text, hops: [], type, of: 'input', path: [input] }) as const);
  return [{ text, hops: [], type, of: 'whole', path: [] }, ...given];
}

function follow(text: string, segments: readonly (string | null)[], from: TypeShape, shape: Shape): FieldRead {
  const hops: Hop[] = [];
  let at = from;
  for (let i = 0; i < segments.length; i++) {
    const segment = segments[i];
    if (segment === EACH || segment === undefined) break;
    const hop = at.hops.get(segment);
    if (hop === undefined) {
      if (at.computed.has(segment)) return { text, hops, type: at.type, of: 'computed', path: [segment] };
      return { text, hops, type: at.type, of: 'row', path: plainOf(segments.slice(i)) };
    }
    hops.push(hop);
    if (hops.length > MOST_HOPS) {
      const said = `expected paths of at most ${String(MOST_HOPS)} hops, got ${shown(text)}.`;
      throw new TidemarkError('RULE_TOO_LARGE', said);
    }
    at = shape.types.get(hop.to) as TypeShape;
    const item = segments[i + 1];
    if (!hop.many || item === undefined) continue;
    if (item !== EACH && !/^\d+$/.test(item)) return { text, hops, type: at.type, of: 'members', path: [] };
    i++;
  }
  return { text, hops, type: at.type, of: 'whole', path: [] };
}

/** As far as it is known: up to the first `*`. */
function plainOf(segments: readonly (string | null)[]): string[] {
  const end = segments.indexOf(EACH);
  return (end < 0 ? segments : segments.slice(0, end)) as string[];
}

/** The segments of a read path, unescaped. */
function segmentsIn(path: string): (string | null)[] {
  const parts = path.match(/(?:\\.|[^.\\])+|(?<=\.|^)(?=\.|$)/gs) ?? [''];
  return parts.map((part) => (part === '*' ? EACH : part.replace(/\\(.)/gs, '$1')));
}
