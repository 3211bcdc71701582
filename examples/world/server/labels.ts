import { type ParsedCacheKey, parseCacheKey } from 'tidemark/cache';
import type { TableReads } from '../data/tables.ts';
import type { TypeName } from '../model.ts';

/** What cache keys say, in words. */

/** An entity in a branch. */
export interface Ref {
  readonly type: TypeName;
  readonly id: string;
  readonly branch: string;
}

const TYPES: readonly string[] = ['campaign', 'kingdom', 'settlement', 'structure'] satisfies TypeName[];
const isType = (text: string | undefined): text is TypeName => text !== undefined && TYPES.includes(text);

/** The entity whose record, list of children or summary a key names; null for answers of another kind. */
export function entityOf(key: string): Ref | null {
  const parsed = parseCacheKey(key);
  return parsed === null ? null : entityNamedBy(parsed);
}

function entityNamedBy({ prefix, parts: [first, second], branch }: ParsedCacheKey): Ref | null {
  if (first === 'rules') return null;
  // settlement:7:main, settlements:kingdom:IS:main, view:kingdom-summary:{"kingdom":"IS"}:main
  if (isType(prefix) && first !== undefined) return { type: prefix, id: first, branch };
  if (isType(first) && second !== undefined) return { type: first, id: second, branch };
  if (prefix !== 'view' || second === undefined) return null;
  const [[type, id] = []] = Object.entries(JSON.parse(second) as Record<string, string>);
  return isType(type) && id !== undefined ? { type, id, branch } : null;
}

/** 'settlements:kingdom:IS:main' is 'Settlements of Iceland', and says in which branch where that is another one. */
export function labelOf(key: string, tables: TableReads, here: string): string {
  const parsed = parseCacheKey(key);
  if (parsed === null) return key;
  const { branch } = parsed;
  return phraseOf(parsed, tables) + (branch === here ? '' : ` in ${branch}`);
}

/** Why what carries a subject is stale, as people say it: 'what is listed under Iceland'. Else in tidemark's words. */
export function reasonOf(subject: string, why: string, tables: TableReads): string {
  const { prefix, parts, branch } = parseCacheKey(subject) ?? { prefix: '', parts: [], branch: '' };
  const [type = '', parentType, parentId = ''] = parts;
  switch (prefix) {
    case 'entity':
      return `the ${type} itself`;
    case 'list': {
      const name = isType(parentType) ? tables.byIds(parentType, branch, [parentId])[0]?.name : undefined;
      return `what is listed under ${name ?? parentId}`;
    }
    case 'cell':
    case 'under':
      return 'what lies around it on the map';
    case 'type':
      return `what looks at every ${type}`;
    default:
      return why;
  }
}

function phraseOf(parsed: ParsedCacheKey, tables: TableReads): string {
  const { prefix, parts } = parsed;
  const entity = entityNamedBy(parsed);
  if (entity !== null) {
    const { type, id, branch } = entity;
    const name = tables.byIds(type, branch, [id])[0]?.name ?? id;
    return `${isType(prefix) ? 'Record' : (WORDS[prefix] ?? capital(prefix))} of ${name}`;
  }
  const [first = '', x, y] = parts;
  switch (prefix) {
    case 'spatial':
      return placesIn(first, `${degrees(y, 'NS')}, ${degrees(x, 'EW')}`);
    case 'computed-fields':
      return `Rules of every ${x ?? 'type'}`;
    case 'search':
      return `Search for '${(JSON.parse(first) as { readonly text: string }).text}'`;
    case 'points':
      return 'Settlements as points of the map';
    default:
      return [prefix, ...parts].join(' ');
  }
}

function placesIn(question: string, point: string): string {
  if (question.endsWith('near')) return `Settlements around ${point}`;
  if (question.endsWith('containing')) return `Countries at ${point}`;
  return question.endsWith('polygon') ? 'Settlements in what was drawn' : 'Settlements in a box';
}

const WORDS: Readonly<Record<string, string>> = { view: 'Summary', 'computed-fields': 'Fields' };

const capital = (word: string): string => word.slice(0, 1).toUpperCase() + word.slice(1);

function degrees(text: string | undefined, [positive = '', negative = '']: string): string {
  const value = Number(text);
  return `${Math.abs(value).toFixed(1)}° ${value < 0 ? negative : positive}`;
}
