import { copyFileSync, chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { type PostgresServer, type RedisServer, startPostgres, startRedis } from '../../scripts/services.mjs';

export const PRODUCTION = fileURLToPath(new URL('../../examples/production', import.meta.url));

/** A Redis with the configuration of examples/production, and what is given over it. */
export async function productionRedis(settings: Readonly<Record<string, string | number>> = {}): Promise<RedisServer> {
  const server = await startRedis({ 'protected-mode': 'yes', ...settings }, join(PRODUCTION, 'redis.conf'));
  onTestFinished(() => server.stop());
  return server;
}

/** A PostgreSQL with the configuration of examples/production, and what is given over it. Whoever started it stops it. */
export async function productionPostgres(
  settings: Readonly<Record<string, string | number>> = {},
): Promise<PostgresServer> {
  // Its user may read what lies in the repository, or may not.
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-conf-'));
  chmodSync(folder, 0o755);
  const file = join(folder, 'postgresql.conf');
  copyFileSync(join(PRODUCTION, 'postgresql.conf'), file);
  chmodSync(file, 0o644);
  const safe = { fsync: 'on', synchronous_commit: 'on', full_page_writes: 'on' };
  const server = await startPostgres({ config_file: file, ...safe, ...settings });
  const stop = async (): Promise<void> => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  return { ...server, stop };
}
