/**
 * An own property of a value of the context; undefined if there is none. Nothing is ever read from a prototype, and a
 * function is no value.
 */
export function own(value: unknown, key: string): unknown {
  if (typeof value === 'object' ? value === null : typeof value !== 'string') return undefined;
  if (!Object.hasOwn(value as object, key)) return undefined;
  const found = (value as Readonly<Record<string, unknown>>)[key];
  return typeof found === 'function' ? undefined : found;
}

/** What lies at a path of own properties; undefined if nothing does. */
export function readPath(value: unknown, path: readonly string[]): unknown {
  let at = value;
  for (let i = 0; i < path.length; i++) {
    at = own(at, path[i] as string);
    if (at === undefined) return undefined;
  }
  return at;
}

/** 'a.b.0' as its segments; '' is the whole. */
export function segmentsOf(dotted: string): readonly string[] {
  return dotted === '' ? [] : dotted.split('.');
}

/** One text for each path, whatever is in its segments. */
export function keyOf(path: readonly string[]): string {
  return path.map((segment) => `${String(segment.length)}:${segment}`).join('');
}

/** A path with one more segment, as read sets write it: '.', '*' and '\' in a key are escaped. */
export function below(path: string, key: string): string {
  const segment = /[.*\\]/.test(key) ? key.replace(/[.*\\]/g, '\\$&') : key;
  return path === '' ? segment : `${path}.${segment}`;
}

/** The items of a list, or the fields of an object, whichever they are. */
export function itemsBelow(path: string): string {
  return path === '' ? '*' : `${path}.*`;
}

/** True if a read of `wider` covers one of `path`. */
export function covers(wider: string, path: string): boolean {
  return wider === '*' || wider === '' || path === wider || (path.startsWith(wider) && path[wider.length] === '.');
}
