import { TidemarkError } from './errors.js';
import { type Frame, type SpatialOptions, frameOf } from './frame.js';

export type { SpatialOptions } from './frame.js';

/** What can be an id. Numbers and bigints need `parseId`, since keys and wires carry text. */
export type Id = string | number | bigint;

export type ComputedKind = 'boolean' | 'number' | 'string' | 'json';

/** A parent link: the field that holds the parent's id, or a function for polymorphic and many-to-many links. */
export type ParentLink<Row> = (keyof Row & string) | ((row: Row) => Id | readonly Id[] | null | undefined);

export interface EntityOptions<Row extends object> {
  /** The field that holds the id. Default `'id'`. */
  readonly id?: (keyof Row & string) | undefined;
  /** Turns an id's text back into an id. Required unless ids are strings. */
  readonly parseId?: ((text: string) => Id) | undefined;
  /** By parent type; the first is the tree's parent. A join table is an entity with two parents. */
  readonly parents?: { readonly [type: string]: ParentLink<Row> } | undefined;
  /** The prefix of its lists' keys. Default: the type's name and an `s`. */
  readonly plural?: string | undefined;
  /** The field with the row's version, a number that each write raises by one. */
  readonly version?: (keyof Row & string) | undefined;
  /** True for a row that is deleted softly: read as absent, left out of lists. */
  readonly deleted?: ((row: Row) => boolean) | undefined;
  /** Where the entity lies: `{x, y}`, `{lon, lat}` or GeoJSON; null or undefined for nowhere. */
  readonly geometry?: ((row: Row) => unknown) | undefined;
  /** Names and kinds of fields that rules compute. */
  readonly computed?: { readonly [field: string]: ComputedKind } | undefined;
  /** Fields whose values may be published with a change; of the others, names only. */
  readonly announce?: readonly (keyof Row & string)[] | undefined;
  /** Part of the tier 2 key: raise it when the row's shape changes, so that two app versions can share a store. */
  readonly schema?: string | number | undefined;
}

declare const rowType: unique symbol;

/** A declared entity type: its options, and its row as a type. */
export interface Entity<Row extends object, Options extends object> {
  readonly options: Options;
  readonly [rowType]?: Row;
}

/** Any entity, for constraints. */
export type AnyEntity = Entity<object, object>;

type IdField<Options> = Options extends { readonly id: infer Field extends string } ? Field : 'id';
type IdIn<Row, Options> = IdField<Options> extends keyof Row ? Extract<Row[IdField<Options>], Id> : never;

/** Refuses names that are none of `Known`, with a sentence a person can read. */
type NoOther<Options, Known, Of extends string> = {
  readonly [Name in Exclude<keyof Options, keyof Known>]: `'${Name & string}' is no option of ${Of}.`;
};
type NeedsId<Row, Options> = [IdIn<Row, Options>] extends [never]
  ? { readonly id: `The row has no '${IdField<Options>}' field that is a string, number or bigint: name the id field.` }
  : unknown;
type NeedsParseId<Row, Options> = [IdIn<Row, Options>] extends [string]
  ? unknown
  : { readonly parseId: (text: string) => IdIn<Row, Options> };

/**
 * Declares an entity type. Called twice so that the row's type is given and the options' are inferred.
 *
 * @example
 * const settlement = entity<Settlement>()({ parents: { kingdom: 'kingdomId' }, announce: ['name', 'level'] });
 */
export function entity<Row extends object>(): <const Options extends EntityOptions<Row>>(
  options: Options &
    NoOther<Options, EntityOptions<Row>, 'entity(): see EntityOptions'> &
    NeedsId<Row, Options> &
    NeedsParseId<Row, Options>,
) => Entity<Row, NoInfer<Options>> {
  return (options) => ({ options });
}

export interface BranchOptions {
  /** The branch that inherits from none. Default `'main'`. */
  readonly root?: string | undefined;
  /** A branch's parent; undefined for a branch that does not exist. Not called for the root. */
  readonly parentOf: (branch: string) => string | undefined;
}

type ParentNames<E> =
  E extends Entity<object, infer Options>
    ? Options extends { readonly parents: infer Parents }
      ? keyof Parents & string
      : never
    : never;

type CheckParents<Entities> = {
  readonly [Type in keyof Entities]: Exclude<ParentNames<Entities[Type]>, keyof Entities> extends never
    ? unknown
    : `'${Exclude<ParentNames<Entities[Type]>, keyof Entities>}', a parent of '${Type & string}', is no entity of this model.`;
};

/** What defineModel() takes. */
export interface ModelDefinition {
  readonly entities: Readonly<Record<string, AnyEntity>>;
  /** With branches, every call names one. */
  readonly branches?: BranchOptions | undefined;
  readonly spatial?: SpatialOptions | undefined;
}

/** A declared model. Everything else, types and keys, is read off it. */
export interface Model<
  Entities extends Readonly<Record<string, AnyEntity>> = Readonly<Record<string, AnyEntity>>,
  Branched extends boolean = boolean,
> {
  readonly entities: Entities;
  readonly branched: Branched;
  /** The compiled form that the core works with. */
  readonly topology: Topology;
}

export type AnyModel = Model;

// ── Types read off a model ──────────────────────────────────────────────────────────────────────────────────────

export type TypeName<M extends AnyModel> = keyof M['entities'] & string;
export type RecordOf<M extends AnyModel, Type extends TypeName<M>> =
  M['entities'][Type] extends Entity<infer Row, object> ? Readonly<Row> : never;
export type IdOf<M extends AnyModel, Type extends TypeName<M>> =
  M['entities'][Type] extends Entity<infer Row, infer Options> ? IdIn<Row, Options> : never;
/** The types that an entity type names as parents. */
export type ParentOf<M extends AnyModel, Type extends TypeName<M>> = ParentNames<M['entities'][Type]> & TypeName<M>;
/** One parent by type and id: `{ settlement: id }`. */
export type ParentRef<M extends AnyModel, Type extends TypeName<M>> = {
  [Parent in ParentOf<M, Type>]: { readonly [P in Parent]: IdOf<M, P> } & {
    readonly [Other in Exclude<ParentOf<M, Type>, Parent>]?: never;
  };
}[ParentOf<M, Type>];

interface ComputedTypes {
  readonly boolean: boolean;
  readonly number: number;
  readonly string: string;
  readonly json: unknown;
}
export type ComputedOf<M extends AnyModel, Type extends TypeName<M>> =
  M['entities'][Type] extends Entity<object, { readonly computed: infer Fields }>
    ? {
        readonly [Field in keyof Fields]: Fields[Field] extends ComputedKind
          ? ComputedTypes[Fields[Field]] | null
          : never;
      }
    : Readonly<Record<never, never>>;

// ── The compiled form ───────────────────────────────────────────────────────────────────────────────────────────

/** A row of unknown shape. */
export type AnyRow = Readonly<Record<string, unknown>>;

export interface ParentPlan {
  readonly type: string;
  /** Ids of the parents of this type; null if the row does not have the link at all. */
  idsOf(row: AnyRow): readonly Id[] | null;
}

/** One entity type, as the core reads it. */
export interface EntityPlan {
  readonly type: string;
  readonly plural: string;
  readonly idField: string;
  parseId(text: string): Id;
  readonly parents: readonly ParentPlan[];
  /** Types that name this one as a parent. */
  readonly children: readonly string[];
  /** Types below those; a type that is its own parent is among them. */
  readonly deeper: readonly string[];
  versionOf(row: AnyRow): number | undefined;
  isDeleted(row: AnyRow): boolean;
  readonly geometryOf: ((row: AnyRow) => unknown) | undefined;
  readonly announce: readonly string[];
  /** By field: its kind. */
  readonly computed: Readonly<Record<string, ComputedKind>>;
  readonly schema: string;
}

export interface Topology {
  readonly frame: Frame;
  readonly types: ReadonlyMap<string, EntityPlan>;
  readonly root: string;
  readonly parentOf: ((branch: string) => string | undefined) | undefined;
}

/** Words that begin the keys of other kinds of value, so they cannot be a type's name or plural. */
const RESERVED = new Set(['computed-fields', 'spatial', 'view']);

/**
 * Declares the model: the entity types, how they hang together, and optionally branches.
 * Throws INVALID_MODEL, UNKNOWN_PARENT or CYCLIC_PARENTS at once, naming the type.
 */
export function defineModel<
  const Entities extends Readonly<Record<string, AnyEntity>>,
  Given extends Omit<ModelDefinition, 'entities'>,
>(
  definition: { readonly entities: Entities & CheckParents<Entities> } & Given &
    NoOther<Given, ModelDefinition, 'defineModel(): see ModelDefinition'>,
): Model<Entities, Given extends { readonly branches: BranchOptions } ? true : false> {
  const { entities, branches, spatial }: ModelDefinition = definition;
  return {
    entities: definition.entities,
    branched: (branches !== undefined) as Given extends { readonly branches: BranchOptions } ? true : false,
    topology: {
      frame: frameOf(spatial),
      types: compile(entities),
      root: branches?.root ?? 'main',
      parentOf: branches === undefined ? undefined : (branch) => branches.parentOf(branch),
    },
  };
}

function compile(entities: Readonly<Record<string, AnyEntity>>): ReadonlyMap<string, EntityPlan> {
  const options = new Map(
    Object.entries(entities).map(([type, { options }]) => [type, options as EntityOptions<AnyRow>]),
  );
  if (options.size === 0)
    throw new TidemarkError('INVALID_MODEL', 'entities: expected at least one entity type, got none.');
  const prefixes = new Map<string, string>();
  const children = new Map<string, string[]>([...options.keys()].map((type) => [type, []]));
  for (const [type, { parents = {}, plural = `${type}s` }] of options) {
    for (const prefix of new Set([type, plural])) {
      const other = RESERVED.has(prefix) ? 'a reserved word' : prefixes.get(prefix);
      if (prefix.trim() === '' || other !== undefined) {
        throw new TidemarkError(
          'INVALID_MODEL',
          `entities.${type}: '${prefix}' begins its keys but is ${other ?? 'blank'}.`,
        );
      }
      prefixes.set(prefix, `the type or plural of '${type}'`);
    }
    for (const parent of Object.keys(parents)) {
      const siblings = children.get(parent);
      if (siblings === undefined) {
        const known = [...options.keys()].join(', ');
        throw new TidemarkError(
          'UNKNOWN_PARENT',
          `entities.${type}.parents: '${parent}' is no entity type; known: ${known}.`,
        );
      }
      siblings.push(type);
    }
  }
  for (const type of options.keys()) refuseCycle(type, options);
  return new Map([...options].map(([type, entity]) => [type, plan(type, entity, children)]));
}

function refuseCycle(start: string, options: ReadonlyMap<string, EntityOptions<AnyRow>>): void {
  const climb = (type: string, path: readonly string[]): void => {
    for (const parent of Object.keys(options.get(type)?.parents ?? {})) {
      if (parent === type) continue; // a folder in a folder: a tree of one type
      if (path.includes(parent)) {
        const cycle = [...path.slice(path.indexOf(parent)), parent].join(' → ');
        throw new TidemarkError(
          'CYCLIC_PARENTS',
          `entities.${parent}.parents: expected a tree, got the cycle ${cycle}.`,
        );
      }
      climb(parent, [...path, parent]);
    }
  };
  climb(start, [start]);
}

function plan(
  type: string,
  options: EntityOptions<AnyRow>,
  childrenOf: ReadonlyMap<string, readonly string[]>,
): EntityPlan {
  const children = childrenOf.get(type) ?? [];
  const deeper = new Set<string>();
  const descend = (from: readonly string[]): void => {
    for (const child of from) {
      for (const grandchild of childrenOf.get(child) ?? []) {
        if (deeper.has(grandchild)) continue;
        deeper.add(grandchild);
        descend([grandchild]);
      }
    }
  };
  descend(children);
  const { version, deleted, geometry } = options;
  return {
    type,
    plural: options.plural ?? `${type}s`,
    idField: options.id ?? 'id',
    parseId: options.parseId ?? ((text) => text),
    parents: Object.entries(options.parents ?? {}).map(([parent, link]) => parentPlan(parent, link)),
    children,
    deeper: [...deeper],
    versionOf: (row) => {
      const value = version === undefined ? undefined : row[version];
      return typeof value === 'number' || typeof value === 'bigint' ? Number(value) : undefined;
    },
    isDeleted: (row) => deleted !== undefined && deleted(row),
    geometryOf: geometry,
    announce: options.announce ?? [],
    computed: options.computed ?? {},
    schema: String(options.schema ?? ''),
  };
}

function parentPlan(type: string, link: ParentLink<AnyRow>): ParentPlan {
  const read = typeof link === 'function' ? link : (row: AnyRow): unknown => row[link];
  return {
    type,
    idsOf: (row) => {
      const value = read(row) as Id | readonly Id[] | null | undefined;
      // A function says "none" with undefined as with null; a field that is not there says nothing.
      if (value === undefined && typeof link !== 'function') return null;
      if (value === null || value === undefined) return [];
      return Array.isArray(value) ? (value as readonly Id[]) : [value as Id];
    },
  };
}
