import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FromHost, ToHost } from './wire.js';

const file = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const nothing = (): void => {};

/** A process of its own, to be a replica. It ends with the process that forked it. */
export class HostProcess {
  onMessage: (message: FromHost) => void = nothing;
  onText: (text: string) => void = nothing;
  onExit: (how: string) => void = nothing;
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;
  /** The last of what it wrote. */
  #text = '';

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.on('error', nothing);
    child.on('message', (message: FromHost) => {
      this.onMessage(message);
    });
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (bytes: Buffer) => {
        const text = String(bytes).trim();
        this.#text = `${this.#text}\n${text}`.slice(-4000);
        this.onText(text);
      });
    // 'close' comes after 'exit', once everything that it wrote has been read.
    this.#exited = once(child, 'close').then(([code, signal]) => {
      this.onExit(`${String(signal ?? code)}${this.#text}`);
    });
  }

  /** Resolves once it runs. */
  static async fork(): Promise<HostProcess> {
    const child = fork(file('host.ts'), [], {
      execArgv: ['--import', file('resolve.mjs')],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: { ...process.env, NODE_OPTIONS: '', NODE_COMPILE_CACHE: join(tmpdir(), 'tidemark-compiled') },
    });
    const host = new HostProcess(child);
    await Promise.race([once(child, 'message'), once(child, 'exit')]);
    return host;
  }

  get alive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  send(message: ToHost): void {
    if (this.#child.connected) this.#child.send(message, nothing);
  }

  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#child.kill(signal);
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#exited;
  }
}

/** Those that are no replica at the moment: to start one takes longer than most faults. */
const idle: HostProcess[] = [];

export async function takeProcess(): Promise<HostProcess> {
  for (let host = idle.pop(); host !== undefined; host = idle.pop()) if (host.alive) return host;
  return HostProcess.fork();
}

/** For the next replica, once this one is closed; what does not close is ended. */
export async function giveBack(host: HostProcess, closed: Promise<unknown> | undefined): Promise<void> {
  if (closed === undefined) return;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error('late'));
    }, 5000);
  });
  try {
    await Promise.race([closed, late]);
    Object.assign(host, { onMessage: nothing, onText: nothing, onExit: nothing });
    idle.push(host);
  } catch {
    await host.kill();
  } finally {
    clearTimeout(timer);
  }
}
