import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { until } from '../faults/time.js';
import { freePort } from '../package/linked.js';

const PROBE = fileURLToPath(new URL('heap-probe.mjs', import.meta.url));

export interface Program {
  readonly cwd: string;
  readonly main: string;
  readonly env: Readonly<Record<string, string>>;
}

/** One process of a service, as anybody would start it. */
export class Replica {
  readonly url: string;
  readonly #child: ChildProcess;
  readonly #text: () => string;

  private constructor(child: ChildProcess, url: string, text: () => string) {
    this.#child = child;
    this.url = url;
    this.#text = text;
  }

  /** Resolves once it serves; rejects with what it said, if it ends before. */
  static async start({ cwd, main, env }: Program): Promise<Replica> {
    const port = String(await freePort());
    const child = fork(main, [], {
      cwd,
      execArgv: ['--expose-gc', '--import', PROBE],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: { ...process.env, NODE_OPTIONS: '', ...env, PORT: port },
    });
    let text = '';
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (bytes: Buffer) => {
        text = `${text}${String(bytes)}`.slice(-8000);
      });
    const url = `http://localhost:${port}`;
    await until(`${main} serves:\n${text}`, async () => {
      if (child.exitCode !== null) throw new Error(`${main} ended (${String(child.exitCode)}):\n${text}`);
      return fetch(`${url}/settlements/s1`).then(
        ({ ok }) => ok,
        () => false,
      );
    });
    return new Replica(child, url, () => text);
  }

  /** Bytes in use after everything that can go has gone. */
  async heapBytes(): Promise<number> {
    const answer = once(this.#child, 'message') as Promise<[{ readonly heapBytes: number }]>;
    this.#child.send('heap');
    const [{ heapBytes }] = await answer;
    return heapBytes;
  }

  /** As a host stops it; rejects if it does not end by itself and well. */
  async stop(): Promise<void> {
    const ended = once(this.#child, 'exit') as Promise<[number | null, string | null]>;
    this.#child.kill('SIGTERM');
    const [code, signal] = await ended;
    // Nest ends itself by the signal, once all is closed.
    if (code !== 0 && signal !== 'SIGTERM')
      throw new Error(`expected an end with 0, got ${String(signal ?? code)}:\n${this.#text()}`);
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}
