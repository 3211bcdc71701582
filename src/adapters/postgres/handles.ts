import type { Sql } from '../../contract.js';

/**
 * Other libraries' handles as an {@link Sql}: a transaction's handle made so can be the `via` of a change or of a read, and a
 * whole connection the `sql` of `pgOrigin()`. Each is known by its shape, none is imported.
 */

/** What `pg` takes, of a Pool, a Client or a client of a pool. */
interface PgHandle {
  query(text: string, values: unknown[]): Promise<{ readonly rows: readonly unknown[] }>;
}

/**
 * Only `query` of a Pool or Client of `pg`, which both fit as they are: nothing else of it can be called through this.
 *
 * @example
 * await changes.add(change, { via: pgSql(client) });
 */
export const pgSql = (handle: PgHandle): Sql => ({
  query: (text, values) => handle.query(text, [...values]),
});

interface PrismaHandle {
  $queryRawUnsafe(text: string, ...values: unknown[]): PromiseLike<unknown>;
}

/**
 * Prisma: a client, or `tx` of `prisma.$transaction(async (tx) => …)`. The values stay parameters; "unsafe" is the text, which
 * is written here. Prisma gives `bigint` as bigint and `numeric` as Decimal, and refuses columns of type `void`.
 *
 * @example
 * await prisma.$transaction(async (tx) => { await changes.add(change, { via: prismaSql(tx) }); });
 */
export const prismaSql = (tx: PrismaHandle): Sql => ({
  query: async (text, values) => ({ rows: (await tx.$queryRawUnsafe(text, ...values)) as readonly unknown[] }),
});

interface KyselyHandle {
  /** Plugins may rename columns. */
  withoutPlugins(): {
    executeQuery(compiled: never): Promise<{ readonly rows: readonly unknown[] }>;
  };
}

/**
 * Kysely: a database, or `trx` of `db.transaction().execute(async (trx) => …)`. Plugins, which may rename columns, are left out.
 *
 * @example
 * await db.transaction().execute(async (trx) => { await changes.add(change, { via: kyselySql(trx) }); });
 */
export const kyselySql = (trx: KyselyHandle): Sql => ({
  query: async (text, values) => {
    const query = { kind: 'RawNode', sqlFragments: [text], parameters: [] };
    const compiled = { sql: text, parameters: [...values], query, queryId: { queryId: 'tidemark' } };
    return { rows: (await trx.withoutPlugins().executeQuery(compiled as never)).rows };
  },
});

interface KnexHandle {
  raw(text: string, values: never): PromiseLike<unknown>;
}

/**
 * Knex: a database, or `trx` of `knex.transaction(async (trx) => …)`. Knex knows `?` in place of `$1`: each `$n` becomes one, with
 * its value again where it is repeated, and a question mark of the text is escaped; it must not follow a backslash.
 *
 * @example
 * await knex.transaction(async (trx) => { await changes.add(change, { via: knexSql(trx) }); });
 */
export const knexSql = (trx: KnexHandle): Sql => ({
  query: async (text, values) => {
    const { texts, places } = placesIn(text);
    const escaped = texts.map((part) => part.replaceAll('?', '\\?')).join('?');
    const given = places.map((place) => values[place - 1]);
    return (await trx.raw(escaped, given as never)) as { readonly rows: readonly unknown[] };
  },
});

interface DrizzleHandle {
  execute(query: never): PromiseLike<unknown>;
}
/** The `sql` of `drizzle-orm`. */
interface DrizzleTag {
  raw(text: string): unknown;
  param(value: unknown): unknown;
  join(parts: never): unknown;
}

/**
 * Drizzle: a database, or `tx` of `db.transaction(async (tx) => …)`, over `pg` or `postgres`; `sql` is the one that `drizzle-orm`
 * exports, which writes the parameters. Drizzle gives times as text.
 *
 * @example
 * import { sql } from 'drizzle-orm';
 * await db.transaction(async (tx) => { await changes.add(change, { via: drizzleSql(tx, sql) }); });
 */
export const drizzleSql = (tx: DrizzleHandle, sql: DrizzleTag): Sql => ({
  query: async (text, values) => {
    const { texts, places } = placesIn(text);
    const parts = texts.flatMap((part, i) => {
      const place = places[i];
      return place === undefined ? [sql.raw(part)] : [sql.raw(part), sql.param(values[place - 1])];
    });
    const answer = (await tx.execute(sql.join(parts as never) as never)) as
      { readonly rows: readonly unknown[] } | readonly unknown[];
    return { rows: 'rows' in answer ? answer.rows : answer };
  },
});

/** Texts and names in quotation marks, dollar-quoted texts, comments; else a `$n`. */
const TOKENS = /'(?:[^']|'')*'|"(?:[^"]|"")*"|(\$(?:[A-Za-z_]\w*)?\$)[^]*?\1|--[^\n]*|\/\*[^]*?\*\/|\$(\d+)/g;

/** The text between its places, and of which value each place is: one text more than places. */
function placesIn(text: string): { readonly texts: readonly string[]; readonly places: readonly number[] } {
  const texts: string[] = [];
  const places: number[] = [];
  let from = 0;
  for (const { index, 0: token, 2: place } of text.matchAll(TOKENS)) {
    if (place === undefined) continue;
    texts.push(text.slice(from, index));
    places.push(Number(place));
    from = index + token.length;
  }
  return { texts: [...texts, text.slice(from)], places };
}
