import type { Bump, BumpRequest, Bus, BusPosition, SubjectKey } from '../../src/contract.js';
import type { Connection } from './connection.js';
import type { Random } from './dice.js';
import type { Engine } from './engine.js';
import type { Server } from './server.js';
import type { ServerRules } from './server-rules.js';

/*
 * What is different where the server is a Postgres: bumps and publications are transactions. One holds the rows that it writes until
 * it commits; then all of it is seen at once, and notified. What only reads, or writes one row, is over in a moment as in Redis.
 */

interface Transaction {
  /** On whose backend it runs. */
  readonly by: unknown;
  /** What it locks, in this order. */
  readonly rows: readonly string[];
  held: number;
  isOver: boolean;
  readonly begin: () => void;
  readonly fail: (error: Error) => void;
}

export class Transactions {
  readonly engine: Engine;
  readonly rules: ServerRules;
  readonly #random: Random;
  readonly #open = new Set<Transaction>();
  /** By row, who has it and who waits for it. */
  readonly #queues = new Map<string, Transaction[]>();

  constructor(parts: { readonly engine: Engine; readonly random: Random; readonly rules: ServerRules }) {
    this.engine = parts.engine;
    this.rules = parts.rules;
    this.#random = parts.random;
  }

  /** Waits for the rows; then `work` runs, and what it returns once it is committed. Rejects if it is rolled back. */
  run<T>(by: unknown, rows: readonly string[], work: () => () => T, lastsMs = this.#lasts()): Promise<T> {
    return new Promise((resolve, reject) => {
      const settled = (run: () => void): void => {
        try {
          run();
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)));
          this.#leave(one);
        }
      };
      const begin = (): void => {
        settled(() => {
          const commit = work();
          this.engine.at(this.engine.now + lastsMs, () => {
            if (one.isOver) return;
            settled(() => {
              resolve(commit());
              this.#leave(one);
            });
          });
        });
      };
      const one: Transaction = { by, rows, held: 0, isOver: false, begin, fail: reject };
      this.#open.add(one);
      this.#advance(one);
    });
  }

  /** Ends the backends of one connection, or all. What they have not committed is rolled back. */
  terminate(by?: unknown): void {
    const ended = [...this.#open].filter((one) => by === undefined || one.by === by);
    // First all of them: none of those that wait takes the place of another.
    for (const one of ended) one.isOver = true;
    for (const one of ended) {
      this.#leave(one);
      one.fail(new Error('terminating connection due to administrator command'));
    }
  }

  #advance(one: Transaction): void {
    for (let row = one.rows[one.held]; row !== undefined; row = one.rows[++one.held]) {
      const queue = this.#queues.get(row) ?? [];
      this.#queues.set(row, queue);
      if (!queue.includes(one)) queue.push(one);
      if (queue[0] !== one) return;
    }
    one.begin();
  }

  #leave(one: Transaction): void {
    one.isOver = true;
    this.#open.delete(one);
    for (const row of one.rows) {
      const queue = this.#queues.get(row) ?? [];
      const place = queue.indexOf(one);
      if (place >= 0) queue.splice(place, 1);
      const next = queue[0];
      if (place === 0 && next !== undefined && !next.isOver) this.#advance(next);
    }
  }

  #lasts(): number {
    return (this.#random() < 0.15 ? 40 : 2) * this.#random();
  }
}

export const partitionRow = (number: number): string => `partition ${String(number)}`;

export const partitionRows = ({ partitions }: Server): string[] =>
  Array.from({ length: partitions }, (_, number) => partitionRow(number));

/** All partitions of a change, locked in order of number. */
export function bumpTogether(
  { transactions, client, server }: { transactions: Transactions; client: Connection; server: Server },
  groups: ReadonlyMap<number, ReadonlySet<SubjectKey>>,
  request: BumpRequest,
): Promise<Bump[]> {
  const { engine, rules } = transactions;
  const numbers = [...groups.keys()].sort((a, b) => a - b);
  return transactions.run(client, numbers.map(partitionRow), () => {
    const ranAt = engine.now;
    const bumps = numbers.map((number) => server.place(number, [...(groups.get(number) ?? [])], request));
    const announce = (): void => {
      for (const bump of bumps) server.announce(bump);
    };
    if (!rules.bumpsAtOnce) announce();
    return () => {
      for (const bump of bumps) server.mark(bump, ranAt);
      if (rules.bumpsAtOnce) announce();
      return bumps;
    };
  });
}

interface Publication {
  readonly topic: string;
  readonly bytes: Uint8Array;
  readonly id: string;
  readonly resolve: (position: BusPosition) => void;
  readonly reject: (error: unknown) => void;
}

/** As a replica publishes: one statement at a time, and by the next whatever was published meanwhile. */
export function publishInTurn(transactions: Transactions, client: Connection): Bus['publish'] {
  let outgoing: Publication[] = [];
  let isSending = false;
  const send = (page: readonly Publication[]): Promise<BusPosition[]> =>
    client.call('publish', (server) => {
      const rows = [...new Set(page.map(({ topic }) => `topic ${topic}`))].sort();
      const commit = () => page.map(({ topic, bytes, id }) => server.publish(topic, bytes, id));
      return transactions.run(client, rows, () => commit);
    });
  const sendAll = async (): Promise<void> => {
    for (; outgoing.length > 0;) {
      const page = outgoing;
      outgoing = [];
      try {
        const positions = await send(page);
        for (const [i, { resolve }] of page.entries()) resolve(positions[i] as BusPosition);
      } catch (error) {
        for (const { reject } of page) reject(error);
      }
    }
    isSending = false;
  };
  return (topic, bytes, { id }) =>
    new Promise((resolve, reject) => {
      outgoing.push({ topic, bytes, id, resolve, reject });
      if (isSending) return;
      isSending = true;
      queueMicrotask(() => void sendAll());
    });
}
