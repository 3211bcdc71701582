import type { Marks, Store } from '../../contract.js';
import { fetchTogether } from './fetch.js';
import { listenerOn } from './listener.js';
import { type PgMarksOptions, marksOn, partitionsOf } from './marks.js';
import { pgStore } from './store.js';

export type PostgresOptions = PgMarksOptions;

export interface PostgresParts {
  readonly store: Store;
  readonly marks: Marks;
}

/**
 * Store and marks in one Postgres, 13 or later: tides that use the same one are replicas of each other. The tables are made by your
 * own migrations, see `migrations()`. `pool` is a Pool of `pg`, to the primary and not through a pooler of transactions; whoever
 * made it ends it, after the tide is closed. Throws INVALID_OPTION for options that cannot serve; calls reject with NOT_MIGRATED
 * where the tables are missing.
 *
 * @example
 * const pool = new Pool({ connectionString });
 * const tide = createTidemark({ model, origin, ...postgres({ pool }) });
 */
export function postgres(options: PostgresOptions): PostgresParts {
  const partitions = partitionsOf(options);
  const listener = listenerOn(options.pool, options);
  const marks = marksOn(options, partitions, listener);
  const store = pgStore(options);
  return {
    store,
    marks: {
      ...marks,
      fetchFrom: (other, suffix = '') => (other === store ? fetchTogether(partitions, suffix) : null),
      close: async () => {
        await marks.close();
        await listener.close();
      },
    },
  };
}
