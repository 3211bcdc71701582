import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import type { Action } from '../../examples/scaled/actions.js';
import type { Answered } from '../../examples/scaled/balancer.js';
import type { Figures } from '../../examples/scaled/plan.js';
import type { Answer, Sample } from '../../examples/scaled/watch.js';
import { EventReader } from '../world/server-events.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** Everything else may keep the processors busy. */
const PATIENCE_MS = 60_000;

interface State {
  readonly city: { readonly id: string; readonly version: number };
  readonly replicas: readonly {
    readonly id: number;
    readonly state: string;
    readonly port: number | null;
    readonly health: string;
    readonly figures: Figures | null;
  }[];
}

/** The command as people start it, from the sources, and what its page is told. */
export class RunningStage {
  readonly url: string;
  readonly #child: ChildProcess;
  readonly #looking = new AbortController();
  readonly samples: Sample[] = [];
  readonly requests: Answered[] = [];
  readonly lines: string[] = [];
  state: State | undefined;

  private constructor(url: string, child: ChildProcess) {
    this.url = url;
    this.#child = child;
  }

  static async start(...flags: string[]): Promise<RunningStage> {
    const program = ['--import', './scripts/sources.mjs', 'examples/scaled/main.ts', '--port', '0', ...flags];
    const child = spawn(process.execPath, program, { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
    const url = await new Promise<string>((resolve, reject) => {
      let said = '';
      child.stdout?.on('data', (part: Buffer) => {
        said += String(part);
        const [, found] = /(http:\S+)\/scaled\s/.exec(said) ?? [];
        if (found !== undefined) resolve(found);
      });
      child.once('exit', () => reject(new Error(`It ended, having said: ${said}`)));
    });
    const stage = new RunningStage(url, child);
    await stage.#look();
    return stage;
  }

  async stop(): Promise<number | null> {
    this.#looking.abort();
    this.#child.kill('SIGTERM');
    if (this.#child.exitCode === null) await once(this.#child, 'exit');
    return this.#child.exitCode;
  }

  async act(action: Action): Promise<void> {
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(`${this.url}/scaled/do`, { method: 'POST', headers, body: JSON.stringify(action) });
    expect(await response.text()).toBe('');
  }

  /** Edits the watched city on a replica; returns its version then. */
  async edit(replica: number): Promise<number> {
    const before = this.lines.length;
    await this.act({ do: 'edit', replica });
    const line = await this.until(() => this.lines.slice(before).find((text) => text.startsWith('Edited on')));
    return Number(/version (\d+)/.exec(line)?.[1]);
  }

  /** What the replicas last said of the city, if they all said something. */
  answers(): readonly Answer[] {
    return (this.samples.at(-1)?.answers ?? []).filter((answer) => answer !== null);
  }

  /** Waits until all three answer this version. */
  async shows(version: number): Promise<void> {
    await this.until(() => {
      const answers = this.answers();
      return answers.length === 3 && answers.every((answer) => answer.version === version) ? answers : undefined;
    });
  }

  /** What `look` finds, once it finds something. */
  async until<T>(look: () => T | undefined | false): Promise<T> {
    for (const deadline = performance.now() + PATIENCE_MS; ;) {
      const found = look();
      if (found !== undefined && found !== false) return found;
      if (performance.now() > deadline) throw new Error(`Waited in vain for ${String(look)}; ${this.lines.join(' ')}`);
      await new Promise((resume) => setTimeout(resume, 20));
    }
  }

  async #look(): Promise<void> {
    const { body } = await fetch(`${this.url}/scaled/live`, { signal: this.#looking.signal });
    const events = new EventReader(textOf(body as ReadableStream<Uint8Array>), this.#looking);
    const follow = async (): Promise<void> => {
      for (let item = await events.next(); item !== undefined; item = await events.next()) {
        const { event, data } = item;
        if (event === 'state') this.state = data as unknown as State;
        else if (event === 'sample') this.samples.push(data as unknown as Sample);
        else if (event === 'request') this.requests.push(data as unknown as Answered);
        else if (event === 'line') this.lines.push(data['text'] as string);
      }
    };
    follow().catch(() => undefined);
    await this.until(() => this.state);
  }
}

async function* textOf(body: ReadableStream<Uint8Array>): AsyncGenerator<string, undefined> {
  const decoder = new TextDecoder();
  for await (const bytes of body) yield decoder.decode(bytes, { stream: true });
  return undefined;
}
