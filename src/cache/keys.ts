/**
 * Cache keys as text: `prefix:part:…:branch`, the branch last.
 *
 * Plain ids stand as they are. What would make a key ambiguous, or turn it into a pattern, is escaped, so two
 * different tuples never share a key and no id ever acts as a wildcard.
 */
import { TidemarkError } from '../errors.js';
import { escapePart, unescapePart } from '../subject.js';

export { globToMatcher } from '../glob.js';
export { escapePart, unescapePart } from '../subject.js';

/** What a key is made of. `7`, `7n` and `'7'` are the same part. */
export type KeyPart = string | number | bigint;

export interface ParsedCacheKey {
  readonly prefix: string;
  readonly parts: readonly string[];
  readonly branch: string;
}

/**
 * Builds `prefix:part:…:branch`. A different tuple always gives a different key, and {@link parseCacheKey} gives the
 * tuple back.
 *
 * @throws `BLANK_ID` for a part that is empty or only white space, `INVALID_KEY` for one that is no string, bigint or
 * finite number.
 * @example
 * buildCacheKey('computed-fields', ['settlement', '123', 'extra', 'data'], 'alternate-timeline-1');
 * // 'computed-fields:settlement:123:extra:data:alternate-timeline-1'
 */
export function buildCacheKey(prefix: string, parts: readonly KeyPart[], branch: string): string {
  let key = segment('prefix', prefix);
  for (let i = 0; i < parts.length; i++) key += `:${segment(`parts[${i}]`, parts[i])}`;
  return `${key}:${segment('branch', branch)}`;
}

/**
 * The key of an entity's computed fields.
 *
 * @example
 * buildComputedFieldsKey('settlement', 'settle_123', 'main'); // 'computed-fields:settlement:settle_123:main'
 */
export function buildComputedFieldsKey(entityType: string, entityId: KeyPart, branch: string): string {
  return `computed-fields:${entityAndBranch(entityType, entityId, branch)}`;
}

/**
 * The key of the list of a parent's children.
 *
 * @example
 * buildEntityListKey('settlements', 'kingdom', 'kingdom_456', 'main'); // 'settlements:kingdom:kingdom_456:main'
 */
export function buildEntityListKey(listType: string, parentType: string, parentId: KeyPart, branch: string): string {
  const list = `${segment('listType', listType)}:${segment('parentType', parentType)}`;
  return `${list}:${segment('parentId', parentId)}:${segment('branch', branch)}`;
}

/**
 * The key of a spatial query. Coordinates go through {@link normalizeSpatialParams} first.
 *
 * @example
 * buildSpatialQueryKey('settlements-in-region', ['region_789'], 'main');
 * // 'spatial:settlements-in-region:region_789:main'
 * buildSpatialQueryKey('all-settlements', [], 'main'); // 'spatial:all-settlements:main'
 */
export function buildSpatialQueryKey(queryType: string, params: readonly KeyPart[], branch: string): string {
  let key = `spatial:${segment('queryType', queryType)}`;
  for (let i = 0; i < params.length; i++) key += `:${segment(`params[${i}]`, params[i])}`;
  return `${key}:${segment('branch', branch)}`;
}

/**
 * Key parts for a query around a point: coordinates with 6 decimals, the radius in full so that no two radii share a
 * key, then the SRID and, where given, the world. `-0` and what rounds to it are `0`.
 *
 * @param radius in units of the SRID: metres for 3857, degrees for 4326
 * @throws `INVALID_GEOMETRY` for a number that is not finite or an SRID that is no positive whole number.
 * @example
 * normalizeSpatialParams(1.234567, 2.345678, 1000, 3857); // ['1.234567', '2.345678', '1000', '3857']
 */
export function normalizeSpatialParams(
  x: number,
  y: number,
  radius: number,
  srid: number,
  worldId?: KeyPart,
): string[] {
  if (!Number.isSafeInteger(srid) || srid < 1) throw invalidNumber('srid', 'a positive whole number', srid);
  const params = [coordinate('x', x), coordinate('y', y), String(finite('radius', radius)), String(srid)];
  if (worldId !== undefined) params.push(partText('worldId', worldId));
  return params;
}

/** Glob for every key with this prefix: `x:*`. */
export function buildPrefixPattern(prefix: string): string {
  return `${segment('prefix', prefix)}:*`;
}

/** Glob for every key that ends with this entity and branch: `*:settlement:123:main`. */
export function buildEntityPattern(entityType: string, entityId: KeyPart, branch: string): string {
  return `*:${entityAndBranch(entityType, entityId, branch)}`;
}

/** Glob for every key of this branch: `*:feature/new-timeline`. A branch called `x:main` is not one of `*:main`. */
export function buildBranchPattern(branch: string): string {
  return `*:${segment('branch', branch)}`;
}

/**
 * What {@link buildCacheKey} was given, or `null` for an empty text, one segment only, or a malformed escape sequence.
 * Empty segments and bare wildcards, which no builder writes, are kept as they are.
 *
 * @example
 * parseCacheKey('settlements:kingdom:kingdom_456:main');
 * // { prefix: 'settlements', parts: ['kingdom', 'kingdom_456'], branch: 'main' }
 */
export function parseCacheKey(key: string): ParsedCacheKey | null {
  const segments: string[] = [];
  for (const escaped of key.split(':')) {
    const text = unescapePart(escaped);
    if (text === null) return null;
    segments.push(text);
  }
  const prefix = segments.shift();
  const branch = segments.pop();
  return prefix === undefined || branch === undefined ? null : { prefix, parts: segments, branch };
}

function entityAndBranch(entityType: string, entityId: KeyPart, branch: string): string {
  return `${segment('entityType', entityType)}:${segment('entityId', entityId)}:${segment('branch', branch)}`;
}

function segment(name: string, part: KeyPart | undefined): string {
  return escapePart(partText(name, part));
}

function partText(name: string, part: KeyPart | undefined): string {
  if (typeof part === 'string') {
    if (part.trim() !== '') return part;
    throw new TidemarkError('BLANK_ID', `${name} of a cache key: expected text, got ${JSON.stringify(part)}.`);
  }
  if (typeof part === 'bigint' || (typeof part === 'number' && Number.isFinite(part))) return String(part);
  const expected = 'a string, bigint or finite number';
  throw new TidemarkError('INVALID_KEY', `${name} of a cache key: expected ${expected}, got ${shown(part)}.`);
}

function coordinate(name: string, value: number): string {
  const text = finite(name, value).toFixed(6);
  return text === '-0.000000' ? '0.000000' : text;
}

function finite(name: string, value: number): number {
  if (!Number.isFinite(value)) throw invalidNumber(name, 'a finite number', value);
  return value;
}

function invalidNumber(name: string, expected: string, value: unknown): TidemarkError {
  return new TidemarkError('INVALID_GEOMETRY', `${name}: expected ${expected}, got ${shown(value)}.`);
}

function shown(value: unknown): string {
  return typeof value === 'number' || value === null ? String(value) : typeof value;
}
