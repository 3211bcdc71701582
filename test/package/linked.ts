import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, vi } from 'vitest';

/** Apps as a stranger makes them, from the packed tarball. Other packages are those that are installed here: no network is needed. */

export const root = fileURLToPath(new URL('../..', import.meta.url));
const execute = promisify(execFile);

/** Runs a program to its end; rejects with what it printed. */
export async function run(cwd: string, command: string, args: readonly string[]): Promise<void> {
  const { PATH, HOME } = process.env;
  await execute(command, args, { cwd, env: { PATH, HOME } }).catch((error: unknown) => {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    throw new Error(`${command} ${args.join(' ')} failed in ${cwd}:\n${stdout}\n${stderr}`);
  });
}

/** Copies an example, and the domain that it serves, beneath such a folder. Returns where it is. */
export function copyExample(scratch: string, folder: string): string {
  const wanted = (from: string): boolean => !/\/(node_modules|dist)(\/|$)/.test(from.slice(root.length));
  for (const name of ['campaign', folder])
    cpSync(join(root, 'examples', name), join(scratch, 'examples', name), { recursive: true, filter: wanted });
  return join(scratch, 'examples', folder);
}

/** Compiles the copied example on Nest. `tidemark`: as it is packed. */
export async function compileNest(app: string, tidemark: string): Promise<void> {
  // As npm does, since it has peers: what ../campaign is compiled against is to be the same.
  cpSync(tidemark, join(app, 'node_modules/tidemark'), { recursive: true });
  await run(app, join(root, 'node_modules/.bin/tsc'), []);
}

/** A folder beneath which all that is installed here is found, and tidemark as it is packed. Needs `npm run build` before. */
export function linkedFolder(): string {
  const scratch = realpathSync(mkdtempSync(join(tmpdir(), 'tidemark-linked-')));
  beforeAll(async () => {
    expect(existsSync(join(root, 'dist')), 'dist/ is missing: run npm run build first').toBe(true);
    await run(root, 'npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', scratch]);
    const modules = join(scratch, 'node_modules');
    const own = join(modules, 'tidemark');
    mkdirSync(own, { recursive: true });
    const [tarball = ''] = readdirSync(scratch).filter((name) => name.endsWith('.tgz'));
    await run(scratch, 'tar', ['-xzf', tarball, '-C', own, '--strip-components', '1']);
    for (const name of readdirSync(join(root, 'node_modules')))
      if (!name.startsWith('.')) symlinkSync(join(root, 'node_modules', name), join(modules, name));
  });
  afterAll(() => {
    rmSync(scratch, { recursive: true, force: true });
  });
  return scratch;
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

export interface Start {
  /** Default: where a compiler puts it. */
  readonly main?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts an app and waits until it is alive. Whoever starts it ends it. */
export async function start(app: string, { main = 'dist/main.js', env = {} }: Start = {}) {
  const port = await freePort();
  const { PATH } = process.env;
  const child: ChildProcess = spawn(process.execPath, [main], { cwd: app, env: { PATH, ...env, PORT: String(port) } });
  let said = '';
  child.stdout?.on('data', (text) => (said += String(text)));
  child.stderr?.on('data', (text) => (said += String(text)));
  const url = `http://localhost:${String(port)}`;
  const exited = once(child, 'exit') as Promise<[number | null, string | null]>;
  const well = async () => expect((await fetch(`${url}/health/live`)).status).toBe(200);
  const failed = exited.then(() => {
    throw new Error(`The app has ended:\n${said}`);
  });
  try {
    await Promise.race([vi.waitFor(well, { timeout: 60_000 }), failed]);
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
  failed.catch(() => undefined);
  return { child, exited, url };
}
