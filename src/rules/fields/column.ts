import { type TidemarkError, isTidemarkError } from '../../errors.js';
import type { FieldKind } from './schema.js';

/** The values of one computed field, by the place of the entity in its table; null where there is none. */
export interface ValueColumn {
  get(at: number): unknown;
  set(at: number, value: unknown): void;
  /** Makes room for so many. */
  grow(size: number): void;
}

/** Numbers take 8 bytes, booleans 1. */
export function columnOf(kind: FieldKind): ValueColumn {
  const column = kind === 'number' ? numbers() : kind === 'boolean' ? booleans() : anything();
  return kind === 'json' ? column : withErrors(column);
}

/** No value is NaN: it stands for null. */
function numbers(): ValueColumn {
  let values = new Float64Array(0);
  return {
    get: (at) => {
      const value = values[at] as number;
      return value - value === 0 ? value : null;
    },
    set: (at, value) => (values[at] = typeof value === 'number' ? value : NaN),
    grow: (size) => {
      const more = new Float64Array(size).fill(NaN, values.length);
      more.set(values);
      values = more;
    },
  };
}

function booleans(): ValueColumn {
  let values = new Uint8Array(0);
  return {
    get: (at) => (values[at] === 0 ? null : values[at] === 2),
    set: (at, value) => (values[at] = value === true ? 2 : value === false ? 1 : 0),
    grow: (size) => {
      const more = new Uint8Array(size);
      more.set(values);
      values = more;
    },
  };
}

function anything(): ValueColumn {
  const values: unknown[] = [];
  return {
    get: (at) => values[at],
    set: (at, value) => (values[at] = value),
    grow: (size) => {
      while (values.length < size) values.push(null);
    },
  };
}

/** Errors in place of values are few. */
function withErrors(column: ValueColumn): ValueColumn {
  const errors = new Map<number, TidemarkError>();
  return {
    get: (at) => (errors.size === 0 ? undefined : errors.get(at)) ?? column.get(at),
    set: (at, value) => {
      if (isTidemarkError(value)) errors.set(at, value);
      else if (errors.size > 0) errors.delete(at);
      column.set(at, isTidemarkError(value) ? null : value);
    },
    grow: (size) => column.grow(size),
  };
}

/** Deeper values than rules make are taken for different: comparing them would rely on the size of the stack. */
const DEEPEST = 64;

/** Whether a value is the one before: by contents, as one that was computed again is never the same object. */
export function isSame(a: unknown, b: unknown, depth = 0): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null)
    return Number.isNaN(a) && Number.isNaN(b);
  if (isTidemarkError(a) || isTidemarkError(b)) {
    return isTidemarkError(a) && isTidemarkError(b) && a.code === b.code && a.message === b.message;
  }
  if (a instanceof Date || b instanceof Date) {
    return a instanceof Date && b instanceof Date && Object.is(a.getTime(), b.getTime());
  }
  if (depth > DEEPEST || Array.isArray(a) !== Array.isArray(b)) return false;
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false;
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  const [one, other] = [a, b] as readonly Readonly<Record<string, unknown>>[];
  return keys.every((key) => Object.hasOwn(b, key) && isSame(one?.[key], other?.[key], depth + 1));
}
