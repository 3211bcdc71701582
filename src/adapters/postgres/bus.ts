import { createRandom, randomId, systemClock } from '../../clock.js';
import type { Bus, BusMessage, BusPosition, Clock } from '../../contract.js';
import { TidemarkError, counted } from '../../errors.js';
import { bufferOf } from '../../names.js';
import { feedOf } from './bus-feed.js';
import { type PgPool, listenForErrors } from './client.js';
import { indexed } from './indexed.js';
import { type Listener, channelOf, listenerOn } from './listener.js';
import { type Row, type Run, runOn } from './run.js';
import { DEFAULT_SCHEMA, quotedSchema } from './schema/name.js';

export interface PgBusOptions {
  /** A Pool of `pg`; whoever made it ends it. One connection of it is kept for LISTEN. */
  readonly pool: PgPool;
  /** The pool that this connection is taken from, where the other one goes through a pooler of transactions. Default: `pool`. */
  readonly listen?: PgPool | undefined;
  /** Where the migrations made the tables. Default 'tidemark'. */
  readonly schema?: string | undefined;
  /** Messages kept per topic, about. Default 1,000. */
  readonly history?: number | undefined;
  /** How long they are kept after the last one, at least. Default 600,000. */
  readonly historyMs?: number | undefined;
  /** Waits between attempts, and for answers. */
  readonly clock?: Pick<Clock, 'after'> | undefined;
  /** Uniform in [0, 1), for epochs. Default: the operating system's generator. */
  readonly random?: (() => number) | undefined;
}

/** Publications per statement, so that none holds topics for long, and their bytes. */
const PER_STATEMENT = 100;
const BYTES_PER_STATEMENT = 1_000_000;
/** A statement that takes longer has failed, so that a connection that is gone unnoticed holds nobody up. */
const ANSWER_MS = 10_000;

interface Publication {
  readonly topic: string;
  readonly id: string;
  readonly bytes: Buffer;
  readonly resolve: (position: BusPosition) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * A {@link Bus} in Postgres: a row per topic, whose lock gives the positions, one per message, in unlogged tables, and NOTIFY. A
 * publication is one statement, and what is published while it runs goes out together by the next. A lost connection of the
 * listener is a gap, and a message too long for NOTIFY, above about 5,700 bytes, is read by whoever listens. Throws INVALID_OPTION
 * for options that cannot serve; rejects with NOT_MIGRATED where the tables are missing, with LISTEN_UNAVAILABLE behind a pooler
 * of transactions.
 */
export function pgBus(options: PgBusOptions): Bus {
  const listener = listenerOn(options.pool, options);
  const bus = busOn(options, listener);
  return {
    ...bus,
    close: async () => {
      await bus.close();
      await listener.close();
    },
  };
}

export function busOn(options: PgBusOptions, listener: Pick<Listener, 'listen'>): Bus {
  const { pool, schema = DEFAULT_SCHEMA, clock = systemClock, random = createRandom() } = options;
  const quoted = quotedSchema(schema);
  const history = counted('history', options.history, 1000);
  const historyMs = counted('historyMs', options.historyMs, 600_000);
  const run = inTime(runOn({ pool, schema, failure: 'STORE_FAILED', clock }), clock);
  const unlisten = listenForErrors(pool);
  const stops = new Set<() => void>();

  const seed = (): string => randomId(random);
  const passingOf = (topic: string): string => channelOf(schema, 'ephemeral', topic);
  const rowOf = (topic: string): Buffer => indexed(bufferOf(topic));
  const publishSql = `select * from ${quoted}.bus_publish($1, $2, $3, $4, $5, $6, $7, $8, $9)`;
  const readSql = `select * from ${quoted}.bus_read($1, $2, $3, $4, $5, $6)`;

  let outgoing: Publication[] = [];
  let sending = false;
  const send = async (page: readonly Publication[]): Promise<void> => {
    try {
      const rows = await run(publishSql, [
        ...[seed(), history, historyMs],
        page.map(({ topic }) => channelOf(schema, 'topic', topic)),
        page.map(({ topic }) => rowOf(topic)),
        page.map(({ id }) => indexed(bufferOf(id))),
        startsOf(page),
        page.map(({ bytes }) => bytes.length),
        Buffer.concat(page.map(({ bytes }) => bytes)),
      ]);
      for (const row of rows) page[Number(row['at']) - 1]?.resolve(positionOf(row));
    } catch (error) {
      for (const { reject } of page) reject(error);
    }
  };
  /** One statement at a time: what one process publishes keeps its order. */
  const sendAll = async (): Promise<void> => {
    while (outgoing.length > 0) {
      const count = pageOf(outgoing);
      const page = outgoing.slice(0, count);
      outgoing = outgoing.slice(count);
      await send(page);
    }
    sending = false;
  };
  const read: Bus['read'] = async (topic, since, limit) => {
    const asked = [since?.epoch ?? null, since?.offset ?? 0, Math.min(Math.max(0, limit), MOST_LIMIT)];
    const [end, ...rows] = await run(readSql, [seed(), historyMs, rowOf(topic), ...asked]);
    return {
      messages: rows.map((row) => ({ position: positionOf(row), bytes: new Uint8Array(row['bytes'] as Buffer) })),
      top: positionOf(end as Row),
      truncated: end?.['truncated'] === true,
    };
  };
  const readOne = async (topic: string, { epoch, offset }: BusPosition): Promise<BusMessage | undefined> => {
    const { messages, truncated } = await read(topic, { epoch, offset: offset - 1 }, 1);
    return truncated ? undefined : messages[0];
  };

  return {
    publish: (topic, bytes, { id }) =>
      new Promise((resolve, reject) => {
        outgoing.push({ topic, id, bytes: Buffer.from(bytes), resolve, reject });
        if (sending) return;
        sending = true;
        queueMicrotask(() => void sendAll());
      }),
    subscribe: async (topic, busListener) => {
      const feed = feedOf(busListener, (position) => readOne(topic, position).catch(() => undefined));
      const end = await listener.listen([channelOf(schema, 'topic', topic)], {
        onMessage: (_, payload) => {
          feed.announce(payload);
        },
        onLost: () => busListener.onState?.('recovering'),
        onBack: () => {
          feed.gap();
          busListener.onState?.('live');
        },
      });
      const stop = (): void => {
        stops.delete(stop);
        feed.stop();
        end();
      };
      stops.add(stop);
      try {
        feed.begin((await read(topic, undefined, 0)).top);
      } catch (error) {
        stop();
        throw error;
      }
      return async () => {
        stop();
      };
    },
    read,
    ephemeral: {
      send: async (topic, bytes) => {
        await run('select pg_notify($1, $2)', [passingOf(topic), Buffer.from(bytes).toString('base64')]);
      },
      listen: async (topic, onMessage) => {
        const end = await listener.listen([passingOf(topic)], {
          onMessage: (_, payload) => {
            onMessage(new Uint8Array(Buffer.from(payload, 'base64')));
          },
          onLost: () => undefined,
          onBack: () => undefined,
        });
        const stop = (): void => {
          stops.delete(stop);
          end();
        };
        stops.add(stop);
        return async () => {
          stop();
        };
      },
    },
    close: async () => {
      for (const stop of [...stops]) stop();
      unlisten();
    },
  };
}

/** What an int of Postgres holds. */
const MOST_LIMIT = 2 ** 31 - 1;

/** How many of these go by one statement. */
function pageOf(publications: readonly Publication[]): number {
  let size = 0;
  const over = publications.findIndex(({ bytes }, i) => (size += bytes.length) > BYTES_PER_STATEMENT && i > 0);
  return Math.min(PER_STATEMENT, over < 0 ? publications.length : over);
}

/** Where the bytes of each begin among those of all, from 1. */
function startsOf(publications: readonly Publication[]): number[] {
  let at = 1;
  return publications.map(({ bytes: { length } }) => (at += length) - length);
}

const positionOf = (row: Row): BusPosition => ({ epoch: String(row['epoch']), offset: Number(row['offset']) });

function inTime(run: Run, clock: Pick<Clock, 'after'>): Run {
  return (text, values) =>
    new Promise((resolve, reject) => {
      const cancel = clock.after(ANSWER_MS, () => {
        reject(new TidemarkError('STORE_FAILED', `bus: expected an answer within ${String(ANSWER_MS)} ms, got none.`));
      });
      void run(text, values).then(resolve, reject).finally(cancel);
    });
}
