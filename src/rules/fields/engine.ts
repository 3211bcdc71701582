import { TidemarkError } from '../../errors.js';
import { readPath } from '../path.js';
import { type ValueColumn, isSame } from './column.js';
import { type Dependents, type Index, indexOf } from './dependents.js';
import type { FieldFailure, Inputs } from './evaluate.js';
import type { Field } from './field.js';
import { Recomputing } from './recompute.js';
import { type FieldSet, inputsOf } from './set.js';
import type { RowTable } from './table.js';
import { type RowChange, World } from './world.js';

/** A computed value that changed. An entity that is not there has none: null. */
export interface FieldChange {
  readonly type: string;
  readonly id: string;
  readonly field: string;
  readonly before: unknown;
  readonly after: unknown;
}

export interface FieldEngineOptions {
  /** What rules know as `now`. */
  readonly now: unknown;
  readonly inputs?: Inputs | undefined;
  /** Told of every rule that failed, once the values are in place. */
  readonly onFailure?: ((failure: FieldFailure) => void) | undefined;
}

/**
 * Rows and their computed values, kept current: a change evaluates only the fields that may differ, in order, and stops where
 * a value is the one before. Rows are held by reference and are not to be changed in place.
 */
export interface FieldEngine {
  /** Adds rows, or puts them in place of those with their ids. Values are computed when they are next asked for. */
  load(type: string, rows: readonly object[]): void;
  /**
   * Creates (no `before`), updates, moves or deletes (no `after`) a row. Gives the computed values that changed and no others,
   * each after those that it depends on. Throws UNKNOWN_TYPE, ROW_WITHOUT_ID or INVALID_CHANGE, and has changed nothing then.
   */
  change(type: string, before: object | null, after: object | null): readonly FieldChange[];
  /** Several at once: nothing is evaluated between them. */
  changeMany(changes: readonly RowChange[]): readonly FieldChange[];
  /** Rules saved or removed: a set made by the former's `with` and `without`, or of the same schema. */
  setRules(set: FieldSet): readonly FieldChange[];
  /** Other values of `now` and the other inputs; those that are not given stay. */
  setInputs(inputs: Inputs): readonly FieldChange[];
  /** The computed values of an entity; null if it is not there. */
  valuesOf(type: string, id: string): Readonly<Record<string, unknown>> | null;
}

/** One field of all entities of its type. */
interface FieldState {
  field: Field;
  readonly rows: RowTable;
  readonly column: ValueColumn;
  /** Places of entities whose value may have changed. */
  readonly dirty: Set<number>;
}

/**
 * @example
 * const engine = createFieldEngine(fields, { now: 0 });
 * engine.load('settlement', [{ id: 's1', level: 3 }]);
 * engine.change('settlement', { id: 's1', level: 3 }, { id: 's1', level: 4 });
 * // [{ type: 'settlement', id: 's1', field: 'income', before: 30, after: 40 }]
 */
export function createFieldEngine(set: FieldSet, options: FieldEngineOptions): FieldEngine {
  return new Engine(set, options);
}

class Engine implements FieldEngine {
  readonly #world: World;
  readonly #states = new Map<string, FieldState>();
  readonly #onFailure: FieldEngineOptions['onFailure'];
  #set: FieldSet;
  #index: Index;
  #order: readonly FieldState[];
  #inputs: Inputs;
  #pending = false;

  constructor(set: FieldSet, { now, inputs, onFailure }: FieldEngineOptions) {
    const { setting, order } = set.parts;
    this.#set = set;
    this.#onFailure = onFailure;
    this.#inputs = inputsOf(setting, { ...inputs, now });
    this.#world = new World(setting.shape);
    this.#index = indexOf(order);
    this.#world.follow(this.#index.links);
    this.#order = order.map((field) => {
      const rows = this.#world.tableOf(field.type);
      const state = { field, rows, column: rows.columns.get(field.name) as ValueColumn, dirty: new Set<number>() };
      this.#states.set(field.key, state);
      return state;
    });
  }

  load(type: string, rows: readonly object[]): void {
    this.#apply(rows.map((after) => ({ type, before: null, after })));
    this.#pending = true;
  }

  change(type: string, before: object | null, after: object | null): readonly FieldChange[] {
    return this.changeMany([{ type, before, after }]);
  }

  changeMany(changes: readonly RowChange[]): readonly FieldChange[] {
    this.#settle();
    const gone = this.#apply(changes);
    return [...gone, ...this.#recompute()];
  }

  setRules(set: FieldSet): readonly FieldChange[] {
    const { setting, order, fields } = set.parts;
    if (setting.shape.schema !== this.#set.parts.setting.shape.schema) {
      throw new TidemarkError(
        'INVALID_OPTION',
        'setRules(): expected a set of the schema of the one before, got another.',
      );
    }
    this.#settle();
    this.#inputs = inputsOf(setting, this.#inputs);
    this.#index = indexOf(order);
    this.#world.follow(this.#index.links);
    const failing = setting.failing === this.#set.parts.setting.failing;
    for (const state of this.#states.values()) {
      const field = fields.get(state.field.key) as Field;
      markRules(state, field, failing);
      state.field = field;
    }
    this.#order = order.map(({ key }) => this.#states.get(key) as FieldState);
    this.#set = set;
    return this.#recompute();
  }

  setInputs(inputs: Inputs): readonly FieldChange[] {
    this.#settle();
    const before = this.#inputs;
    this.#inputs = inputsOf(this.#set.parts.setting, { ...before, ...inputs });
    for (const { path, fields } of this.#index.inputs) {
      if (Object.is(readPath(before, path), readPath(this.#inputs, path))) continue;
      for (const key of fields) {
        const { rows, dirty } = this.#states.get(key) as FieldState;
        for (const place of rows.places) dirty.add(place);
      }
    }
    return this.#recompute();
  }

  valuesOf(type: string, id: string): Readonly<Record<string, unknown>> | null {
    this.#settle();
    const table = this.#world.tableOf(type);
    const place = table.placeOf(id);
    if (place === undefined) return null;
    return Object.fromEntries([...table.columns].map(([field, column]) => [field, column.get(place)]));
  }

  #settle(): void {
    if (!this.#pending) return;
    this.#recompute();
    this.#pending = false;
  }

  /** Gives the values that are gone with their rows. */
  #apply(changes: readonly RowChange[]): FieldChange[] {
    const gone: FieldChange[] = [];
    this.#world.apply(changes, this.#index, {
      mark: (dependents, _type, places) => this.#mark(dependents, places),
      created: (type, place) => {
        for (const { field, dirty } of this.#order) {
          if (field.type === type && field.general.length + field.single.size > 0) dirty.add(place);
        }
      },
      removing: (rows, places) => {
        for (const state of this.#order) {
          if (state.rows !== rows) continue;
          for (const place of places) if (state.column.get(place) !== null) gone.push(changeOf(state, place, null));
        }
      },
    });
    return gone;
  }

  #mark(dependents: Dependents, places: readonly number[]): void {
    for (const { field, hops } of dependents) {
      const { dirty } = this.#states.get(field) as FieldState;
      for (const place of this.#world.back(hops, places)) dirty.add(place);
    }
  }

  /** Dirty values in the order of their fields; what depends on one that changed becomes dirty, and comes later. */
  #recompute(): FieldChange[] {
    const changes: FieldChange[] = [];
    const failures: FieldFailure[] = [];
    const recomputing = new Recomputing(this.#set.parts.setting, this.#world, this.#inputs);
    for (const state of this.#order) {
      const { field, rows, column, dirty } = state;
      if (dirty.size === 0) continue;
      const places = [...dirty].filter((place) => rows.rowAt(place) !== undefined);
      const values = recomputing.valuesOf(field, rows, places, (place, rule, error) =>
        failures.push({ type: field.type, id: rows.idAt(place), field: field.name, rule, error }),
      );
      dirty.clear();
      const changed: number[] = [];
      places.forEach((place, i) => {
        if (isSame(column.get(place), values[i])) return;
        changes.push(changeOf(state, place, values[i]));
        column.set(place, values[i]);
        changed.push(place);
      });
      if (changed.length > 0) this.#mark(this.#index.types.get(field.type)?.computed.get(field.name) ?? [], changed);
    }
    if (this.#onFailure !== undefined) failures.forEach(this.#onFailure);
    return changes;
  }
}

function changeOf({ field, rows, column }: FieldState, place: number, after: unknown): FieldChange {
  return { type: field.type, id: rows.idAt(place), field: field.name, before: column.get(place), after };
}

/** Entities that have other rules than before. */
function markRules({ field: before, rows, dirty }: FieldState, after: Field, sameFailing: boolean): void {
  if (before === after) return;
  if (!sameFailing || !areSame(before.general, after.general)) {
    for (const place of rows.places) dirty.add(place);
    return;
  }
  for (const id of new Set([...before.single.keys(), ...after.single.keys()])) {
    const place = rows.placeOf(id);
    if (place !== undefined && !areSame(before.single.get(id) ?? [], after.single.get(id) ?? [])) dirty.add(place);
  }
}

function areSame<Item>(a: readonly Item[], b: readonly Item[]): boolean {
  return a.length === b.length && a.every((one, i) => one === b[i]);
}
