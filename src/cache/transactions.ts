import type { Receipt } from '../call.js';
import { inTime, randomId } from '../clock.js';
import type { Clock, Outbox, Sql } from '../contract.js';
import { TidemarkError } from '../errors.js';
import type { Events } from '../events.js';
import { type AnyChange, type Changer, eventId } from './change.js';
import { encodeRow } from './outbox-rows.js';
import { queuedReceipt } from './receipt.js';
import type { Sweeper } from './sweeper.js';

/** Where changes of transactions are written down. */
export interface Log {
  readonly outbox: Outbox;
  readonly sweeper: Sweeper;
}

export interface TransactionsOptions {
  readonly changer: Changer;
  readonly log: Log | null;
  readonly clock: Clock;
  readonly random: () => number;
  readonly events: Events;
  readonly namespace: string | undefined;
  /** When the outbox counts as out of reach. */
  readonly timeoutMs: number;
}

export type Add = (change: AnyChange, options?: { readonly via?: unknown }) => Promise<void>;

/** Keeps changes until a callback has resolved; where there is an outbox, in the transaction of the host. */
export class Transactions {
  readonly #options: TransactionsOptions;
  #toAsk: string[] = [];
  #next: Promise<ReadonlySet<string>> | null = null;
  /** Never rejects. */
  #asking: Promise<unknown> = Promise.resolve();

  constructor(options: TransactionsOptions) {
    this.#options = options;
  }

  /** `whole` completes a change as it is added. */
  async run<T>(
    callback: (add: Add) => Promise<T>,
    { via, whole }: { readonly via: unknown; readonly whole: (change: AnyChange) => AnyChange },
  ): Promise<{ readonly value: T; readonly receipt: Receipt }> {
    const { changer, log, random } = this.#options;
    let id: string | undefined;
    const changeId = (): string => (id ??= randomId(random));
    const added: AnyChange[] = [];
    const writing: Promise<void>[] = [];
    let over = false;
    // Checked now, where the stack still says who added it; applied when the callback has resolved.
    const add: Add = (given, options = {}) => {
      if (over)
        throw new TidemarkError('INVALID_CHANGE', 'changes.add: expected a transaction under way, this one is over.');
      const change = whole(given);
      changer.plan(change, 'changes.add');
      if (log === null) {
        added.push(change);
        return Promise.resolve();
      }
      const sql = sqlOf(options.via ?? via);
      const text = encodeRow(change, this.#options.namespace);
      const row = { id: eventId(changeId(), String(added.length)), change: text };
      added.push(change);
      const written = begin(() => log.outbox.add(sql, [row]));
      // The transaction rejects with it, whether or not anybody waits for it here.
      written.catch(() => undefined);
      writing.push(written);
      return written;
    };
    const value = await callback(add).finally(() => {
      over = true;
    });
    await Promise.all(writing);
    if (log === null || added.length === 0) return { value, receipt: await changer.change(added) };
    return { value, receipt: await this.#apply(log, changeId(), added) };
  }

  /** What is committed, at once. The rest is left to the sweeper, since it may be committed later or have been rolled back. */
  async #apply({ outbox, sweeper }: Log, changeId: string, added: readonly AnyChange[]): Promise<Receipt> {
    const ids = added.map((_, i) => eventId(changeId, String(i)));
    const committed = await this.#committed(outbox, ids);
    const here = added.flatMap((change, i) => (committed.has(ids[i] as string) ? [{ change, id: String(i) }] : []));
    const removed = ids.filter((id) => committed.has(id));
    const receipt = await this.#options.changer.change(
      here.map(({ change }) => change),
      {
        changeId,
        ids: here.map(({ id }) => id),
        announced: () => {
          sweeper.remove(removed);
        },
      },
    );
    return here.length === added.length ? receipt : queuedReceipt(changeId);
  }

  /** Those who ask while a question is under way ask together next: one statement for many writers. */
  #committed(outbox: Outbox, ids: readonly string[]): Promise<ReadonlySet<string>> {
    this.#toAsk.push(...ids);
    this.#next ??= this.#asking.then(() => {
      const together = this.#toAsk;
      this.#toAsk = [];
      this.#next = null;
      const answer = this.#ask(outbox, together);
      this.#asking = answer;
      return answer;
    });
    return this.#next;
  }

  async #ask(outbox: Outbox, ids: readonly string[]): Promise<ReadonlySet<string>> {
    const { clock, timeoutMs, events } = this.#options;
    const late = (): Error =>
      new TidemarkError('STORE_TIMEOUT', `outbox: expected an answer within ${String(timeoutMs)} ms, got none.`);
    try {
      return new Set(await inTime(clock, timeoutMs, () => outbox.committed(ids), late));
    } catch (thrown) {
      // They may have been committed: that is no failure of their transactions.
      events.emit('error', { error: thrown as Error, where: 'outbox: committed' });
      return new Set();
    }
  }
}

function sqlOf(via: unknown): Sql {
  const query = (via as Partial<Sql> | null | undefined)?.query;
  if (typeof query === 'function') return via as Sql;
  const got = via === null || via === undefined ? String(via) : 'something without query()';
  throw new TidemarkError(
    'INVALID_OPTION',
    `changes.add, via: expected the transaction's connection, with query(text, values), since this tide has an outbox; got ${got}.`,
  );
}

/** Runs to its first await at once; what it throws is its promise's. */
async function begin(call: () => Promise<void>): Promise<void> {
  await call();
}
