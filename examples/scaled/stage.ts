import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Link } from './link.ts';
import type { Flags } from './flags.ts';
import type { Plan, Ready } from './plan.ts';
import { type Servers, provideServers } from './redis-servers.ts';
import { Replica } from './replicas.ts';

const REPLICAS = [1, 2, 3];

/** What runs beneath: Redis, and replicas of the world over links to it. */
export interface Stage {
  readonly servers: Servers;
  readonly replicas: readonly Replica[];
  /** What the replicas said when they had begun. */
  readonly ready: Ready;
  /** The file of writes. */
  readonly log: string;
  close(): Promise<void>;
}

/** Throws an Error in words if there is no Redis. */
export async function setStage({ world, seed, cluster }: Flags, redisUrl: string | undefined): Promise<Stage> {
  const servers = await provideServers(redisUrl, { cluster });
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-scaled-'));
  const log = join(directory, 'writes.jsonl');
  const plan = { world, seed, log, isCluster: servers.isCluster, login: servers.login, prefix: servers.prefix };
  const replicas = await Promise.all(REPLICAS.map((id) => replicaOf(id, servers, plan)));
  const close = async (): Promise<void> => {
    await Promise.all(replicas.map((replica) => replica.kill()));
    for (const { links } of replicas) for (const link of [...links.client, ...links.bus]) link.close();
    await servers.close();
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    const [ready] = await Promise.all(replicas.map((replica) => replica.start()));
    return { servers, replicas, ready: ready as Ready, log, close };
  } catch (error) {
    await close();
    throw error;
  }
}

type Shared = Omit<Plan, 'nodes' | 'clientLinks' | 'busLinks'>;

async function replicaOf(id: number, { nodes }: Servers, plan: Shared): Promise<Replica> {
  const lay = (): Promise<Link[]> => Promise.all(nodes.map((node) => Link.to(node)));
  const links = { client: await lay(), bus: await lay() };
  const [clientLinks, busLinks] = [links.client, links.bus].map((some) =>
    some.map(({ host, port }) => ({ host, port })),
  );
  const addresses = nodes.map(({ host, port }) => ({ host, port }));
  return new Replica(id, links, {
    ...plan,
    nodes: addresses,
    clientLinks: clientLinks ?? [],
    busLinks: busLinks ?? [],
  });
}
