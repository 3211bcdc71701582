import { type TidemarkError, isTidemarkError } from '../../errors.js';
import { Buffers, Table } from '../columns.js';
import { type Inputs, contextOf, decide } from './evaluate.js';
import { Excerpts, type Facts } from './excerpt.js';
import { type Field, candidatesFor } from './field.js';
import { type Candidate, type Setting, fitted } from './rule.js';
import type { RowTable } from './table.js';

/** Entities from which on one rule over all of them at once is faster than one entity after another. */
const MANY = 24;

type Failed = (place: number, rule: string, error: TidemarkError) => void;

/** Evaluates fields of entities at places of their tables, as long as neither rows nor inputs change. */
export class Recomputing {
  readonly #setting: Setting;
  readonly #facts: Facts<number>;
  readonly #inputs: Inputs;
  readonly #buffers = new Buffers();
  /** What was read from rows for one field, the next may need as well. */
  #last: { readonly rows: RowTable; readonly places: readonly number[]; readonly table: Table } | undefined;

  constructor(setting: Setting, facts: Facts<number>, inputs: Inputs) {
    this.#setting = setting;
    this.#facts = facts;
    this.#inputs = inputs;
  }

  /** One value per place: null where no rule gave one, an error in place of it if `failing` is 'error'. */
  valuesOf(field: Field, rows: RowTable, places: readonly number[], failed: Failed): unknown[] {
    const values = new Array<unknown>(places.length).fill(null);
    const excerpts = new Map<Candidate, Excerpts<number>>();
    const one = (i: number): void => {
      const place = places[i] as number;
      const candidates = field.single.size === 0 ? field.general : candidatesFor(field, rows.idAt(place));
      const context = (candidate: Candidate): object => this.#context(candidate, place, excerpts);
      values[i] = decide(candidates, this.#setting.failing, context, (rule, error) => failed(place, rule, error)).value;
    };
    if (places.length < MANY) {
      for (let i = 0; i < places.length; i++) one(i);
      return values;
    }
    let left: number[] = [];
    for (let i = 0; i < places.length; i++) {
      if (field.single.size > 0 && field.single.has(rows.idAt(places[i] as number))) one(i);
      else left.push(i);
    }
    for (const candidate of field.general) {
      if (left.length === 0) break;
      left = this.#askMany(candidate, { rows, places, left, excerpts, values, failed });
    }
    return values;
  }

  /** Gives those that the next rule is asked for. */
  #askMany(candidate: Candidate, asked: Asked): number[] {
    const { places, left, values, failed } = asked;
    const next: number[] = [];
    const { table, errors } = this.#tableOf(candidate, asked);
    const results = candidate.compiled.evaluateMany(table);
    for (let at = 0; at < left.length; at++) {
      const i = left[at] as number;
      const result = errors?.get(at) ?? results[at];
      const value = isTidemarkError(result) ? result : fitted(result, candidate);
      if (isTidemarkError(value)) {
        failed(places[i] as number, candidate.rule.id, value);
        if (this.#setting.failing === 'error') values[i] = value;
        else next.push(i);
      } else values[i] = value;
    }
    return next;
  }

  /** The contexts, and the errors of those that could not be put together. */
  #tableOf(candidate: Candidate, { rows, places, left, excerpts }: Asked): Contexts {
    const wanted = left.length === places.length ? places : left.map((i) => places[i] as number);
    const { plain, type } = candidate.excerpt;
    if (!plain) {
      const errors = new Map<number, TidemarkError>();
      const contexts = wanted.map((place, at) => {
        try {
          return this.#context(candidate, place, excerpts);
        } catch (error) {
          if (!isTidemarkError(error)) throw error;
          errors.set(at, error);
          return null;
        }
      });
      return { table: new Table(contexts, this.#buffers), errors };
    }
    if (this.#last?.rows !== rows || !areSame(this.#last.places, wanted)) {
      const contexts = wanted.map((place) => contextOf(type, rows.rowAt(place), this.#inputs));
      this.#last = { rows, places: wanted, table: new Table(contexts, this.#buffers) };
    }
    return { table: this.#last.table };
  }

  #context(candidate: Candidate, place: number, all: Map<Candidate, Excerpts<number>>): object {
    const { excerpt } = candidate;
    const { type } = excerpt;
    if (excerpt.plain) return contextOf(type, this.#facts.row(place, type), this.#inputs);
    let excerpts = all.get(candidate);
    if (excerpts === undefined) {
      all.set(candidate, (excerpts = new Excerpts(this.#facts, this.#setting.limits.steps)));
    }
    return contextOf(type, excerpts.of(excerpt, place), this.#inputs);
  }
}

interface Contexts {
  readonly table: Table;
  readonly errors?: ReadonlyMap<number, TidemarkError>;
}

interface Asked {
  readonly rows: RowTable;
  readonly places: readonly number[];
  /** Indexes of `places`. */
  readonly left: readonly number[];
  readonly excerpts: Map<Candidate, Excerpts<number>>;
  readonly values: unknown[];
  readonly failed: Failed;
}

function areSame(a: readonly number[], b: readonly number[]): boolean {
  return a === b || (a.length === b.length && a.every((one, i) => one === b[i]));
}
