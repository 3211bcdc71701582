import type { Database } from './database.js';
import type { History } from './history.js';
import type { Link } from './link.js';
import type { Origin } from './origin.js';
import { type HostProcess, giveBack, takeProcess } from './processes.js';
import { until } from './time.js';
import type { FromHost, HostOptions, Question, ToHost, Verb, Verbs } from './wire.js';

export interface ReplicaParts {
  readonly options: HostOptions;
  readonly database: Database;
  readonly origin: Origin;
  readonly history: History;
  readonly client: Link;
  readonly subscriber: Link;
}

type Calls = { readonly [Name in Verb]: Verbs[Name] };

/** A process that is one replica, with its links, and the way to ask it things. */
export class Replica {
  readonly name: string;
  readonly client: Link;
  readonly subscriber: Link;
  /** What it is asked for. Rejects once it is gone. */
  readonly call: Calls;
  /** Told of every change of this replica that has a receipt. */
  onReceipt: (id: string, version: number, receipt: string) => void = () => {};
  readonly #parts: ReplicaParts;
  readonly #process: HostProcess;
  readonly #asking = new Map<number, { resolve(result: unknown): void; reject(error: Error): void }>();
  #asked = 0;
  #killed = false;

  private constructor(parts: ReplicaParts, process: HostProcess) {
    this.#parts = parts;
    this.#process = process;
    this.name = parts.options.name;
    this.client = parts.client;
    this.subscriber = parts.subscriber;
    process.onText = (text) => {
      parts.history.complain(`${this.name} wrote: ${text}`);
    };
    process.onMessage = (message) => {
      this.#hear(message);
    };
    process.onExit = (how) => {
      if (!this.#killed) parts.history.complain(`${this.name} ended by itself: ${how}`);
      for (const { reject } of this.#asking.values()) reject(new Error(`${this.name} is gone: ${how}`));
      this.#asking.clear();
    };
    this.call = new Proxy({} as Calls, {
      get:
        (_, verb: Verb) =>
        (...args: unknown[]) =>
          this.#call(verb, args),
    });
  }

  static async open(parts: ReplicaParts): Promise<Replica> {
    const replica = new Replica(parts, await takeProcess());
    try {
      await replica.call.open(parts.options);
      await until(`${replica.name} watches its marks`, () =>
        replica.call.ready().then(
          () => true,
          () => false,
        ),
      );
    } catch (error) {
      await replica.close();
      throw error;
    }
    return replica;
  }

  #call(verb: Verb, args: readonly unknown[]): Promise<unknown> {
    const n = ++this.#asked;
    return new Promise((resolve, reject) => {
      this.#asking.set(n, { resolve, reject });
      this.tell({ kind: 'call', n, verb, args });
    });
  }

  tell(message: ToHost): void {
    this.#process.send(message);
  }

  #hear(message: FromHost): void {
    if (message.kind === 'batch') {
      this.#parts.history.add(this.name, message.batch);
      for (const { id, version, receipt } of message.batch.changes)
        if (receipt !== undefined) this.onReceipt(id, version, receipt);
    } else if (message.kind === 'question') void this.#answer(message.n, message.question);
    else {
      const asking = this.#asking.get(message.n);
      this.#asking.delete(message.n);
      if (message.error === undefined) asking?.resolve(message.result);
      else asking?.reject(new Error(`${this.name}: ${message.error}`));
    }
  }

  async #answer(n: number, question: Question): Promise<void> {
    const { database, origin, options } = this.#parts;
    if (question.kind === 'commit') {
      this.tell({ kind: 'answer', n, written: database.commit(question.ids[0] as string, options.schema) });
      return;
    }
    this.tell({ kind: 'answer', n, rows: await origin.answer(this.name, question, options.schema) });
  }

  get alive(): boolean {
    return this.#process.alive;
  }

  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#process.signal(signal);
  }

  /** A crash. */
  async kill(): Promise<void> {
    this.#killed = true;
    this.#parts.history.killed.add(this.name);
    await this.#process.kill();
  }

  /** Its process may become another replica. */
  async close(): Promise<void> {
    this.#killed = true;
    this.signal('SIGCONT');
    await giveBack(this.#process, this.alive ? this.call.close() : undefined);
    await Promise.all([this.client.close(), this.subscriber.close()]);
  }
}
