/**
 * Values as bytes for tier 2: what goes in comes out.
 *
 * An entry is JSON. Where values occur that JSON has no form for, it begins with a tab and is `[outline, data]`: the
 * data with stand-ins, and a small tree of the places where they stand. Decoding is `JSON.parse` and a visit to those
 * places only; a reviver, which is called for every value, costs several times as much.
 *
 *     \t[{"of":"*","in":["at","d"]},[{"id":1,"at":1700000000000},{"id":2,"at":null}]]
 */
import { TidemarkError, isTidemarkError } from '../errors.js';
import { MAX_DEPTH, type Outline, corrupt, revive, setOwn, sharedOutline } from './outline.js';

/** Turns values into the bytes of a tier 2 entry and back. Both directions are synchronous and keep nothing. */
export interface Codec {
  /** Names the format: codecs that cannot read each other's bytes have different names. */
  readonly name: string;
  /** @throws `UNENCODABLE` or `CYCLIC_VALUE`, naming the path, for what {@link Codec.decode} could not give back. */
  encode(value: unknown): Uint8Array;
  /** @throws `CORRUPT_ENTRY`, and nothing else, for bytes that {@link Codec.encode} did not write. */
  decode(bytes: Uint8Array): unknown;
}

/**
 * The default codec. Keeps, at any depth: `Date` (invalid ones too), `Map`, `Set`, `bigint`, `undefined` as against
 * `null`, `NaN`, `±Infinity`, `-0`, `Uint8Array`, `Buffer`, lone surrogates, and own keys called `__proto__` as data.
 *
 * - Refused, naming the path: class instances, functions, symbols, symbol keys, cycles, more than 1,000 levels (a Map
 *   counts as two).
 * - Changed knowingly: a hole in an array comes back as `undefined`, an object without prototype as a plain one, a
 *   value held in two places as two values.
 * - Data are own enumerable fields (a getter counts as its value) and the items of arrays, Maps and Sets. What else
 *   hangs on one of those is not seen, as in JSON.
 *
 * @example
 * typedJson.decode(typedJson.encode({ at: new Date(0), tags: new Set(['port']) })); // { at: Date, tags: Set }
 */
export const typedJson: Codec = {
  name: 'typed-json',

  encode(value) {
    const walk: Walk = { path: [], ancestors: [] };
    try {
      const special = isPlain(value) ? undefined : visit(walk, value, 0);
      if (special === undefined) return Buffer.from(JSON.stringify(value));
      return Buffer.from(OUTLINED + JSON.stringify([special.outline, special.data]));
    } catch (error) {
      if (isTidemarkError(error)) throw error;
      // A getter of the host threw, the text would be longer than a string can be, or the stack is all but used up.
      throw new TidemarkError('UNENCODABLE', 'The value cannot be read, or is too large to write.', { cause: error });
    }
  },

  decode(bytes) {
    try {
      const text = UTF8.decode(bytes);
      const entry: unknown = JSON.parse(text);
      if (!text.startsWith(OUTLINED)) return entry;
      if (!Array.isArray(entry) || entry.length !== 2) throw corrupt('expected an outline and its data');
      return revive({ depth: 0, stars: 0 }, entry[1], entry[0]);
    } catch (error) {
      if (isTidemarkError(error)) throw error;
      throw corrupt('its bytes are no JSON in UTF-8', error);
    }
  },
};

// A blank that JSON.stringify never begins with and JSON.parse skips.
const OUTLINED = '\t';
const MIN_BY_ID = 8;
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** JSON data that stands for a value, and where in it something is to be revived. */
interface Special {
  readonly data: unknown;
  readonly outline: Outline;
}

/** The way from the root to the value being visited. Entries beyond its depth are left over from other branches. */
interface Walk {
  readonly path: (string | number)[];
  readonly ancestors: object[];
}

/** True for what JSON keeps as it is, containers aside. */
function isPlain(value: unknown): boolean {
  if (typeof value === 'number') return Number.isFinite(value) && !Object.is(value, -0);
  return typeof value === 'string' || typeof value === 'boolean' || value === null;
}

/** The stand-in for a value that is not plain; undefined for a container with nothing special in it. */
function visit(walk: Walk, value: unknown, depth: number): Special | undefined {
  switch (typeof value) {
    case 'undefined':
      return { data: null, outline: 'u' };
    case 'number':
      return { data: Object.is(value, -0) ? '-0' : String(value), outline: 'f' };
    case 'bigint':
      return { data: String(value), outline: 'n' };
    case 'object':
      return visitObject(walk, value as object, depth);
    default:
      throw refusal(walk, depth, typeof value === 'function' ? 'a function' : `a ${typeof value}`);
  }
}

function visitObject(walk: Walk, value: object, depth: number): Special | undefined {
  const kind = kindOf(value);
  if (kind === 'Date') {
    const ms = (value as Date).getTime();
    return Number.isNaN(ms) ? { data: null, outline: 'x' } : { data: ms, outline: 'd' };
  }
  if (kind === 'Uint8Array' || kind === 'Buffer') {
    const { buffer, byteOffset, byteLength } = value as Uint8Array;
    const base64 = Buffer.from(buffer, byteOffset, byteLength).toString('base64');
    return { data: base64, outline: kind === 'Buffer' ? 'B' : 'b' };
  }
  if (depth >= MAX_DEPTH) throw refusal(walk, depth, 'more than 1,000 levels');
  for (let above = 0; above < depth; above++) {
    if (walk.ancestors[above] !== value) continue;
    const found = `${pathText(walk, depth)}: expected plain data, got the value at ${pathText(walk, above)} again.`;
    throw new TidemarkError('CYCLIC_VALUE', found);
  }
  walk.ancestors[depth] = value;
  switch (kind) {
    case 'Object':
      return visitFields(walk, value as Readonly<Record<string, unknown>>, depth);
    case 'Array':
      return visitItems(walk, value as readonly unknown[], depth);
    case 'Map':
    case 'Set': {
      const items = [...(value as Iterable<unknown>)];
      const inside = visitItems(walk, items, depth) ?? { data: items, outline: [] };
      return { data: inside.data, outline: { of: kind === 'Map' ? 'map' : 'set', in: inside.outline } };
    }
    default:
      throw refusal(walk, depth, described(value));
  }
}

function visitFields(walk: Walk, fields: Readonly<Record<string, unknown>>, depth: number): Special | undefined {
  for (const symbol of Object.getOwnPropertySymbols(fields)) {
    if (Object.prototype.propertyIsEnumerable.call(fields, symbol)) {
      throw refusal(walk, depth, `the symbol key ${String(symbol)}`);
    }
  }
  let data: Record<string, unknown> | undefined;
  const pairs: (string | Outline)[] = [];
  for (const key of Object.keys(fields)) {
    const value = fields[key];
    if (isPlain(value)) continue;
    walk.path[depth] = key;
    const special = visit(walk, value, depth + 1);
    if (special === undefined) continue;
    data ??= { ...fields };
    setOwn(data, key, special.data);
    pairs.push(key, special.outline);
  }
  if (data === undefined) return undefined;
  // So many are no record with named columns but rows by id.
  const byId = pairs.length >= 2 * MIN_BY_ID;
  return { data, outline: (byId && sharedOutline(pairs, Object.values(fields), Object.values(data))) || pairs };
}

function visitItems(walk: Walk, items: readonly unknown[], depth: number): Special | undefined {
  let data: unknown[] | undefined;
  const pairs: (number | Outline)[] = [];
  for (let i = 0; i < items.length; i++) {
    const value = items[i];
    if (isPlain(value)) continue;
    walk.path[depth] = i;
    const special = visit(walk, value, depth + 1);
    if (special === undefined) continue;
    data ??= items.slice();
    data[i] = special.data;
    pairs.push(i, special.outline);
  }
  return data && { data, outline: sharedOutline(pairs, items, data) ?? pairs };
}

/** Which built-in a value is, by its brand: test runners and fake clocks bring a Date or Map of another realm. */
function kindOf(value: object): string {
  const prototype = Object.getPrototypeOf(value) as object | null;
  if (prototype === null || prototype === Object.prototype) return 'Object';
  if (prototype === Array.prototype && Array.isArray(value)) return 'Array';
  const brand = Object.prototype.toString.call(value).slice(8, -1);
  const name = classOf(value);
  if (brand === 'Object') return name === 'Object' && Object.getPrototypeOf(prototype) === null ? 'Object' : 'none';
  if (brand === name) return brand;
  if (brand === 'Uint8Array' && name === 'Buffer') return 'Buffer';
  // A fake clock's Date is a subclass that adds nothing; one that adds a time zone would lose it.
  return brand === 'Date' && Reflect.ownKeys(prototype).length === 1 ? 'Date' : 'none';
}

function classOf(value: object): string {
  const prototype = Object.getPrototypeOf(value) as { readonly constructor?: { readonly name?: unknown } } | null;
  const name = prototype?.constructor?.name;
  return typeof name === 'string' ? name : '';
}

function described(value: object): string {
  const name = classOf(value);
  return name === '' || name === 'Object' ? 'an object that inherits from another' : `an instance of ${name}`;
}

function refusal(walk: Walk, depth: number, got: string): TidemarkError {
  return new TidemarkError('UNENCODABLE', `${pathText(walk, depth)}: expected plain data, got ${got}.`);
}

function pathText(walk: Walk, depth: number): string {
  const steps = walk.path.slice(0, depth).map((key) => {
    if (typeof key === 'number') return `[${key}]`;
    return /^[A-Za-z_$][\w$]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
  });
  if (steps.length > 16) steps.splice(8, steps.length - 16, '…');
  return `$${steps.join('')}`;
}
