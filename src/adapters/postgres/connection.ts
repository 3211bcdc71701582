import type { Clock } from '../../contract.js';
import { TidemarkError } from '../../errors.js';
import { type PgNotification, type PgPool, take } from './client.js';

/** How often a connection is asked whether it is there, and how long an answer may take. */
const PING_MS = 10_000;
const ANSWER_MS = 5000;

/** A connection that listens. What fails on it is the end of it. */
export interface Connection {
  /** One round trip. Rejects if it is lost meanwhile. */
  listen(channels: readonly string[]): Promise<void>;
  /** Nobody waits for it. */
  unlisten(channels: readonly string[]): void;
  /**
   * Listens to these channels and one more, and waits until what another connection of `pool` says on that arrives. Rejects with
   * LISTEN_UNAVAILABLE, and lost, if it does not.
   */
  prove(pool: PgPool, channel: string, channels: readonly string[]): Promise<void>;
  /** Gives it up, without a word. Idempotent. */
  close(): void;
}

export interface ConnectionEvents {
  readonly onMessage: (message: PgNotification) => void;
  /** Once at most, and not after close(). */
  readonly onLost: (connection: Connection) => void;
}

/** Takes a connection out of the pool. It keeps the process alive while somebody waits for it, and no longer. */
export async function openConnection(
  pool: PgPool,
  clock: Pick<Clock, 'after'>,
  { onMessage, onLost }: ConnectionEvents,
): Promise<Connection> {
  // One that is lost already says so by its end, or by what is asked of it.
  const client = await take(pool, () => undefined);
  let gone = false;
  let waiting = 0;
  let cancelPing = (): void => {};
  let heardProof: ((channel: string) => void) | undefined;
  const abandoned = new Set<(reason: Error) => void>();

  const drop = (): void => {
    gone = true;
    cancelPing();
    for (const abandon of abandoned) abandon(new Error('the connection for LISTEN was lost'));
    client.release(true);
  };
  const lose = (): void => {
    if (gone) return;
    drop();
    onLost(connection);
  };
  client.on('error', lose);
  client.on('end', lose);
  client.on('notification', (message) => {
    heardProof?.(message.channel);
    if (!gone) onMessage(message);
  });

  /** Settles as `answer` does; rejects after ANSWER_MS, or once the connection is gone. */
  const inTime = <Answer>(answer: Promise<Answer>): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const cancel = clock.after(ANSWER_MS, () => {
        settle();
        reject(new Error(`no answer in ${String(ANSWER_MS)} ms`));
      });
      const settle = (): void => {
        cancel();
        abandoned.delete(abandon);
      };
      const abandon = (reason: Error): void => {
        settle();
        reject(reason);
      };
      abandoned.add(abandon);
      void answer.then(resolve, reject).finally(settle);
    });
  /** What waits for the statement on its way: all of it goes together by the next, one round trip. */
  let next: { readonly texts: string[]; readonly answer: Promise<void> } | undefined;
  let running: Promise<unknown> = Promise.resolve();
  const send = (text: string): Promise<void> => {
    if (next !== undefined) {
      next.texts.push(text);
      return next.answer;
    }
    const texts = [text];
    const answer = running.then(async () => {
      next = undefined;
      if (gone) throw new Error('the connection for LISTEN was lost');
      try {
        await inTime(client.query(texts.join('; ')));
      } catch (error) {
        lose();
        throw error;
      }
    });
    next = { texts, answer };
    running = answer.catch(() => undefined);
    return answer;
  };
  const waitedFor = async (run: () => Promise<void>): Promise<void> => {
    if (waiting++ === 0) client.ref?.();
    try {
      await run();
    } finally {
      if (--waiting === 0 && !gone) client.unref?.();
    }
  };
  const pingLater = (): void => {
    cancelPing = clock.after(PING_MS, () => {
      void send('select 1 as tidemark_listens').then(pingLater, () => undefined);
    });
  };

  const connection: Connection = {
    listen: (channels) => waitedFor(() => send(statements('listen', channels))),
    unlisten: (channels) => {
      void send(statements('unlisten', channels)).catch(() => undefined);
    },
    prove: (from, channel, channels) =>
      waitedFor(async () => {
        await send(statements('listen', [...channels, channel]));
        const heard = new Promise<void>((resolve) => {
          heardProof = (said) => {
            if (said === channel) resolve();
          };
        });
        try {
          await from.query('select pg_notify($1, $2)', [channel, '']);
          await inTime(heard).catch((error: unknown) => {
            throw gone ? error : unheard(error);
          });
        } catch (error) {
          lose();
          throw error;
        }
        heardProof = undefined;
        connection.unlisten([channel]);
        pingLater();
      }),
    close: () => {
      if (gone) return;
      client.ref?.();
      drop();
    },
  };
  return connection;
}

/** Without values, so that they go together: one round trip, one transaction. */
const statements = (verb: 'listen' | 'unlisten', channels: readonly string[]): string =>
  channels.map((channel) => `${verb} "${channel}"`).join('; ');

function unheard(cause: unknown): TidemarkError {
  const message =
    `LISTEN: expected what another connection of the pool announces to arrive within ${String(ANSWER_MS)} ms, got nothing. ` +
    'Likely the pool goes through a pooler of transactions (PgBouncer with pool_mode = transaction), where nobody keeps a ' +
    'connection that listens, or `listen` goes to another database. Give `listen: pool2`, a second Pool of pg that goes straight to the server.';
  return new TidemarkError('LISTEN_UNAVAILABLE', message, { cause });
}

/** Who listens contains its own errors; others must hear all the same. */
export function contained(run: () => void): void {
  try {
    run();
  } catch {
    // Not ours to report.
  }
}
