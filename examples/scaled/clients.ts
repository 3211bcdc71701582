import { Cluster, Redis } from 'ioredis';
import type { Address, Plan } from './plan.ts';

/** Left to itself, ioredis 6 waits longer after each failure, up to many seconds after the server is back. */
const retry = (times: number): number => Math.min(50 * times, 500);

/** While Redis is away, a read is to go to the origin at once, and no command is to wait. `docs/guides/redis.md` has more. */
const PROMPT = { lazyConnect: true, enableOfflineQueue: false, maxRetriesPerRequest: 1, connectTimeout: 2000 };
const PATIENT = { lazyConnect: true, maxRetriesPerRequest: null };

/** Two connections of a replica, each over links of its own: commands, and what is published. */
export async function clientsOf(plan: Plan) {
  const { client, subscriber } = plan.isCluster ? toCluster(plan) : toServer(plan);
  for (const one of [client, subscriber]) {
    one.on('error', () => undefined); // what fails says so itself
    await one.connect().catch(() => undefined); // without a Redis there will be one later
  }
  return { client, subscriber };
}

function toServer({ clientLinks, busLinks, login }: Plan) {
  const over = ([link]: readonly Address[], options: object) =>
    new Redis({ ...link, ...login, ...options, retryStrategy: retry });
  return { client: over(clientLinks, PROMPT), subscriber: over(busLinks, PATIENT) };
}

/** A cluster tells its clients where its nodes are; they are to be reached over the links all the same. */
function toCluster({ nodes, clientLinks, busLinks }: Plan) {
  const over = (links: readonly Address[], options: object) => {
    const ways = nodes.map(({ host, port }, i) => [`${host}:${String(port)}`, links[i]]);
    const natMap = Object.fromEntries(ways) as Record<string, Address>;
    return new Cluster([...links], { ...options, lazyConnect: true, natMap, clusterRetryStrategy: retry });
  };
  const client = over(clientLinks, { redisOptions: { maxRetriesPerRequest: 1, connectTimeout: 2000 } });
  return { client, subscriber: over(busLinks, { shardedSubscribers: true, slotsRefreshInterval: 5000 }) };
}
