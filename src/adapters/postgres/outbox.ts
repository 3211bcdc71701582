import type { Outbox, OutboxInfo, SweptRow } from '../../contract.js';
import { TidemarkError, messageOf } from '../../errors.js';
import { type PgClient, type PgPool, listenForErrors, take } from './client.js';
import { type Run, runOn } from './run.js';
import { DEFAULT_SCHEMA, quotedSchema } from './schema/name.js';

export interface PgOutboxOptions {
  /** A Pool of `pg` to the primary that changes are committed on; whoever made it ends it. */
  readonly pool: PgPool;
  /** Where migrations have made the tables. Default 'tidemark'. */
  readonly schema?: string | undefined;
}

/** What was swept, or not understood, is looked at again after so long. */
const AGAIN = `interval '1 minute'`;
/** Parameters that a statement may have: 65,535. */
const MOST_ROWS = 1000;

/**
 * An outbox in PostgreSQL 12 or later. A change is one row, written by one statement of the host's transaction; there is no
 * NOTIFY, no lock and no read in it.
 *
 *     insert into "tidemark".outbox (id, change) values ($1, $2)
 *
 * A sweep takes rows in a transaction of its own, whose advisory lock keeps other replicas out, and by `for update skip locked`
 * those only that nobody removes at the moment; never those above a number that was seen last, since numbers do not become
 * visible in their order. The pool needs two connections more than the host's transactions hold: a sweep keeps one while what
 * it applies may take another. Rejects with NOT_MIGRATED where
 * its table is missing, with the errors of the database otherwise. Throws INVALID_OPTION for what is no pool or no name.
 *
 * @example
 * const pool = new Pool({ connectionString });
 * const tide = createTidemark({ model, origin, ...redis(clients), outbox: pgOutbox({ pool }) });
 */
export function pgOutbox({ pool, schema }: PgOutboxOptions): Outbox {
  if (typeof (pool as PgPool | undefined)?.connect !== 'function') {
    throw new TidemarkError('INVALID_OPTION', `pool: expected a Pool of pg, got ${messageOf(pool)}.`);
  }
  const table = `${quotedSchema(schema)}.outbox`;
  const run: Run = runOn({ pool, schema: schema ?? DEFAULT_SCHEMA, failure: 'STORE_FAILED' });
  const waits = `applied_at is null and (is_trigger or written_at <= clock_timestamp() - $1 * interval '1 millisecond')
    and (refused_at is null or refused_at < clock_timestamp() - ${AGAIN})`;
  const isOver = `applied_at < clock_timestamp() - ${AGAIN}`;

  const stopListening = listenForErrors(pool);

  return {
    add: async (via, rows) => {
      for (let from = 0; from < rows.length; from += MOST_ROWS) {
        const some = rows.slice(from, from + MOST_ROWS);
        const places = some.map((_, i) => `($${String(2 * i + 1)}, $${String(2 * i + 2)})`).join(', ');
        await via.query(
          `insert into ${table} (id, change) values ${places}`,
          some.flatMap(({ id, change }) => [id, change]),
        );
      }
    },
    committed: async (ids) => {
      const rows = await run(`select id from ${table} where id = any($1::text[])`, [ids]);
      return (rows as readonly { readonly id: string }[]).map(({ id }) => id);
    },
    remove: async (ids) => {
      // No commit waits for the disk: what comes back after a crash is swept, which tells nobody anything twice.
      await run(
        `delete from ${table} using (select set_config('synchronous_commit', 'off', true)) as quick
where id = any($1::text[])`,
        [ids],
      );
    },
    sweep: async ({ olderThanMs, limit }, apply) => {
      // Mostly there is nothing, and no transaction is begun to see that.
      const found = await run(`select from ${table} where (${waits}) or ${isOver} limit 1`, [olderThanMs]);
      if (found.length === 0) return 0;
      return inTransaction(pool, async (client) => {
        const { rows: locked } = await client.query(
          `select pg_try_advisory_xact_lock(hashtextextended($1, 0)) as "isMine"`,
          [`tidemark ${table}`],
        );
        if ((locked as readonly { isMine: boolean }[])[0]?.isMine !== true) return 0;
        await client.query(`delete from ${table} where ${isOver}`, []);
        const { rows } = await client.query(
          `select id, change, is_trigger as "isTrigger",
  (extract(epoch from clock_timestamp() - written_at) * 1000)::float8 as "ageMs"
from ${table} where ${waits} order by seq limit $2 for update skip locked`,
          [olderThanMs, limit],
        );
        if (rows.length === 0) return 0;
        const { applied, refused } = await apply(rows as readonly SweptRow[]);
        if (applied.length > 0) {
          await client.query(`delete from ${table} where id = any($1::text[]) and is_trigger`, [applied]);
          // Whoever wrote it may still ask whether it was committed.
          await client.query(`update ${table} set applied_at = clock_timestamp() where id = any($1::text[])`, [
            applied,
          ]);
        }
        if (refused.length > 0)
          await client.query(`update ${table} set refused_at = clock_timestamp() where id = any($1::text[])`, [
            refused,
          ]);
        return rows.length;
      });
    },
    info: async () => (await run(outboxInfoSql(quotedSchema(schema)), []))[0] as unknown as OutboxInfo,
    close: async () => {
      stopListening();
    },
  };
}

/** One row: the `OutboxInfo` of a schema given as a checked and quoted name. */
export const outboxInfoSql = (
  schema: string,
): string => `select count(*)::int as waiting, count(refused_at)::int as refused,
  (extract(epoch from clock_timestamp() - min(written_at)) * 1000)::float8 as "oldestMs"
from ${schema}.outbox where applied_at is null`;

interface SweepingClient extends PgClient {
  off(event: 'error', listener: (error: Error) => void): unknown;
}

async function inTransaction<T>(pool: PgPool, run: (client: PgClient) => Promise<T>): Promise<T> {
  // A connection that breaks between two statements says so by an event that would end the process.
  const ignore = (): void => {};
  const client = (await take(pool, ignore)) as SweepingClient;
  let isBroken = true;
  try {
    await client.query('begin', []);
    try {
      const result = await run(client);
      await client.query('commit', []);
      isBroken = false;
      return result;
    } catch (error) {
      await client.query('rollback', []).then(
        () => (isBroken = false),
        () => undefined,
      );
      throw error;
    }
  } finally {
    client.off('error', ignore);
    client.release(isBroken);
  }
}
