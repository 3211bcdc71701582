import type { Fetch, Marks, Store } from '../../contract.js';
import { bytesOf } from '../../names.js';
import { type MatchListener, type RedisBus, type RedisBusOptions, redisBus } from './bus.js';
import { connect } from './connection.js';
import { fetchApart, fetchTogether } from './fetch.js';
import { type RedisMarksOptions, marksOn, redisMarks } from './marks.js';
import { partitionsOf } from './partitions.js';
import { redisStore } from './store.js';

export { redisBus, redisMarks, redisStore };
export type { MatchListener as RedisMatchListener, RedisBus, RedisBusOptions, RedisMarksOptions };
export type {
  ClientOptions as RedisStoreOptions,
  RedisClient,
  RedisClientOptions,
  RedisNode,
  RedisSubscriber,
} from './client.js';

export interface RedisOptions extends RedisMarksOptions, RedisBusOptions {}

export interface RedisParts {
  readonly store: Store;
  readonly marks: Marks;
  readonly bus: RedisBus;
}

/**
 * Store, marks and bus in one Redis or Valkey: a single server, Sentinel or a cluster. Tides that use the same one are
 * replicas of each other. Clients are ioredis 5 or 6; whoever made them closes them. Throws INVALID_OPTION for clients
 * that cannot serve: without a subscriber of its own, with a keyPrefix, or reading from replicas.
 *
 * @example
 * const client = new Redis(url);
 * const tide = createTidemark({ model, origin, ...redis({ client, subscriber: client.duplicate() }) });
 */
export function redis(options: RedisOptions): RedisParts {
  const connection = connect(options);
  const store = redisStore(options);
  const partitions = partitionsOf(connection, options.partitions);
  const marks = marksOn(connection, partitions, options.maxMarks);
  const fetchBeside = (suffix: string): Fetch =>
    connection.apart
      ? fetchApart(store, marks)
      : fetchTogether(partitions, (key) => bytesOf(connection.prefix + key), suffix);
  return {
    store,
    marks: { ...marks, fetchFrom: (other, suffix = '') => (other === store ? fetchBeside(suffix) : null) },
    bus: redisBus(options),
  };
}
