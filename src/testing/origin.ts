import assert from 'node:assert/strict';
import type { EntityOrigin, OriginContext } from '../contract.js';

type Link<Row> = (keyof Row & string) | ((row: Row) => unknown);

/** The rows of one type, as a database would hold them. */
export interface FakeTable<Row extends object> {
  /** Rows of the root branch. */
  readonly rows?: readonly Row[] | undefined;
  /** Rows that other branches have of their own. */
  readonly branches?: { readonly [branch: string]: readonly NoInfer<Row>[] } | undefined;
  /** The field that holds the id. Default `'id'`. */
  readonly id?: (keyof NoInfer<Row> & string) | undefined;
  /** By parent type, as in the model: a field, or a function to an id, ids or nothing. */
  readonly parents?: { readonly [type: string]: Link<NoInfer<Row>> } | undefined;
}

export interface FakeOriginOptions {
  /** Default `'main'`. */
  readonly root?: string | undefined;
  /** The branch that a branch inherits rows from, as in the model. Default: all others inherit from the root. */
  readonly parentOf?: ((branch: string) => string | undefined) | undefined;
}

/** The type of a row's id; unknown where its field has another name. */
type IdIn<Row> = Row extends { readonly id: infer Id } ? Id : unknown;

/** One call that the origin received. */
export interface OriginCall {
  readonly type: string;
  readonly kind: 'byIds' | 'childrenOf';
  /** The parents' type; undefined for `byIds`. */
  readonly parent: string | undefined;
  readonly ids: readonly unknown[];
  readonly branch: string;
  readonly branches: readonly string[];
  readonly via: unknown;
  readonly recentlyChanged: boolean;
  readonly signal: AbortSignal;
}

export interface FakeOrigin<Rows extends Readonly<Record<string, object>>> {
  readonly origin: {
    readonly [Type in keyof Rows]: EntityOrigin<IdIn<Rows[Type]>, Rows[Type]> & {
      readonly childrenOf: Readonly<
        Record<string, (parentIds: readonly unknown[], context: OriginContext) => Promise<Rows[Type][]>>
      >;
    };
  };
  /** Every call so far, oldest first. */
  readonly calls: readonly OriginCall[];
  countOf(type: keyof Rows & string, kind?: OriginCall['kind']): number;
  /** Inserts or replaces a row. In another branch than the root it overrides what that branch inherits. */
  put<Type extends keyof Rows & string>(type: Type, row: Rows[Type], branch?: string): void;
  /** Deletes a row. In another branch than the root it hides what that branch inherits. */
  remove(type: keyof Rows & string, id: unknown, branch?: string): void;
  /** The next call for this type rejects with `error`; or, with `ids`, answers and fails just these. Repeat for more. */
  failNext(type: keyof Rows & string, error: Error, ids?: readonly unknown[]): void;
  /**
   * Calls for this type read their rows when they arrive but answer only after `release()`: what a slow query does, and
   * what makes a stale set.
   */
  hold(type: keyof Rows & string): () => void;
}

/** A {@link FakeTable} of rows of any shape. */
interface AnyTable {
  readonly rows?: readonly object[] | undefined;
  readonly branches?: { readonly [branch: string]: readonly object[] } | undefined;
  readonly id?: string | undefined;
  readonly parents?: { readonly [type: string]: AnyLink } | undefined;
}
type AnyLink = string | ((row: never) => unknown);

/** Rows by id; null hides what is inherited. */
type Branch = Map<unknown, object | null>;

interface Table {
  readonly id: string;
  readonly parents: Readonly<Record<string, AnyLink>>;
  readonly branches: Map<string, Branch>;
  readonly failures: { readonly error: Error; readonly ids: readonly unknown[] | undefined }[];
  readonly holds: Set<Promise<void>>;
}

/**
 * An origin over rows in memory that records what it was asked. Rows are copied in and out, as from a database; absent
 * ones are left out of answers.
 *
 * @example
 * const db = fakeOrigin({ settlement: { rows: [{ id: 's1', kingdomId: 'k1' }], parents: { kingdom: 'kingdomId' } } });
 * const tide = createTidemark({ model, origin: db.origin });
 * await tide.get('settlement', 's1');
 * db.countOf('settlement'); // 1
 */
export function fakeOrigin<Rows extends Readonly<Record<string, object>>>(
  data: { readonly [Type in keyof Rows]: FakeTable<Rows[Type]> },
  options: FakeOriginOptions = {},
): FakeOrigin<Rows> {
  const root = options.root ?? 'main';
  const parentOf = options.parentOf ?? (() => root);
  const calls: OriginCall[] = [];
  const tables = new Map<string, Table>();
  for (const [type, table] of Object.entries<AnyTable>(data)) {
    const id = table.id ?? 'id';
    const branches = Object.entries({ ...table.branches, [root]: table.rows ?? [] });
    tables.set(type, {
      id,
      parents: table.parents ?? {},
      branches: new Map(
        branches.map(([branch, rows]) => [branch, new Map(rows.map((row) => [idOf(row, id), copy(row)]))]),
      ),
      failures: [],
      holds: new Set(),
    });
  }

  const tableOf = (type: string): Table => {
    const table = tables.get(type);
    assert.ok(table, `fakeOrigin: '${type}' is none of its types: ${[...tables.keys()].join(', ')}.`);
    return table;
  };
  /** The rows a branch shows: its own over those it inherits. */
  const visible = (table: Table, branch: string): ReadonlyMap<unknown, object> => {
    const inherited = branch === root ? undefined : parentOf(branch);
    const rows = new Map(inherited === undefined ? [] : visible(table, inherited));
    for (const [id, row] of table.branches.get(branch) ?? []) {
      if (row === null) rows.delete(id);
      else rows.set(id, row);
    }
    return rows;
  };
  const ownRows = (table: Table, branch: string): Branch => {
    const rows = table.branches.get(branch) ?? (new Map() as Branch);
    table.branches.set(branch, rows);
    return rows;
  };
  const answer = async <Answer>(
    call: Pick<OriginCall, 'type' | 'kind' | 'parent' | 'ids'>,
    context: OriginContext,
    select: (table: Table, failed: ReadonlyMap<unknown, Error>) => Answer,
  ): Promise<Answer> => {
    const { branch, branches, via, recentlyChanged, signal } = context;
    calls.push({ ...call, ids: [...call.ids], branch, branches, via, recentlyChanged, signal });
    const table = tableOf(call.type);
    const failure = table.failures.shift();
    const selected = select(table, new Map(failure?.ids?.map((id) => [id, failure.error])));
    await Promise.all(table.holds);
    if (failure !== undefined && failure.ids === undefined) throw failure.error;
    return selected;
  };

  const originOf = (type: string): EntityOrigin<unknown, object> => {
    const childrenOf = Object.entries(tableOf(type).parents).map(([parent, link]) => {
      const load = (ids: readonly unknown[], context: OriginContext): Promise<object[]> =>
        answer({ type, kind: 'childrenOf', parent, ids }, context, (table) => {
          const wanted = new Set(ids);
          const rows = [...visible(table, context.branch).values()];
          return rows.filter((row) => linked(row, link).some((id) => wanted.has(id))).map(copy);
        });
      return [parent, load] as const;
    });
    return {
      byIds: (ids, context) =>
        answer({ type, kind: 'byIds', parent: undefined, ids }, context, (table, failed) => {
          const rows = visible(table, context.branch);
          const found = ids.flatMap((id) => {
            const row = rows.get(id);
            return row === undefined ? [] : [[id, copy(row)] as const];
          });
          return failed.size === 0 ? found.map(([, row]) => row) : new Map<unknown, object>([...found, ...failed]);
        }),
      childrenOf: Object.fromEntries(childrenOf),
    };
  };

  return {
    origin: Object.fromEntries([...tables.keys()].map((type) => [type, originOf(type)])) as FakeOrigin<Rows>['origin'],
    calls,
    countOf: (type, kind) =>
      calls.filter((call) => call.type === type && (kind === undefined || call.kind === kind)).length,
    put: (type, row, branch = root) => {
      const table = tableOf(type);
      ownRows(table, branch).set(idOf(row, table.id), copy(row));
    },
    remove: (type, id, branch = root) => {
      const rows = ownRows(tableOf(type), branch);
      if (branch === root) rows.delete(id);
      else rows.set(id, null);
    },
    failNext: (type, error, ids) => {
      tableOf(type).failures.push({ error, ids });
    },
    hold: (type) => {
      const { holds } = tableOf(type);
      let open = (): void => {};
      const held = new Promise<void>((resolve) => {
        open = resolve;
      });
      holds.add(held);
      return () => {
        holds.delete(held);
        open();
      };
    },
  };
}

const copy = <Row extends object>(row: Row): Row => structuredClone(row);

const idOf = (row: object, field: string): unknown => (row as Readonly<Record<string, unknown>>)[field];

/** The ids of the parents that a row names. */
function linked(row: object, link: AnyLink): readonly unknown[] {
  const value = typeof link === 'function' ? (link as (row: object) => unknown)(row) : idOf(row, link);
  if (value === null || value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}
