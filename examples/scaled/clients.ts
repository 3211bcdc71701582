import { Cluster, Redis } from 'ioredis';
import type { Plan } from './plan.ts';

/** Left to itself, ioredis waits longer after each failure, up to many seconds after the server is back. */
const retry = (times: number): number => Math.min(50 * times, 500);

/** Two connections of a replica, each over a link of its own: commands, and what is published. */
export function clientsOf({ isCluster, nodes, clientLinks, busLinks, login }: Plan) {
  if (!isCluster) {
    const over = ([link]: Plan['busLinks']) => new Redis({ ...link, ...login, retryStrategy: retry });
    return { client: over(clientLinks), subscriber: over(busLinks) };
  }
  // A cluster tells its clients where its nodes are; they are to be reached over the links all the same.
  const over = (links: Plan['busLinks'], options: object = {}) =>
    new Cluster([...links], {
      ...options,
      clusterRetryStrategy: retry,
      natMap: Object.fromEntries(
        nodes.map(({ host, port }, i) => [`${host}:${String(port)}`, links[i] ?? { host, port }]),
      ),
    });
  return { client: over(clientLinks), subscriber: over(busLinks, { shardedSubscribers: true }) };
}
