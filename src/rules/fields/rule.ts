import { TidemarkError, isTidemarkError } from '../../errors.js';
import { type CompiledRule, type RuleOptions, compile } from '../compile.js';
import { type Limits, limitsOf } from '../limits.js';
import type { Type } from '../node.js';
import { shown } from '../site.js';
import { type Excerpt, excerptOf } from './excerpt.js';
import { type FieldRead, readsOf } from './reads.js';
import type { FieldKind, Shape } from './schema.js';

/** A rule that gives the value of a computed field: of one entity, or of all of its type. */
export interface FieldRule {
  readonly id: string;
  readonly entityType: string;
  /** The entity that it is for, as text; null for all of the type. */
  readonly entityId: string | null;
  readonly field: string;
  /** JSONLogic, or a plain value. */
  readonly expression: unknown;
  /** The highest is asked first. */
  readonly priority: number;
  /** One that is not is kept and explained, but never asked. */
  readonly isActive: boolean;
  readonly version?: number | undefined;
  readonly description?: string | undefined;
}

export interface FieldOptions {
  readonly operators?: RuleOptions['operators'];
  readonly limits?: RuleOptions['limits'];
  /** When a rule fails: ask the next one (default), or the field has the error in place of a value. Both are reported. */
  readonly failing?: 'next' | 'error' | undefined;
  /** Names in the context besides the entity and `now`, such as tables that operators of the host look into. */
  readonly inputs?: readonly string[] | undefined;
}

/** What all rules of a set have in common. */
export interface Setting {
  readonly shape: Shape;
  readonly options: RuleOptions;
  readonly limits: Limits;
  readonly failing: 'next' | 'error';
}

/** A rule, compiled for its place. */
export interface Candidate {
  readonly rule: FieldRule;
  readonly kind: FieldKind;
  readonly compiled: CompiledRule;
  readonly reads: readonly FieldRead[];
  /** Of the entity itself. */
  readonly excerpt: Excerpt;
}

/** Throws INVALID_RULE, UNKNOWN_TYPE, RULE_KIND, or what {@link compile} throws; names the rule. */
export function candidateOf(given: FieldRule, { shape, options }: Setting): Candidate {
  const rule = Object.freeze({ ...given });
  const { id, entityType, field, expression } = rule;
  checkRule(rule);
  const type = shape.types.get(entityType);
  if (type === undefined) {
    const known = [...shape.types.keys()].join(', ');
    throw new TidemarkError(
      'UNKNOWN_TYPE',
      `${placeOf(id)}.entityType: expected one of ${known}, got ${shown(entityType)}.`,
    );
  }
  const kind = type.computed.get(field);
  if (kind === undefined) {
    const known = [...type.computed.keys()].join(', ') || 'none';
    throw invalid(rule, 'field', `a computed field of ${entityType}, which has ${known}`, field);
  }
  try {
    const compiled = compile(expression, options);
    const reads = readsOf(compiled.reads, entityType, shape);
    if (!mayFit(compiled.gives, kind)) throw wrongKind(rule, kind, saidOf(compiled.gives));
    return { rule, kind, compiled, reads, excerpt: excerptOf(entityType, reads) };
  } catch (error) {
    if (!isTidemarkError(error)) throw error;
    throw new TidemarkError(error.code, `${placeOf(id)}.expression: ${error.message}`, { cause: error.cause });
  }
}

function checkRule(rule: FieldRule): void {
  const { id, entityId, expression, priority, isActive } = rule;
  if (typeof id !== 'string' || id.trim() === '') throw invalid(rule, 'id', 'a text that is not blank', id);
  if (entityId !== null && (typeof entityId !== 'string' || entityId.trim() === ''))
    throw invalid(rule, 'entityId', 'an id as text, or null for all of the type', entityId);
  if (!Number.isFinite(priority)) throw invalid(rule, 'priority', 'a finite number', priority);
  if (typeof isActive !== 'boolean') throw invalid(rule, 'isActive', 'true or false', isActive);
  const wanted = 'an operation or a plain value';
  if (expression === undefined) throw invalid(rule, 'expression', wanted, 'nothing', true);
  if (expression === null) throw invalid(rule, 'expression', wanted, 'null', true);
  if (Array.isArray(expression)) throw invalid(rule, 'expression', wanted, shown(expression), true);
  if (typeof expression === 'object' && Object.keys(expression).length === 0)
    throw invalid(rule, 'expression', wanted, 'an empty object', true);
}

function invalid({ id }: FieldRule, ...said: [at: string, expected: string, got: unknown, asIs?: true]): TidemarkError {
  const [at, expected, got, asIs] = said;
  const what = asIs === true ? String(got) : shown(got);
  return new TidemarkError('INVALID_RULE', `${placeOf(id)}.${at}: expected ${expected}, got ${what}.`);
}

function placeOf(id: unknown): string {
  return `rules[${shown(id)}]`;
}

/** Which of two rules for a field is asked first: of one entity before all, then by priority, then by id. */
export function before(a: Candidate, b: Candidate): number {
  const [one, other] = [a.rule, b.rule];
  if ((one.entityId === null) !== (other.entityId === null)) return one.entityId === null ? 1 : -1;
  if (one.priority !== other.priority) return other.priority - one.priority;
  return one.id < other.id ? -1 : one.id > other.id ? 1 : 0;
}

/** The value as its field may have it, null too; else the error in its place. */
export function fitted(value: unknown, { rule, kind }: Candidate): unknown {
  if (value === null || value === undefined) return null;
  if (kind === 'json') return value;
  if (typeof value !== kind) return wrongKind(rule, kind, shown(value));
  if (typeof value !== 'number') return value;
  // Without the sign of a zero: it is equal to the other one.
  return value - value === 0 ? value + 0 : wrongKind(rule, kind, String(value));
}

function wrongKind({ entityType, field }: FieldRule, kind: FieldKind, got: string): TidemarkError {
  return new TidemarkError('RULE_KIND', `${entityType}.${field}: expected a ${kind} or null, got ${got}.`);
}

function mayFit(gives: Type, kind: FieldKind): boolean {
  return gives === 'any' || kind === 'json' || gives === kind;
}

function saidOf(type: Type): string {
  if (Array.isArray(type)) return 'a list';
  return typeof type === 'string' ? `a ${type}` : 'an object';
}

export function settingOf(shape: Shape, { operators, limits, failing = 'next' }: FieldOptions): Setting {
  if (failing !== 'next' && failing !== 'error')
    throw new TidemarkError('INVALID_OPTION', `failing: expected 'next' or 'error', got ${shown(failing)}.`);
  return { shape, options: { operators, limits }, limits: limitsOf(limits), failing };
}
