import { systemClock } from '../../clock.js';
import type { Clock } from '../../contract.js';
import { TidemarkError, messageOf } from '../../errors.js';
import type { PgPool } from './client.js';

export type Row = Readonly<Record<string, unknown>>;

/** Runs one statement: one round trip. */
export type Run = (text: string, values: readonly unknown[]) => Promise<readonly Row[]>;

export interface RunOptions {
  /** A Pool of `pg`. */
  readonly pool: PgPool;
  /** For messages. */
  readonly schema: string;
  /** What a server that cannot serve means here. */
  readonly failure: 'MARKS_UNAVAILABLE' | 'STORE_FAILED';
  readonly clock?: Pick<Clock, 'after'> | undefined;
}

/** serialization_failure, deadlock_detected, cannot_connect_now: what passes by itself. */
const TRANSIENT = ['40001', '40P01', '57P03'];
/** How long to wait before each further attempt. */
const WAITS_MS = [10, 30, 100, 300];
/** invalid_schema_name, undefined_table, undefined_column, undefined_function: our statements name nothing but what migrations make. */
const MISSING = ['3F000', '42P01', '42703', '42883'];
/** read_only_sql_transaction, and feature_not_supported, which unlogged tables are during recovery. */
const READ_ONLY = ['25006', '0A000'];
/** What our functions raise for a replica, or a pool, that is configured differently. */
const REFUSED = 'TM001';

/**
 * Statements over a pool. What passes by itself is tried again for about half a second. Rejects with NOT_MIGRATED where
 * tables are missing, INVALID_OPTION for a replica configured differently from the others, `failure` on a server in recovery,
 * the error of the database otherwise.
 */
export function runOn({ pool, schema, failure, clock = systemClock }: RunOptions): Run {
  if (typeof (pool as PgPool | undefined)?.query !== 'function') {
    throw new TidemarkError('INVALID_OPTION', `pool: expected a Pool of pg, got ${messageOf(pool)}.`);
  }
  const meant = (error: unknown): unknown => {
    const state = stateOf(error);
    const said = error instanceof Error ? error.message : '';
    if (state === REFUSED) return new TidemarkError('INVALID_OPTION', `${said}.`, { cause: error });
    if (MISSING.includes(state)) {
      const message = `schema ${schema}: expected the tables that \`npx tidemark migrate --print\` makes, got: ${said}.`;
      return new TidemarkError('NOT_MIGRATED', message, { cause: error });
    }
    if (READ_ONLY.includes(state)) {
      const message = `pool: expected the primary, got a server or connection that cannot write: ${said}.`;
      return new TidemarkError(failure, message, { cause: error });
    }
    return error;
  };
  return async (text, values) => {
    for (const waitMs of WAITS_MS) {
      try {
        return (await pool.query(text, values)).rows as readonly Row[];
      } catch (error) {
        if (!TRANSIENT.includes(stateOf(error))) throw meant(error);
      }
      await new Promise<void>((resume) => clock.after(waitMs, resume));
    }
    return (await pool.query(text, values)).rows as readonly Row[];
  };
}

/** The SQLSTATE; empty for an error that has none. */
function stateOf(error: unknown): string {
  const { code } = (error ?? {}) as { readonly code?: unknown };
  return typeof code === 'string' ? code : '';
}
