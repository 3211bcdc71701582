import type { SubjectKey } from './contract.js';
import { TidemarkError } from './errors.js';

/**
 * The names of what can change. A subject's text is its parts joined by ':', each escaped, so that no two subjects
 * share a text and a text can be split again. The same text is the topic on which its changes are announced.
 */
export const subjectKinds = {
  /** One entity in one branch. */
  entity: 'entity',
  /** The children of one parent. */
  list: 'list',
  /** Whether one entity's descendants are reachable: bumped when it goes or comes back. */
  below: 'below',
  /** Records of a type that became absent or present without a change of their own. */
  removals: 'removals',
  /** Where entities of a type hang and lie: bumped when a change cannot say. */
  placement: 'placement',
  /** Everything of a type, for bulk changes. */
  all: 'all',
  /** Any single change of a type; carried by what depends on a whole type. */
  type: 'type',
  /** A cell of the map, for entities of a type in it. */
  cell: 'cell',
  /** That one entity is to be looked for anew on the map: lies beside the cells, so that it is heard of with them or not at all. */
  placed: 'placed',
  /** Large things: what reaches beyond every cell beneath this one. */
  under: 'under',
  branch: 'branch',
  /** That one branch inherits from another: bumped with `branch`, by who knows the tree as it is now. */
  link: 'link',
  rules: 'rules',
  key: 'key',
  patterns: 'patterns',
} as const;

export type SubjectKind = keyof typeof subjectKinds;

/** Anything that can change, as made by `tide.subject`. */
export interface Subject {
  readonly kind: 'entity' | 'list' | 'type' | 'rules' | 'branch';
  readonly type: string | null;
  readonly branch: string;
  readonly key: SubjectKey;
  toString(): string;
}

// With the u flag a surrogate matches only where it stands alone. UTF-8 has no form for one alone, and each would
// reach the store as the same U+FFFD.
const ESCAPED = /[:*?[\]\\%\uD800-\uDFFF]/u;
const ESCAPED_ALL = new RegExp(ESCAPED, 'gu');
// What escapePart never writes: that includes two halves of a pair side by side, which are not alone.
const MALFORMED = /%(?!3A|2A|3F|5B|5D|5C|25|uD[89A-F][0-9A-F]{2})|%uD[89AB][0-9A-F]{2}%uD[C-F]/;
const ESCAPE_SEQUENCE = /%(?:u([0-9A-F]{4})|([0-9A-F]{2}))/g;

/**
 * Escapes `:` `*` `?` `[` `]` `\` `%` as `%XX` and a lone surrogate as `%uXXXX`. Text without them is returned as is.
 *
 * @example
 * escapePart('campaign:7'); // 'campaign%3A7'
 */
export function escapePart(text: string): string {
  return ESCAPED.test(text) ? text.replace(ESCAPED_ALL, escapeCharacter) : text;
}

function escapeCharacter(character: string): string {
  const code = character.charCodeAt(0);
  return (code < 0x80 ? '%' : '%u') + code.toString(16).toUpperCase();
}

/**
 * The text that {@link escapePart} escaped; `null` for a sequence that it never writes (`%2f`, `%41`, a `%` alone).
 *
 * @example
 * unescapePart('campaign%3A7'); // 'campaign:7'
 */
export function unescapePart(escaped: string): string | null {
  if (!escaped.includes('%')) return escaped;
  if (MALFORMED.test(escaped)) return null;
  return escaped.replace(ESCAPE_SEQUENCE, (_, wide: string | undefined, narrow: string) =>
    String.fromCharCode(Number.parseInt(wide ?? narrow, 16)),
  );
}

/** The text of an id, checked. Throws BLANK_ID for what is empty or only white space. */
export function idText(id: unknown, what: string): string {
  const text = typeof id === 'string' ? id : typeof id === 'number' || typeof id === 'bigint' ? String(id) : null;
  if (text === null || text === 'NaN') {
    throw new TidemarkError('BLANK_ID', `${what}: expected a string, number or bigint, got ${describe(id)}.`);
  }
  if (text.trim() === '') {
    throw new TidemarkError('BLANK_ID', `${what}: expected a non-blank id, got ${JSON.stringify(text)}.`);
  }
  return text;
}

function describe(value: unknown): string {
  if (value === null || value === undefined || typeof value === 'number') return String(value);
  return Array.isArray(value) ? 'an array' : `a value of type ${typeof value}`;
}

function subject(kind: SubjectKind, ...parts: readonly string[]): SubjectKey {
  // Joined and not added up: these live long, and a text that was added up keeps its pieces.
  return [subjectKinds[kind], ...parts.map(escapePart)].join(':') as SubjectKey;
}

export const entitySubject = (type: string, id: string, branch: string): SubjectKey =>
  subject('entity', type, id, branch);
export const listSubject = (type: string, parentType: string, parentId: string, branch: string): SubjectKey =>
  subject('list', type, parentType, parentId, branch);
export const belowSubject = (type: string, id: string, branch: string): SubjectKey =>
  subject('below', type, id, branch);
export const removalsSubject = (type: string, branch: string): SubjectKey => subject('removals', type, branch);
export const placementSubject = (type: string, branch: string): SubjectKey => subject('placement', type, branch);
export const allSubject = (type: string, branch: string): SubjectKey => subject('all', type, branch);
export const typeSubject = (type: string, branch: string): SubjectKey => subject('type', type, branch);
export const cellSubject = (type: string, cell: string, branch: string): SubjectKey =>
  subject('cell', type, cell, branch);
export const underSubject = (type: string, cell: string, branch: string): SubjectKey =>
  subject('under', type, cell, branch);
export const placedSubject = (type: string, id: string, branch: string): SubjectKey =>
  subject('placed', type, id, branch);
export const branchSubject = (branch: string): SubjectKey => subject('branch', branch);
export const linkSubject = (branch: string, parent: string): SubjectKey => subject('link', branch, parent);
export const rulesSubject = (type: string, scope: string, branch: string): SubjectKey =>
  subject('rules', type, scope, branch);
export const keySubject = (key: string): SubjectKey => subject('key', key);
/** The one subject of all pattern deletions. */
export const PATTERNS = subjectKinds.patterns as SubjectKey;

/** Whether it is that of all pattern deletions, of whichever namespace. */
export function isPatterns(key: SubjectKey): boolean {
  return key === PATTERNS || key.startsWith(`${PATTERNS}:`);
}

/** Where something is, in cells of the map. */
export interface Footprint {
  readonly cells: readonly string[];
  /** Every cell that contains one of them, up to the root. */
  readonly ancestors: readonly string[];
}

/** The parts of a subject's text: its kind, then its names, unescaped. */
export function subjectParts(key: SubjectKey): readonly [kind: SubjectKind, ...names: string[]] {
  const [kind, ...names] = key.split(':');
  return [kind as SubjectKind, ...names.map((name) => unescapePart(name) as string)];
}

/**
 * The partition of a subject: a pure function of its text. Subjects of a whole type are spread by type and branch,
 * the rest by id, so that one change touches about four partitions.
 */
export function partitionOf(key: SubjectKey, partitions: number): number {
  if (partitions === 1) return 0;
  const [kind, first = '', second = '', third = ''] = key.split(':');
  switch (kind) {
    case 'entity':
    case 'below':
      return hash(second) % partitions;
    case 'list':
      return hash(third) % partitions;
    case 'cell':
    case 'placed':
    case 'under':
      return hash(`${first}:${third}`) % partitions;
    case 'branch':
    case 'link':
    case 'key':
      return hash(first) % partitions;
    case 'patterns':
      return 0;
    default:
      return hash(`${first}:${second}`) % partitions;
  }
}

/** Subjects by partition, each once, in order of partition. */
export function byPartition(
  keys: readonly SubjectKey[],
  partitions: number,
): (readonly [partition: number, keys: SubjectKey[]])[] {
  const groups = new Map<number, Set<SubjectKey>>();
  for (const key of keys) {
    const partition = partitionOf(key, partitions);
    const group = groups.get(partition);
    if (group === undefined) groups.set(partition, new Set([key]));
    else group.add(key);
  }
  return [...groups].sort(([a], [b]) => a - b).map(([partition, group]) => [partition, [...group]]);
}

/** FNV-1a, 32 bits, over UTF-16 units: small and the same everywhere. https://datatracker.ietf.org/doc/html/draft-eastlake-fnv */
function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h >>> 0;
}
