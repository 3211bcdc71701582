import { TidemarkError } from '../../errors.js';
import { own } from '../path.js';
import { shown } from '../site.js';

export type FieldKind = 'boolean' | 'number' | 'string' | 'json';

type RowId = string | number | bigint;

/** The shape of the world that computed fields live in, by entity type. */
export interface FieldSchema {
  readonly [type: string]: EntityShape;
}

export interface EntityShape {
  /** The field that holds a row's id. Default `'id'`. */
  readonly id?: string | undefined;
  /** Links to a parent row, by the name that rules use. */
  readonly parents?: { readonly [hop: string]: ParentHop } | undefined;
  /** Lists of child rows, by the name that rules use. */
  readonly children?: { readonly [hop: string]: ChildHop } | undefined;
  readonly computed?: { readonly [field: string]: FieldKind } | undefined;
}

export interface ParentHop {
  readonly type: string;
  /** The field with the parent's id, or a function; of several ids the hop takes the first. Null or undefined: no parent. */
  readonly id: string | ((row: object) => RowId | readonly RowId[] | null | undefined);
}

export interface ChildHop {
  readonly type: string;
  /** The child's hop to this parent. Default: the only one that leads to this type. */
  readonly by?: string | undefined;
}

/** A parent link: rows of `from` hang beneath rows of `to`. */
export interface Link {
  readonly key: string;
  /** The child's hop. */
  readonly name: string;
  /** The child's field, if it is one. */
  readonly field: string | undefined;
  readonly from: string;
  readonly to: string;
  idsOf(row: object): readonly string[];
}

/** One step of a path from row to row: up to the parent that a link names, or down to the children that name it. */
export interface Hop {
  readonly name: string;
  readonly from: string;
  readonly to: string;
  readonly many: boolean;
  readonly link: Link;
}

export interface TypeShape {
  readonly type: string;
  /** As text. Throws ROW_WITHOUT_ID. */
  idOf(row: object): string;
  readonly links: readonly Link[];
  readonly hops: ReadonlyMap<string, Hop>;
  readonly computed: ReadonlyMap<string, FieldKind>;
}

/** A schema, checked. */
export interface Shape {
  readonly schema: FieldSchema;
  readonly types: ReadonlyMap<string, TypeShape>;
  /** What a context holds besides the entity. */
  readonly inputs: readonly string[];
}

const KINDS: readonly string[] = ['boolean', 'number', 'string', 'json'];

/** Throws INVALID_MODEL with the place that contradicts the rest. */
export function shapeOf(schema: FieldSchema, inputs: readonly string[]): Shape {
  const links = new Map<string, Link>();
  for (const [type, { parents = {} }] of Object.entries(schema)) {
    checkName(`schema.${type}`, type);
    if (inputs.includes(type)) throw invalid(`schema.${type}`, `expected a name that is no input, got '${type}'`);
    for (const [hop, { type: to, id }] of Object.entries(parents)) {
      known(schema, to, `schema.${type}.parents.${hop}`);
      const key = keyOf(type, hop);
      const field = typeof id === 'string' ? id : undefined;
      links.set(key, { key, name: hop, field, from: type, to, idsOf: idsBy(id) });
    }
  }
  const types = new Map<string, TypeShape>();
  for (const [type, shape] of Object.entries(schema)) types.set(type, typeShapeOf(type, shape));
  return { schema, types, inputs };

  function typeShapeOf(
    type: string,
    { id = 'id', parents = {}, children = {}, computed = {} }: EntityShape,
  ): TypeShape {
    const hops = new Map<string, Hop>();
    const own = Object.keys(parents).map((name) => links.get(keyOf(type, name)) as Link);
    const add = (place: string, hop: Hop): void => {
      checkName(place, hop.name);
      if (hops.has(hop.name)) throw invalid(place, 'expected a name that is no parent, got one');
      hops.set(hop.name, hop);
    };
    Object.keys(parents).forEach((name, i) => {
      const link = own[i] as Link;
      add(`schema.${type}.parents.${name}`, { name, from: type, to: link.to, many: false, link });
    });
    for (const [name, child] of Object.entries(children)) {
      const place = `schema.${type}.children.${name}`;
      known(schema, child.type, place);
      add(place, { name, from: type, to: child.type, many: true, link: linkBack(type, child, place) });
    }
    for (const [field, kind] of Object.entries(computed)) {
      const place = `schema.${type}.computed.${field}`;
      checkName(place, field);
      if (hops.has(field)) throw invalid(place, 'expected a name that is no parent or child list, got one');
      if (!KINDS.includes(kind)) throw invalid(place, `expected one of ${KINDS.join(', ')}, got ${shown(kind)}`);
    }
    return { type, idOf: (row) => idOf(type, id, row), links: own, hops, computed: new Map(Object.entries(computed)) };
  }

  function linkBack(type: string, child: ChildHop, place: string): Link {
    const names = Object.entries(schema[child.type]?.parents ?? {}).filter(([, parent]) => parent.type === type);
    const fitting = names.filter(([name]) => child.by === undefined || name === child.by);
    const [only] = fitting;
    if (only !== undefined && fitting.length === 1) return links.get(keyOf(child.type, only[0])) as Link;
    const got = child.by === undefined ? String(fitting.length) : shown(child.by);
    throw invalid(
      place,
      `expected 'by' to name one of the parents of '${child.type}' that are a '${type}', got ${got}`,
    );
  }
}

function keyOf(type: string, name: string): string {
  return JSON.stringify([type, name]);
}

function idsBy(id: ParentHop['id']): Link['idsOf'] {
  const given = typeof id === 'function' ? id : (row: object) => own(row, id) as RowId | null | undefined;
  return (row) => {
    const ids = given(row);
    if (ids == null) return [];
    return typeof ids === 'object' ? ids.map(String) : [String(ids)];
  };
}

function idOf(type: string, field: string, row: object): string {
  const id = own(row, field);
  const text = typeof id === 'string' || typeof id === 'number' || typeof id === 'bigint' ? String(id) : '';
  if (text.trim() !== '') return text;
  throw new TidemarkError('ROW_WITHOUT_ID', `${type}: expected an id in '${field}' of the row, got ${shown(id)}.`);
}

function known(schema: FieldSchema, type: string, place: string): void {
  if (!Object.hasOwn(schema, type)) throw invalid(place, `expected a type of the schema, got ${shown(type)}`);
}

function checkName(place: string, name: string): void {
  if (name.trim() !== '' && !/^\d+$|[.*\\]|^__proto__$/.test(name)) return;
  throw invalid(place, `expected a name that a path can have, got ${shown(name)}`);
}

function invalid(place: string, said: string): TidemarkError {
  return new TidemarkError('INVALID_MODEL', `${place}: ${said}.`);
}
