import type { Clock, StoreInfo } from '../../contract.js';
import { bytesOf, nameOf } from '../../names.js';
import type { RedisClient, RedisNode, Reply } from './client.js';
import { type RunScript, scriptRunner } from './script.js';
import { SCAN } from './store-scripts.js';

/** Keys that one command looks at, about. */
const PAGE = 1000;

/** The servers that together hold every key. */
export async function primariesOf(client: RedisClient): Promise<readonly RedisNode[]> {
  if (client.isCluster !== true || client.nodes === undefined) return [client];
  await client.ping(); // which servers there are is known once connected
  return client.nodes('master');
}

export interface KeyPage {
  /** '0' after the last page. */
  readonly next: string;
  readonly keys: readonly string[];
  /** How many keys were there, with those that hold no value of a store. */
  readonly looked: number;
}

export async function scanPage(run: RunScript, cursor: string, glob: string): Promise<KeyPage> {
  const [next, keys, looked] = (await run(SCAN, [], [cursor, bytesOf(glob), PAGE])) as readonly Reply[];
  return { next: String(next), keys: (keys as readonly Buffer[]).map(nameOf), looked: Number(looked) };
}

export interface InfoSource {
  readonly nodes: readonly RedisNode[];
  readonly clock: Pick<Clock, 'after' | 'now'>;
  /** Of the keys that are counted. */
  readonly prefix: string;
}

/** The slowest ping, the memory of all nodes, and keys counted on one page of each. */
export async function infoOf(
  { nodes, clock, prefix }: InfoSource,
  typeOf: (key: string) => string | null = firstPart,
): Promise<StoreInfo> {
  const counts = new Map<string, number>();
  const parts = await Promise.all(
    nodes.map(async (node) => {
      const sent = clock.now();
      await node.ping();
      const pingMs = clock.now() - sent;
      const [memory, size, page] = await Promise.all([
        node.info('memory'),
        node.dbsize(),
        scanPage(scriptRunner(node, clock), '0', '*'),
      ]);
      const each = page.next === '0' ? 1 : Number(size) / page.looked;
      for (const key of page.keys) {
        const type = key.startsWith(prefix) ? typeOf(key.slice(prefix.length)) : null;
        if (type !== null) counts.set(type, (counts.get(type) ?? 0) + each);
      }
      return { pingMs, memory: String(memory) };
    }),
  );
  const sum = (field: string): number =>
    parts.reduce((total, { memory }) => total + Number(fieldOf(memory, field) ?? 0), 0);
  return {
    pingMs: Math.max(...parts.map(({ pingMs }) => pingMs)),
    memoryUsedBytes: sum('used_memory'),
    memoryLimitBytes: sum('maxmemory') || null,
    policy: fieldOf(parts[0]?.memory ?? '', 'maxmemory_policy') ?? null,
    keyCountByType: Object.fromEntries([...counts].map(([type, count]) => [type, Math.round(count)])),
  };
}

const firstPart = (key: string): string => key.split(':', 1)[0] as string;

const fieldOf = (info: string, name: string): string | undefined =>
  new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1];
