import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Link } from './link.ts';
import type { Figures, Plan, Ready, Told } from './plan.ts';

const PROGRAM = fileURLToPath(new URL('replica.ts', import.meta.url));

export type ReplicaState = 'starting' | 'up' | 'paused' | 'down';

export interface ReplicaLinks {
  readonly client: readonly Link[];
  readonly bus: readonly Link[];
}

/** One replica's process, and what may be done to it. */
export class Replica {
  readonly id: number;
  readonly links: ReplicaLinks;
  state: ReplicaState = 'down';
  /** Where it serves; null unless it does. */
  port: number | null = null;
  figures: Figures | null = null;
  readonly #plan: Plan;
  #child: ChildProcess | null = null;

  constructor(id: number, links: ReplicaLinks, plan: Plan) {
    this.id = id;
    this.links = links;
    this.#plan = plan;
  }

  /** Resolves once it serves. Rejects if it ends before. */
  async start(): Promise<Ready> {
    this.state = 'starting';
    const child = fork(PROGRAM, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.#child = child;
    const ready = new Promise<Ready>((resolve, reject) => {
      child.on('message', (told: Told) => {
        if (told.kind === 'figures') this.figures = told;
        else {
          this.port = told.port;
          this.state = 'up';
          resolve(told);
        }
      });
      child.once('exit', (code, signal) => {
        this.#ended();
        reject(new Error(`Replica ${String(this.id)} ended: ${signal ?? String(code)}.`));
      });
    });
    ready.catch(() => undefined);
    child.send(this.#plan);
    return ready;
  }

  /** As the operating system does when memory is short: no farewell. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  /** It stands still in the middle of whatever it does, and does not notice. */
  pause(): void {
    if (this.state === 'up' && this.#child?.kill('SIGSTOP') === true) this.state = 'paused';
  }

  resume(): void {
    if (this.state === 'paused' && this.#child?.kill('SIGCONT') === true) this.state = 'up';
  }

  #ended(): void {
    this.#child = null;
    this.port = null;
    this.figures = null;
    this.state = 'down';
  }
}
