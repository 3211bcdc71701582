import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const PROBE = fileURLToPath(new URL('heap-probe.mjs', import.meta.url));

export interface Program {
  readonly file: string;
  readonly env: Readonly<Record<string, string>>;
  /** What of its output says where it serves. */
  readonly urlIn: RegExp;
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

  /** Resolves once it says where it serves; rejects with what it said, if it ends before. */
  static async start({ file, env, urlIn }: Program): Promise<Replica> {
    const child = fork(file, [], {
      execArgv: ['--expose-gc', '--import', PROBE],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: { ...process.env, NODE_OPTIONS: '', ...env },
    });
    let text = '';
    const url = await new Promise<string>((resolve, reject) => {
      for (const stream of [child.stdout, child.stderr])
        stream?.on('data', (bytes: Buffer) => {
          text = `${text}${String(bytes)}`.slice(-8000);
          const found = urlIn.exec(text)?.[1];
          if (found !== undefined) resolve(found);
        });
      child.once('exit', (code, signal) => {
        reject(new Error(`${file} ended (${String(signal ?? code)}):\n${text}`));
      });
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

  /** As a host stops it: resolves with the last of what it said, once it has ended by itself. Rejects if it did not end well. */
  async stop(): Promise<string> {
    const ended = once(this.#child, 'exit') as Promise<[number | null, string | null]>;
    this.#child.kill('SIGTERM');
    const [code, signal] = await ended;
    if (code !== 0) throw new Error(`expected an end with 0, got ${String(signal ?? code)}:\n${this.#text()}`);
    return this.#text();
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}
