import type { Bus, Marks, Store } from '../../contract.js';
import { type PgBusOptions, busOn } from './bus.js';
import { fetchTogether } from './fetch.js';
import { listenerOn } from './listener.js';
import { type PgMarksOptions, marksOn, partitionsOf } from './marks.js';
import { type PgStoreOptions, pgStore } from './store.js';

export interface PostgresOptions extends PgMarksOptions, PgBusOptions, PgStoreOptions {
  readonly pool: PgMarksOptions['pool'];
  readonly clock?: PgMarksOptions['clock'];
}

export interface PostgresParts {
  readonly store: Store;
  readonly marks: Marks;
  readonly bus: Bus;
}

/**
 * Store, marks and bus in one Postgres, 13 or later: tides that use the same schema of the same database are replicas of each
 * other. The tables are made by your own migrations, see `migrations()`. `pool` is a Pool of `pg`, to the primary; one
 * connection is kept for LISTEN from the first use on, which has to go straight to the server (`listenPool` where `pool` goes
 * through a pooler of transactions). Whoever made the pool ends it, after the parts are closed. Throws INVALID_OPTION for
 * options that cannot serve; calls reject with NOT_MIGRATED where the tables are missing.
 *
 * @example
 * const pool = new Pool({ connectionString });
 * const tide = createTidemark({ model, origin, ...postgres({ pool }) });
 */
export function postgres(options: PostgresOptions): PostgresParts {
  const listener = listenerOn(options);
  const partitions = partitionsOf(options);
  const marks = marksOn(options, partitions, listener);
  const bus = busOn(options, listener);
  const store = pgStore(options);
  return {
    store,
    marks: {
      ...marks,
      fetchFrom: (other, suffix = '') => (other === store ? fetchTogether(partitions, suffix) : null),
    },
    bus,
  };
}
