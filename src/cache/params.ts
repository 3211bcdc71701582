import { TidemarkError } from '../errors.js';

/**
 * Parameters as text: the same for equal data whatever the order of fields, different for different data (`5` and
 * `'5'` differ, a field that is undefined counts as absent). Throws INVALID_PARAMS with the path of what is no plain data.
 */
export function paramsText(params: unknown): string {
  return textOf(params, 'params', []);
}

function textOf(value: unknown, path: string, above: readonly object[]): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value);
    case 'boolean':
    case 'undefined':
      return String(value);
    case 'bigint':
      return `${String(value)}n`;
    case 'number':
      // -0 and 0 are one key.
      if (Number.isFinite(value)) return String(value === 0 ? 0 : value);
      throw refused(path, 'a finite number', String(value));
    case 'object':
      return value === null ? 'null' : objectText(value, path, above);
    default:
      throw refused(path, 'plain data', `a ${typeof value}`);
  }
}

function objectText(value: object, path: string, above: readonly object[]): string {
  if (above.includes(value)) throw refused(path, 'plain data', 'a value that contains itself');
  const inside = [...above, value];
  if (Array.isArray(value)) {
    return `[${value.map((item, i) => textOf(item, `${path}[${String(i)}]`, inside)).join(',')}]`;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    throw refused(path, 'plain data', `an instance of ${value.constructor.name}`);
  }
  const fields = Object.entries(value)
    .filter(([, field]) => field !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, field]) => `${JSON.stringify(name)}:${textOf(field, `${path}.${name}`, inside)}`);
  return `{${fields.join(',')}}`;
}

function refused(path: string, expected: string, got: string): TidemarkError {
  return new TidemarkError('INVALID_PARAMS', `${path}: expected ${expected}, got ${got}.`);
}
