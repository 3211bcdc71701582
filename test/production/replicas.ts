import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { expect, onTestFinished } from 'vitest';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
export const EXAMPLE = join(ROOT, 'examples/production');
export const JWT_SECRET = 'of a test, and of thirty-two letters';

export interface Replica {
  readonly port: number;
  readonly process: ChildProcess;
}

type Env = Readonly<Record<string, string>>;

/** Runs a file of examples/production/app with the sources of this repository in the place of the package. */
function run(file: string, env: Env): ChildProcess {
  const sources = pathToFileURL(join(ROOT, 'scripts/sources.mjs')).href;
  const child = spawn(process.execPath, ['--import', sources, join(EXAMPLE, 'app', file)], {
    env: { PATH: process.env['PATH'], NODE_ENV: 'production', JWT_SECRET, ...env },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  onTestFinished(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
  return child;
}

/** Runs the migrations to their end. */
export async function migrated(env: Env): Promise<void> {
  const [code] = (await once(run('migrate.ts', env), 'exit')) as [number | null];
  expect(code).toBe(0);
}

/** One replica of the API, ready. */
export async function replica(env: Env): Promise<Replica> {
  const port = await freePort();
  const process = run('api.ts', { PORT: String(port), ...env });
  await expect.poll(() => statusOf(`http://127.0.0.1:${String(port)}/health/ready`), { timeout: 30_000 }).toBe(200);
  return { port, process };
}

/** The rules service, on this port. */
export const rulesService = (env: Env): ChildProcess => run('rules.ts', env);

/** 0 where nobody answers. */
export const statusOf = (url: string): Promise<number> =>
  fetch(url).then(
    ({ status }) => status,
    () => 0,
  );

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
