import type { Clock, Sql } from '../../contract.js';
import { TidemarkError } from '../../errors.js';
import { take } from './client.js';
import type { Statement } from './statement.js';

/** Runs statements that somebody may give up on: then they are cancelled in the server. */

/** A Pool of `pg`. */
export interface OriginPool extends Sql {
  connect(): Promise<OriginConnection>;
}

/** A connection of a Pool, for one statement. */
export interface OriginConnection extends Sql {
  /** True: it is closed instead of being used again. */
  release(destroy?: boolean): void;
  on?(event: 'error', listener: (error: Error) => void): unknown;
  removeListener?(event: 'error', listener: (error: Error) => void): unknown;
}

/** What a pool of `pg` makes its connections of, and its connections say, beyond what their types tell. */
interface PoolInside {
  readonly Client?: (new (options: unknown) => OtherClient) | undefined;
  readonly options?: unknown;
}
interface OtherClient extends Sql {
  connect(): Promise<unknown>;
  end(): Promise<unknown>;
  on(event: 'error', listener: () => void): unknown;
}
interface ConnectionInside {
  readonly processID?: number | null | undefined;
}

export interface RunOptions {
  readonly clock: Clock;
  readonly statementTimeoutMs: number | undefined;
}

export interface RunContext {
  /** For messages: 'origin.settlement.byIds'. */
  readonly where: string;
  readonly signal: AbortSignal;
}

/** How long a cancelled statement may take to end before its connection is closed. */
const END_MS = 1_000;

const CANCEL = `select pg_cancel_backend(pid) from pg_stat_activity
where pid = $1 and state = 'active' and usename = current_user and left(query, 200) = left($2, 200)`;

/**
 * The rows of a statement. Rejects with ABORTED once the signal fires, with ORIGIN_TIMEOUT after `statementTimeoutMs`; on a
 * connection of a pool the statement is then cancelled in the server:
 *
 * ```sql
 * select pg_cancel_backend(pid) from pg_stat_activity
 * where pid = $1 and state = 'active' and usename = current_user and left(query, 200) = left($2, 200)
 * ```
 *
 * The connection goes back to the pool once that has returned and the statement has ended, so that no other is ever hit; it
 * is closed if that takes longer than a second. With anything but a pool the statement runs on, and only its rows are lost.
 */
export async function rowsOf(
  sql: Sql,
  statement: Statement,
  context: RunContext,
  options: RunOptions,
): Promise<readonly object[]> {
  const patience = patienceOf(context, options);
  try {
    const rows = isPool(sql)
      ? await rowsOfPool(sql, statement, patience, options.clock)
      : (await patience.wait(ask(sql, statement, patience))).rows;
    return rows as readonly object[];
  } finally {
    patience.end();
  }
}

function isPool(sql: Sql): sql is OriginPool {
  // A client of pg has connect() too, and the id of its server process.
  return typeof (sql as Partial<OriginPool>).connect === 'function' && !('processID' in sql) && !('release' in sql);
}

const ask = (sql: Sql, { text, values }: Statement, patience: Patience): ReturnType<Sql['query']> => {
  patience.begin();
  return sql.query(text, values);
};

async function rowsOfPool(pool: OriginPool, statement: Statement, patience: Patience, clock: Clock) {
  // A pool does not listen to a connection that it handed out: one that is lost would end the process.
  const connecting = take(pool, nothing);
  const giveBack = (taken: OriginConnection, destroy: boolean): void => {
    taken.removeListener?.('error', nothing);
    taken.release(destroy);
  };
  let connection: OriginConnection;
  try {
    connection = await patience.wait(connecting);
  } catch (error) {
    connecting.then((late) => {
      giveBack(late, false);
    }, nothing);
    throw error;
  }
  const release = (destroy: boolean): void => {
    giveBack(connection, destroy);
  };
  if (patience.isOver()) {
    release(false);
    return patience.wait(connecting as Promise<never>);
  }
  const asking = ask(connection, statement, patience);
  try {
    const { rows } = await patience.wait(asking);
    release(false);
    return rows;
  } catch (error) {
    const ended = asking.then(nothing, nothing);
    if (patience.isOver()) void cancel(pool, { connection, statement, ended, release }, clock);
    else release(!isOfStatement(error));
    throw error;
  }
}

/** An error after which the connection is as before; any other may have ended it, or be about to. */
const isOfStatement = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && (error as { readonly severity?: unknown }).severity === 'ERROR';

interface Running {
  readonly connection: OriginConnection;
  readonly statement: Statement;
  /** Fulfilled once it has ended, well or not. */
  readonly ended: Promise<void>;
  readonly release: (destroy: boolean) => void;
}

async function cancel(
  pool: OriginPool,
  { connection, statement, ended, release }: Running,
  clock: Clock,
): Promise<void> {
  let isClean = false;
  try {
    const { processID } = connection as ConnectionInside;
    // Behind a pooler the id is another's: a process that runs something else is left alone.
    if (typeof processID === 'number') await besides(pool, CANCEL, [processID, statement.text]);
    isClean = await isBefore(ended, END_MS, clock);
  } catch {
    // Whoever waited was told; the connection that cannot be cleared is closed.
  }
  release(!isClean);
}

/** Through a connection of its own: all those of the pool may be busy with statements that are to be cancelled. */
async function besides(pool: OriginPool, text: string, values: readonly unknown[]): Promise<void> {
  const { Client, options } = pool as PoolInside;
  if (Client === undefined) {
    await pool.query(text, values);
    return;
  }
  const client = new Client(options);
  client.on('error', nothing);
  try {
    await client.connect();
    await client.query(text, values);
  } finally {
    await client.end();
  }
}

function isBefore(promise: Promise<void>, delayMs: number, clock: Clock): Promise<boolean> {
  return new Promise((resolve) => {
    const stop = clock.after(delayMs, () => {
      resolve(false);
    });
    void promise.then(() => {
      stop();
      resolve(true);
    });
  });
}

/** How long somebody waits for one statement. */
interface Patience {
  /** The promise, or the rejection once nobody waits any more. */
  wait<T>(promise: Promise<T>): Promise<T>;
  /** The statement is sent: its own time begins. */
  begin(): void;
  isOver(): boolean;
  end(): void;
}

function patienceOf({ where, signal }: RunContext, { clock, statementTimeoutMs }: RunOptions): Patience {
  let error: TidemarkError | undefined;
  let stop: () => void = nothing;
  let fail: (error: TidemarkError) => void = nothing;
  const over = new Promise<never>((_, reject) => {
    fail = (failure) => {
      error ??= failure;
      reject(error);
    };
  });
  over.catch(nothing);
  const aborted = (): void => {
    fail(new TidemarkError('ABORTED', `${where}: the signal fired.`, { cause: signal.reason }));
  };
  if (signal.aborted) aborted();
  else signal.addEventListener('abort', aborted, { once: true });
  return {
    wait: (promise) => Promise.race([over, promise]),
    begin: () => {
      if (statementTimeoutMs === undefined) return;
      const limit = `${String(statementTimeoutMs)} ms`;
      stop = clock.after(statementTimeoutMs, () => {
        fail(
          new TidemarkError('ORIGIN_TIMEOUT', `${where}: expected the statement to end within ${limit}; it did not.`),
        );
      });
    },
    isOver: () => error !== undefined,
    end: () => {
      stop();
      signal.removeEventListener('abort', aborted);
    },
  };
}

const nothing = (): void => {};
