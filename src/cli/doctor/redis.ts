import type { Surroundings } from '../surroundings.js';
import { type RedisOptions, type Target, redisOpener, saidBy } from './clients.js';
import { type Finding, fault, skipped } from './finding.js';
import { checkRedis } from './redis-checks.js';
import {
  type OpenRedis,
  type RedisAddress,
  type RedisConnection,
  modeOf,
  readCluster,
  readRedis,
  readSentinel,
} from './redis-facts.js';
import { checkCluster, checkSentinel } from './redis-group.js';
import type { Asked, Seen } from './seen.js';

/** Client and subscriber; during a deploy the old replica has its own beside those of the new one. */
const CONNECTIONS = 4;

/** A section for each server, and one for the cluster or sentinel that they belong to. Rejects where there is no ioredis. */
export async function lookAtRedis(
  target: Target<RedisOptions> | null,
  asked: Asked,
  { cwd, clock }: Surroundings,
): Promise<readonly Seen[]> {
  if (target === null) {
    const unnamed = skipped('redis.reach', 'No Redis is named: none was looked at.', '--redis <url>, or REDIS_URL');
    return [{ where: 'Redis', findings: [unnamed], aheadMs: null }];
  }
  const { options, secrets } = target;
  const open = await redisOpener(cwd, target);
  const reading = { clock, open, memoryBytes: asked.redisMemory, clientsNeeded: asked.replicas * CONNECTIONS };
  const lookAt = async (address: RedisAddress): Promise<Seen> => {
    const where = `Redis ${nameOf(address)}`;
    try {
      const { facts, aheadMs } = await readRedis(address, reading);
      return { where, findings: checkRedis(facts), aheadMs };
    } catch (error) {
      return { where, findings: [unreached(saidBy(error, secrets))], aheadMs: null };
    }
  };
  const mode = await withConnection(open, options, modeOf).catch(() => 'standalone' as const); // what is wrong is said below
  if (mode === 'standalone') return [await lookAt(options)];
  try {
    return mode === 'cluster' ? await cluster(open, options, lookAt) : await sentinel(open, options, lookAt);
  } catch (error) {
    const findings = [unreached(saidBy(error, secrets))];
    return [{ where: `Redis ${nameOf(options)}`, findings, aheadMs: null }];
  }
}

type LookAt = (address: RedisAddress) => Promise<Seen>;

async function cluster(open: OpenRedis, address: RedisAddress, lookAt: LookAt): Promise<readonly Seen[]> {
  const facts = await withConnection(open, address, readCluster);
  const masters = facts.nodes.filter(
    ({ flags, slots }) => flags.includes('master') && slots > 0 && !flags.includes('fail'),
  );
  const seen: Seen[] = [];
  // A node that was never told its own address has none in its list.
  for (const { host, port } of masters) seen.push(await lookAt({ host: host === '' ? address.host : host, port }));
  const unreached = seen.filter(({ aheadMs }) => aheadMs === null).map(({ where }) => where.slice('Redis '.length));
  const findings = checkCluster({ ...facts, unreached });
  return [{ where: `Redis cluster of ${nameOf(address)}`, findings, aheadMs: null }, ...seen];
}

async function sentinel(open: OpenRedis, address: RedisAddress, lookAt: LookAt): Promise<readonly Seen[]> {
  const facts = await withConnection(open, address, readSentinel);
  const findings: Finding[] = facts.flatMap(checkSentinel);
  const seen: Seen[] = [];
  for (const { master } of facts)
    seen.push(await lookAt({ host: master.get('ip') ?? '', port: Number(master.get('port')) }));
  if (facts.length === 0) {
    findings.push(fault('redis.sentinel', 'It watches no primary.', 'SENTINEL MONITOR <name> <host> <port> 2'));
  }
  return [{ where: `Sentinel ${nameOf(address)}`, findings, aheadMs: null }, ...seen];
}

async function withConnection<T>(
  open: OpenRedis,
  address: RedisAddress,
  run: (connection: RedisConnection) => Promise<T>,
): Promise<T> {
  const connection = await open(address);
  try {
    return await run(connection);
  } finally {
    connection.disconnect();
  }
}

const nameOf = ({ host, port }: RedisAddress): string => `${host}:${String(port)}`;

function unreached(said: string): Finding {
  const refused = /WRONGPASS|NOAUTH|NOPERM/.test(said);
  const mend = refused
    ? 'Give the user and password in the URL, redis://user:password@host, or REDIS_PASSWORD.'
    : 'Start it, or correct host and port; look at firewalls, at `bind` and at `protected-mode`; for TLS say rediss://.';
  return fault('redis.reach', `It cannot be asked: ${said}`, mend);
}
