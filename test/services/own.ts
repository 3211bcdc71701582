import { Redis } from 'ioredis';
import { describe, expect, onTestFinished, test } from 'vitest';
import { findRedis } from '../../scripts/redis.mjs';
import { type RedisServer, startRedis } from '../../scripts/services.mjs';

/** Tests that do to servers what nobody else could stand; skipped, loudly, where there are none to start. */
export function describeOwn(name: string, declare: () => void): void {
  const { missing } = findRedis();
  if (missing !== undefined) console.warn(`NO REDIS: all tests of ${name} are skipped: ${missing}`);
  test.runIf(process.env['CI'] === 'true')(`there is a Redis for ${name}`, () => {
    expect(missing).toBeUndefined();
  });
  describe.skipIf(missing !== undefined)(name, declare);
}

/** A server for one test. */
export async function ownServer(settings: Readonly<Record<string, string | number>> = {}): Promise<RedisServer> {
  const server = await startRedis(settings);
  onTestFinished(() => server.stop());
  return server;
}

/** A client for one test. */
export function clientOf(server: { readonly port: number }, options: object = {}): Redis {
  const client = new Redis({ port: server.port, ...options });
  onTestFinished(() => {
    client.disconnect();
  });
  return client;
}

/** Client and subscriber of a replica. */
export const clientsOf = (
  server: { readonly port: number },
  options: object = {},
): { readonly client: Redis; readonly subscriber: Redis } => ({
  client: clientOf(server, options),
  subscriber: clientOf(server, options),
});
