import { TidemarkError } from '../errors.js';

/**
 * A deep copy of plain objects and arrays, frozen; anything else (a Date, a Map, an instance) is kept as it is. Cached
 * values are shared by all readers, so none may change them, and the origin's own rows must stay its own. A value that
 * contains itself is refused with CYCLIC_VALUE: no store could keep it.
 */
export function frozenCopy(value: unknown): unknown {
  return typeof value === 'object' && value !== null ? copyObject(value, null) : value;
}

/** `seen` is made only once objects nest: flat rows, the common case, need none. */
function copyObject(value: object, seen: Map<object, object> | null): object {
  const known = seen?.get(value);
  if (known !== undefined) {
    // A copy is frozen once it is complete: this one is still being made, further up.
    if (Object.isFrozen(known)) return known;
    throw new TidemarkError('CYCLIC_VALUE', 'expected plain data, got a value that contains itself.');
  }
  if (Array.isArray(value)) {
    const copy: unknown[] = new Array<unknown>(value.length);
    const inner = (seen ?? new Map<object, object>()).set(value, copy);
    for (let i = 0; i < value.length; i++) copy[i] = copyAny(value[i], inner);
    return Object.freeze(copy);
  }
  if (!isPlain(value)) return value;
  // Freezing a copy made by spread gives each one a hidden class of its own in V8, 216 bytes a row. Object.assign would
  // hand a field of this name to the prototype's setter.
  const copy = (Object.hasOwn(value, '__proto__') ? { ...value } : Object.assign({}, value)) as Record<string, unknown>;
  let inner = seen;
  for (const name in copy) {
    const field = copy[name];
    if (typeof field !== 'object' || field === null) continue;
    inner ??= new Map();
    inner.set(value, copy);
    copy[name] = copyObject(field, inner);
  }
  return Object.freeze(copy);
}

function copyAny(value: unknown, seen: Map<object, object>): unknown {
  return typeof value === 'object' && value !== null ? copyObject(value, seen) : value;
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
