import type { ChildrenOf, Clock, EntityOrigin, Sql } from '../../contract.js';
import type { OriginPool } from './origin-run.js';
import type { NamedTable } from './tables.js';

/** What pgOrigin() takes, read off a model. A model is known by its shape: an adapter imports none of it. */

/** What a model has that its rows' types can be read off. */
export interface ModelShape {
  readonly entities: Readonly<Record<string, { readonly options: object }>>;
}

type TypeIn<M extends ModelShape> = keyof M['entities'] & string;
/** An entity carries its row as a type under a key that nobody else knows. */
type RowIn<E> = NonNullable<E[Exclude<keyof E, 'options'>]>;
type IdFieldIn<E> = E extends { readonly options: { readonly id: infer Field extends string } } ? Field : 'id';
type IdIn<E> = IdFieldIn<E> extends keyof RowIn<E> ? RowIn<E>[IdFieldIn<E>] : never;
type ParentIn<M extends ModelShape, E> = E extends { readonly options: { readonly parents: infer Parents } }
  ? keyof Parents & TypeIn<M>
  : never;

export type OriginOrder = string | { readonly column: string; readonly descending: true };

/** A column of which the row gets something else than the driver makes of it. */
export interface OriginColumn {
  readonly column: string;
  /**
   * `'geojson'`: of a geometry or geography, an object in the column's own SRID. `'text'`: as PostgreSQL writes it.
   * `'number'`: of any type of number, rounded where it has more than 53 bits. `'bigint'`: of a whole number. Left out: as
   * of a column named alone.
   */
  readonly as?: 'geojson' | 'text' | 'number' | 'bigint' | undefined;
  /** True: where the column is null the row does not have the field at all. */
  readonly optional?: boolean | undefined;
}

/** By field of the row. The id's field may be left out: it is the one whose column is `id`, else `'id'`. */
type Columns<E> = {
  readonly [Field in keyof RowIn<E> & string as Field extends IdFieldIn<E> ? never : Field]: string | OriginColumn;
} & { readonly [Field in IdFieldIn<E>]?: string | undefined };

type IdTypeOf<E> = [IdIn<E>] extends [string]
  ? { readonly idType?: 'text' | 'uuid' | undefined }
  : { readonly idType: [IdIn<E>] extends [bigint] ? 'bigint' : 'number' };

/** Mapped over every type, so that one that is no parent is said to be none. */
type ParentColumns<M extends ModelShape, T extends TypeIn<M>> = {
  readonly [P in TypeIn<M>]?:
    (P extends ParentIn<M, M['entities'][T]> ? string : `'${P}' is no parent of '${T}' in this model.`) | undefined;
};

/** Where the rows of one type are. All names are those of the database, unquoted. */
export type OriginTable<M extends ModelShape, T extends TypeIn<M>> = Omit<NamedTable, 'idType'> &
  IdTypeOf<M['entities'][T]> & {
    /** The column of each field of the row. */
    readonly columns: Columns<M['entities'][T]>;
    /** The column with the parent's id, by parent type: for what is listed under its parents. */
    readonly parents?: ParentColumns<M, T> | undefined;
    /** How what is listed under a parent is ordered; rows that are equal in this, and all if left out, by id. */
    readonly orderBy?: readonly OriginOrder[] | undefined;
    /** Of no use here: the column that `postgis()` takes, so that one description serves both. */
    readonly geometry?: string | undefined;
  };

type Tables<M extends ModelShape> = { readonly [T in TypeIn<M>]?: OriginTable<M, T> | undefined };

export interface OriginSettings {
  /**
   * A Pool of `pg`, a Client, or what one of {@link pgSql}, {@link prismaSql}, {@link kyselySql}, … makes of another library's
   * handle. Whoever made it ends it. Only with a Pool is a statement that takes too long cancelled in the server.
   */
  readonly sql: Sql | OriginPool;
  /** A pool of a read replica, asked unless something was changed within the last seconds. Say `originLagMs` beside it. */
  readonly replica?: Sql | OriginPool | undefined;
  /** When a statement is cancelled, if the read's own deadline does not end before. Default: by that alone. */
  readonly statementTimeoutMs?: number | undefined;
  /** Rows per statement where all rows of a type are read. Default 1,000. */
  readonly pageSize?: number | undefined;
  readonly clock?: Clock | undefined;
}

export type PgOriginOptions<M extends ModelShape> = OriginSettings & {
  /** By entity type; those left out are loaded otherwise. */
  readonly tables: [M] extends [never]
    ? "The rows' types are read off the model: write pgOrigin<typeof model>({ … })."
    : Tables<M>;
};

/** Fits the `origin` of createTidemark() for the model. */
export type PgOrigin<M extends ModelShape> = {
  readonly [T in TypeIn<M>]?: EntityOrigin<
    IdIn<M['entities'][T]>,
    Readonly<RowIn<M['entities'][T]>>,
    {
      readonly [P in ParentIn<M, M['entities'][T]>]?: ChildrenOf<
        IdIn<M['entities'][P]>,
        Readonly<RowIn<M['entities'][T]>>
      >;
    }
  >;
};
