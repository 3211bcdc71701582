import { TidemarkError, isTidemarkError } from '../../errors.js';
import { own } from '../path.js';
import type { FieldRead } from './reads.js';
import type { Hop } from './schema.js';

/** What a rule sees of an entity: the row's fields that it names, computed fields, and the same of rows that it hops to. */
export interface Excerpt {
  readonly type: string;
  /** All of the row's own fields; computed fields and hops only as they are named. */
  readonly whole: boolean;
  readonly fields: readonly string[];
  readonly computed: readonly string[];
  readonly hops: readonly (readonly [Hop, Excerpt])[];
  /** Nothing but fields of the row: the row itself will do, as a rule sees no more than it reads. */
  readonly plain: boolean;
}

/** Where excerpts are taken from. `Entity` is whatever stands for one. */
export interface Facts<Entity> {
  row(entity: Entity, type: string): object;
  /** A value, or the error in place of one. */
  computed(entity: Entity, type: string, field: string): unknown;
  parent(entity: Entity, hop: Hop): Entity | null;
  /** In the order of their ids. */
  children(entity: Entity, hop: Hop): readonly Entity[];
}

export function excerptOf(type: string, reads: readonly FieldRead[], depth = 0): Excerpt {
  const here = reads.filter((read) => read.of !== 'input' && read.hops.length === depth && read.of !== 'members');
  const beyond = new Map<string, FieldRead[]>();
  for (const read of reads) {
    const hop = read.hops[depth];
    if (hop === undefined) continue;
    const same = beyond.get(hop.name);
    if (same === undefined) beyond.set(hop.name, [read]);
    else same.push(read);
  }
  const hops = [...beyond.values()].map((same) => {
    const hop = same[0]?.hops[depth] as Hop;
    return [hop, excerptOf(hop.to, same, depth + 1)] as const;
  });
  const computed = namesOf(here, 'computed');
  return {
    ...{ type, whole: here.some(({ of }) => of === 'whole'), fields: namesOf(here, 'row') },
    ...{ computed, hops, plain: computed.length === 0 && hops.length === 0 },
  };
}

function namesOf(reads: readonly FieldRead[], of: FieldRead['of']): string[] {
  return [...new Set(reads.filter((read) => read.of === of).map(({ path }) => path[0] as string))];
}

interface Taken {
  readonly value: unknown;
  readonly rows: number;
}

/** Takes excerpts for one rule, as long as the facts stay. What many entities hop to is taken once. */
export class Excerpts<Entity> {
  readonly #facts: Facts<Entity>;
  readonly #most: number;
  /** By the excerpt of a parent, what was taken, with the rows in it. */
  #taken: Map<Excerpt, Map<Entity, Taken>> | undefined;
  #rows = 0;

  /** `most` rows may lie in one excerpt, those shared counted each time: then it fails alike wherever it is taken. */
  constructor(facts: Facts<Entity>, most: number) {
    this.#facts = facts;
    this.#most = most;
  }

  /** Throws RULE_LIMIT for too many rows, FIELD_FAILED for a computed field that has an error in place of a value. */
  of(excerpt: Excerpt, entity: Entity): unknown {
    this.#rows = 0;
    return this.#of(excerpt, entity);
  }

  #of(excerpt: Excerpt, entity: Entity): unknown {
    this.#count(1);
    const row = this.#facts.row(entity, excerpt.type);
    if (excerpt.plain) return row;
    const made: Record<string, unknown> = excerpt.whole ? { ...row } : fieldsOf(row, excerpt.fields);
    for (const field of excerpt.computed) {
      const value = this.#facts.computed(entity, excerpt.type, field);
      if (isTidemarkError(value)) throw failed(excerpt.type, field, value);
      made[field] = value;
    }
    for (const [hop, beyond] of excerpt.hops) {
      made[hop.name] = hop.many ? this.#children(hop, beyond, entity) : this.#parent(hop, beyond, entity);
    }
    return made;
  }

  #children(hop: Hop, excerpt: Excerpt, entity: Entity): unknown[] {
    const children = this.#facts.children(entity, hop);
    const made = new Array<unknown>(children.length);
    for (let i = 0; i < children.length; i++) made[i] = this.#of(excerpt, children[i] as Entity);
    return made;
  }

  #parent(hop: Hop, excerpt: Excerpt, entity: Entity): unknown {
    const parent = this.#facts.parent(entity, hop);
    if (parent === null) return null;
    if (excerpt.plain) return this.#of(excerpt, parent);
    this.#taken ??= new Map();
    let taken = this.#taken.get(excerpt);
    if (taken === undefined) this.#taken.set(excerpt, (taken = new Map<Entity, Taken>()));
    const before = taken.get(parent);
    if (before !== undefined) {
      this.#count(before.rows);
      return before.value;
    }
    const from = this.#rows;
    const value = this.#of(excerpt, parent);
    taken.set(parent, { value, rows: this.#rows - from });
    return value;
  }

  #count(rows: number): void {
    this.#rows += rows;
    if (this.#rows <= this.#most) return;
    throw new TidemarkError('RULE_LIMIT', `the rule's facts: expected at most ${String(this.#most)} rows, got more.`);
  }
}

function fieldsOf(row: object, fields: readonly string[]): Record<string, unknown> {
  const made: Record<string, unknown> = {};
  for (const field of fields) {
    const value = own(row, field);
    if (value === undefined) continue;
    // Assigned, '__proto__' would be no field.
    if (field === '__proto__') Object.defineProperty(made, field, { value, enumerable: true });
    else made[field] = value;
  }
  return made;
}

function failed(type: string, field: string, error: TidemarkError): TidemarkError {
  const said = `the rule reads '${field}' of a ${type}, which failed: ${error.message}`;
  return new TidemarkError('FIELD_FAILED', said, { cause: error });
}
