import { spawnSync } from 'node:child_process';
import { Redis } from 'ioredis';
import { startRedis } from '../scripts/services.mjs';

/** The Redis that questions ask of: a process of its own on a free port, gone afterwards. */

/** `cpus`: the processors that it may run on, as taskset takes them. */
export async function throwAwayRedis({ cpus, settings = {} } = {}) {
  const server = await startRedis(settings);
  if (cpus !== undefined) {
    const [, pid] = /process_id:(\d+)/.exec(server.cli('info', 'server'));
    const { status, stderr } = spawnSync('taskset', ['-a', '-p', '-c', cpus, pid], { encoding: 'utf8' });
    if (status !== 0) throw new Error(`taskset of the server failed: ${stderr}`);
  }
  return server;
}

/** The version of the server, as 'Redis 7.0.15'. */
export const versionOf = (server) => `Redis ${/redis_version:(\S+)/.exec(server.cli('info', 'server'))[1]}`;

export const connectTo = (port, options = {}) => new Redis({ port, ...options });

/** The clients of a tide. */
export function clientsOf(port) {
  const client = connectTo(port);
  return { client, subscriber: client.duplicate() };
}
