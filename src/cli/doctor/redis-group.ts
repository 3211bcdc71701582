import { type Finding, either, fault, fine, warning } from './finding.js';

/** One line of CLUSTER NODES. */
export interface ClusterNode {
  readonly id: string;
  readonly host: string;
  readonly port: number;
  readonly flags: readonly string[];
  readonly masterId: string | null;
  /** How many slots it serves. */
  readonly slots: number;
  readonly isLinked: boolean;
}

export interface ClusterFacts {
  /** CLUSTER INFO, by field. */
  readonly info: ReadonlyMap<string, string>;
  readonly nodes: readonly ClusterNode[];
  /** Masters that could not be reached from here, as host:port. */
  readonly unreached: readonly string[];
}

const SLOTS = 16_384;

/** `07c37dfeb235 127.0.0.1:30004@31004,hostname slave e7d1eecce10f 0 1426238317239 4 connected 0-5460` */
export function clusterNodesOf(text: string): readonly ClusterNode[] {
  return text
    .split('\n')
    .map((line) => line.trim().split(' '))
    .filter((words) => words.length >= 8)
    .map(([id = '', address = '', flags = '', master = '-', , , , link, ...slots]) => {
      const [, host = '', port = '0'] = /^(.*):(\d+)(?:@|$)/.exec(address.split(',')[0] ?? '') ?? [];
      return {
        ...{ id, host, port: Number(port), flags: flags.split(',') },
        masterId: master === '-' ? null : master,
        slots: slots.reduce((sum, range) => sum + slotsIn(range), 0),
        isLinked: link === 'connected',
      };
    });
}

/** '0-5460', '77', or '[93-<-292f8b365bb7]' of a slot on its way, which another node still serves. */
function slotsIn(range: string): number {
  const [, from, to] = /^(\d+)(?:-(\d+))?$/.exec(range) ?? [];
  return from === undefined ? 0 : Number(to ?? from) - Number(from) + 1;
}

export function checkCluster({ info, nodes, unreached }: ClusterFacts): readonly Finding[] {
  const named = ({ host, port }: ClusterNode): string => `${host}:${String(port)}`;
  const isDown = ({ flags }: ClusterNode): boolean => flags.includes('fail') || flags.includes('fail?');
  const masters = nodes.filter(({ flags, slots }) => flags.includes('master') && slots > 0);
  const served = masters.filter((node) => !isDown(node)).reduce((sum, { slots }) => sum + slots, 0);
  const bare = masters.filter(({ id }) => !nodes.some((node) => node.masterId === id && !isDown(node)));
  const down = nodes.filter(isDown);
  const found = [
    served < SLOTS || info.get('cluster_state') !== 'ok'
      ? fault(
          'redis.cluster',
          `${String(served)} of ${String(SLOTS)} slots are served, and the cluster says its state is ${info.get('cluster_state') ?? 'unknown'}.`,
          'redis-cli --cluster fix <host>:<port>, once the masters that serve the others are back or given up',
        )
      : null,
    down.length > 0
      ? fault(
          'redis.cluster',
          `Nodes do not answer: ${down.map(named).join(', ')}.`,
          'Start them, or CLUSTER FORGET them.',
        )
      : null,
    masters.length < 3
      ? warning(
          'redis.cluster',
          `There are ${String(masters.length)} masters: with fewer than three none can be replaced when it fails.`,
          'Add masters: redis-cli --cluster add-node, then --cluster rebalance.',
        )
      : null,
    bare.length > 0
      ? warning(
          'redis.cluster',
          `Masters without a replica: ${bare.map(named).join(', ')}. When one fails, its slots fail with it.`,
          'redis-cli --cluster add-node <new> <existing> --cluster-slave --cluster-master-id <id>',
        )
      : null,
    unreached.length > 0
      ? fault(
          'redis.cluster',
          `The cluster names masters that cannot be reached from here: ${unreached.join(', ')}.`,
          'Set cluster-announce-ip or cluster-announce-hostname to what clients can reach.',
        )
      : null,
  ];
  const well = `${String(served)} slots, ${String(masters.length)} masters, each with a replica.`;
  return either(found, fine('redis.cluster', well));
}

export interface SentinelFacts {
  /** SENTINEL MASTER <name>, by field. */
  readonly master: ReadonlyMap<string, string>;
  /** What SENTINEL CKQUORUM was refused with; null if it is content. */
  readonly quorumRefused: string | null;
}

export function checkSentinel({ master, quorumRefused }: SentinelFacts): readonly Finding[] {
  const name = master.get('name') ?? '?';
  const sentinels = 1 + Number(master.get('num-other-sentinels') ?? 0);
  const quorum = Number(master.get('quorum') ?? 1);
  const replicas = Number(master.get('num-slaves') ?? 0);
  const flags = master.get('flags')?.split(',') ?? [];
  const found = [
    flags.some((flag) => flag === 's_down' || flag === 'o_down')
      ? fault('redis.sentinel', `The primary of '${name}' is down.`, `SENTINEL FAILOVER ${name}, or start it.`)
      : null,
    quorumRefused !== null
      ? fault(
          'redis.sentinel',
          `No failover of '${name}' can be agreed on: ${quorumRefused}`,
          'Start the sentinels that are down.',
        )
      : null,
    replicas === 0
      ? fault(
          'redis.sentinel',
          `'${name}' has no replica to take over.`,
          'Start a server with replicaof <host> <port>.',
        )
      : null,
    sentinels < 3
      ? warning(
          'redis.sentinel',
          `${String(sentinels)} sentinel${sentinels === 1 ? ' watches' : 's watch'} '${name}': when a machine fails, no majority is left to replace its primary.`,
          'Run three sentinels, each on a machine of its own.',
        )
      : null,
    quorum > sentinels || (sentinels >= 3 && quorum < 2)
      ? warning(
          'redis.sentinel',
          `The quorum of '${name}' is ${String(quorum)}, of ${String(sentinels)} sentinels.`,
          `SENTINEL SET ${name} quorum ${String(Math.floor(sentinels / 2) + 1)}`,
        )
      : null,
  ];
  return either(
    found,
    fine('redis.sentinel', `'${name}': ${String(sentinels)} sentinels, ${String(replicas)} replicas.`),
  );
}
