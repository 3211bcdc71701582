import type { CallArguments } from './call.js';
import type { AnyModel, Entity, IdOf, RecordOf, TypeName } from './model.js';

/** The verbs of `spatial` as types, read off a model. No code. */

/** Named coordinates, in units of the model's SRID: `{lon, lat}` in degrees for 4326, `{x, y}` for every other. */
export type Point = { readonly x: number; readonly y: number } | { readonly lon: number; readonly lat: number };

/** GeoJSON in the model's SRID: rings are closed, the outer one first; its lines neither cross nor touch. */
export interface Region {
  readonly type: 'Polygon' | 'MultiPolygon';
  readonly coordinates: readonly unknown[];
}

/** The types that declare a geometry. */
export type PlacedType<M extends AnyModel> = {
  [T in TypeName<M>]: M['entities'][T] extends Entity<object, { readonly geometry: (row: never) => unknown }>
    ? T
    : never;
}[TypeName<M>];

/** An entity that lies somewhere. */
export type PlacedEntity<M extends AnyModel> = {
  [T in PlacedType<M>]: { readonly type: T; readonly id: IdOf<M, T> };
}[PlacedType<M>];

type Plain = string | number | boolean | null;

/** Values by field, one or several: only entities that have one of them, in every field named. */
export type Where<Row> = {
  readonly [Field in keyof Row as Extract<Row[Field], Plain> extends never ? never : Field]?:
    Extract<Row[Field], Plain> | readonly Extract<Row[Field], Plain>[] | undefined;
};

interface Limited<Row> {
  readonly where?: Where<Row> | undefined;
  /** At most so many, the first ones. Default: all. */
  readonly limit?: number | undefined;
}

/** A closed box: what lies on its border is in it. With degrees, `min.lon > max.lon` is a box across the antimeridian. */
export interface InBox<Row = object> extends Limited<Row> {
  readonly min: Point;
  readonly max: Point;
}

/** A closed disc; the radius in units of the SRID, in metres if the model's distances are geodesic. */
export interface Near<Row = object> extends Limited<Row> {
  readonly point: Point;
  readonly radius: number;
}

export interface Nearest<Row = object> {
  readonly point: Point;
  /** How many. */
  readonly k: number;
  /** Only those at most so far away. Default: however far. */
  readonly maxDistance?: number | undefined;
  readonly where?: Where<Row> | undefined;
}

export type Within<M extends AnyModel, Row = object> = Limited<Row> & {
  /** Leave out what only touches the border. Default false: the border counts. */
  readonly strict?: boolean | undefined;
} & (
    | { readonly region: PlacedEntity<M>; readonly polygon?: undefined }
    | { readonly polygon: Region; readonly region?: undefined }
  );

export interface Containing<Row = object> extends Limited<Row> {
  readonly point: Point;
  /** Leave out those on whose border the point lies. Default false. */
  readonly strict?: boolean | undefined;
}

/** An entity, a point, or GeoJSON. */
export type Placed<M extends AnyModel> =
  PlacedEntity<M> | Point | { readonly type: string; readonly coordinates: readonly unknown[] };

/**
 * Where things are. Answered by `createTidemark({ spatial })`, PostGIS say; without, by an index in this process, filled from
 * `origin.<type>.all`.
 */
export interface SpatialReader<M extends AnyModel, Call extends readonly unknown[] = []> {
  /** Everything that has a point in a box, by id. */
  inBox<T extends PlacedType<M>>(type: T, query: InBox<RecordOf<M, T>>, ...call: Call): Rows<M, T>;
  /** Everything within a distance, nearest first, then by id. */
  near<T extends PlacedType<M>>(type: T, query: Near<RecordOf<M, T>>, ...call: Call): Rows<M, T>;
  /** The k nearest, nearest first, then by id. */
  nearest<T extends PlacedType<M>>(type: T, query: Nearest<RecordOf<M, T>>, ...call: Call): Rows<M, T>;
  /** Everything no point of which is outside a region, by id. Rejects with NOT_PLACED if there is no such region. */
  within<T extends PlacedType<M>>(type: T, query: Within<M, RecordOf<M, T>>, ...call: Call): Rows<M, T>;
  /** The regions that a point lies in, by id. */
  containing<T extends PlacedType<M>>(type: T, query: Containing<RecordOf<M, T>>, ...call: Call): Rows<M, T>;
  /** In units of the SRID, or geodesic metres; 0 for what has a point in common. Rejects with NOT_PLACED. */
  distance(a: Placed<M>, b: Placed<M>, ...call: Call): Promise<number>;
  /** Whether two regions have an area in common and neither lies in the other. Rejects with NOT_PLACED. */
  overlaps(a: Placed<M>, b: Placed<M>, ...call: Call): Promise<boolean>;
}

type Rows<M extends AnyModel, T extends TypeName<M>> = Promise<readonly RecordOf<M, T>[]>;

/** The same outside a scope. */
export type TideSpatial<M extends AnyModel> = SpatialReader<M, CallArguments<M>>;
