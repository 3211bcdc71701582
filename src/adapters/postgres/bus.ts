import { createRandom, randomId, systemClock } from '../../clock.js';
import type { Bus, BusPosition, Clock } from '../../contract.js';
import { counted } from '../../errors.js';
import { bufferOf } from '../../names.js';
import { listenForErrors } from './client.js';
import { indexed } from './indexed.js';
import { type Listener, type ListenerOptions, channelOf, listenerOn } from './listener.js';
import { partsReader } from './parts.js';
import { type Row, runOn } from './run.js';
import { DEFAULT_SCHEMA, quotedSchema } from './schema/name.js';

export interface PgBusOptions extends ListenerOptions {
  /** Where the migrations made the tables. Default 'tidemark'. */
  readonly schema?: string | undefined;
  /** Messages kept per topic. Default 1,000. */
  readonly history?: number | undefined;
  /** How long they are kept after the last one. Default 600,000. */
  readonly historyMs?: number | undefined;
  /** Waits between attempts, pings and sweeps. */
  readonly clock?: Pick<Clock, 'after' | 'now'> | undefined;
}

/** How much longer than a topic's messages the number of its last one is known. */
const OUTLIVES_MS = 86_400_000;
/** Publications per statement, so that none holds its topics for long. */
const PER_STATEMENT = 100;
/** How long nothing is looked for that is over once there was less than a page of it. */
const SWEEP_MS = 60_000;
const SWEPT = 200;

interface Publication {
  readonly topic: Buffer;
  readonly channel: string;
  readonly id: Buffer;
  readonly bytes: Buffer;
  readonly resolve: (position: BusPosition) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * A {@link Bus} in Postgres: a row per topic, whose lock gives the offsets, its last messages in another table, and NOTIFY, all
 * in one transaction. What is published in one turn goes out by one statement. A listener's lost connection is a gap once
 * it is back. Throws INVALID_OPTION for options that cannot serve; rejects with NOT_MIGRATED where the tables are missing.
 */
export function pgBus(options: PgBusOptions): Bus {
  return busOn(options, listenerOn(options));
}

export function busOn(options: PgBusOptions, listener: Listener): Bus {
  const { pool, schema = DEFAULT_SCHEMA, clock = systemClock, random = createRandom() } = options;
  const name = quotedSchema(schema);
  const history = counted('history', options.history, 1000);
  const historyMs = counted('historyMs', options.historyMs, 600_000);
  const run = runOn({ pool, schema, failure: 'STORE_FAILED', clock });
  const listening = new Set<() => void>();
  const stopIgnoring = listenForErrors(pool);
  const placeOf = (topic: string): { readonly topic: Buffer; readonly channel: string } => {
    const bytes = indexed(bufferOf(topic));
    return { topic: bytes, channel: channelOf(schema, 'topic', bytes.toString('base64')) };
  };

  const PUBLISH = `select epoch, position from ${name}.bus_publish($1, $2, $3, $4::bytea[], $5::text[], $6::bytea[], $7::bytea[])`;
  const READ = `select epoch, position, truncated, bytes from ${name}.bus_read($1, $2, $3, $4, $5, $6)`;
  const SWEEP = `select ${name}.bus_sweep($1, $2, $3) as swept`;

  // ── What is over ──────────────────────────────────────────────────────────────────────────────────────────────
  let sweepAt = clock.now() + SWEEP_MS;
  let sweeping: Promise<void> | undefined;
  /** Nobody waits for it. */
  const sweepIfDue = (): void => {
    if (sweeping !== undefined || clock.now() < sweepAt) return;
    sweepAt = clock.now() + SWEEP_MS;
    sweeping = run(SWEEP, [historyMs, historyMs + OUTLIVES_MS, SWEPT])
      .then(([row]) => {
        if (Number(row?.['swept']) === SWEPT) sweepAt = clock.now();
      })
      .catch(() => undefined)
      .then(() => {
        sweeping = undefined;
      });
  };

  // ── Publishing ────────────────────────────────────────────────────────────────────────────────────────────────
  const outgoing: Publication[] = [];
  /** One statement at a time: what is published meanwhile goes out with the next, and a topic's messages in their order. */
  let sending = false;
  const send = async (page: readonly Publication[]): Promise<void> => {
    try {
      const rows = await run(PUBLISH, [
        ...[randomId(random), history, historyMs],
        page.map(({ topic }) => topic),
        page.map(({ channel }) => channel),
        page.map(({ id }) => id),
        page.map(({ bytes }) => bytes),
      ]);
      for (const [i, { resolve }] of page.entries()) resolve(positionOf(rows[i] as Row));
      sweepIfDue();
    } catch (error) {
      for (const { reject } of page) reject(error);
    }
  };
  const sendAll = async (): Promise<void> => {
    if (sending) return;
    sending = true;
    while (outgoing.length > 0) {
      const page = outgoing.splice(0, PER_STATEMENT);
      await send(page.sort((a, b) => Buffer.compare(a.topic, b.topic)));
    }
    sending = false;
  };

  // ── Reading ───────────────────────────────────────────────────────────────────────────────────────────────────
  const readRows = async (topic: Buffer, since: BusPosition | undefined, limit: number) => {
    const asked = [since?.epoch ?? '', since?.offset ?? 0, Math.max(0, limit)];
    const [end, ...messages] = await run(READ, [topic, randomId(random), historyMs, ...asked]);
    return { end: end as Row, messages };
  };

  return {
    publish: (topic, bytes, { id }) =>
      new Promise((resolve, reject) => {
        const place = placeOf(topic);
        outgoing.push({ ...place, id: indexed(bufferOf(id)), bytes: Buffer.from(bytes), resolve, reject });
        queueMicrotask(() => void sendAll());
      }),
    subscribe: async (topic, heard) => {
      const place = placeOf(topic);
      // The first messages of a connection may be of before it listened.
      const began = positionOf((await readRows(place.topic, undefined, 0)).end);
      const parts = partsReader();
      let last: BusPosition | null = null;
      const gap = (): void => {
        parts.forget();
        heard.onGap();
      };
      const end = await listener.listen([place.channel], {
        onMessage: (_, payload) => {
          const whole = parts.read(payload);
          if (whole === null) return;
          const [epoch, offset] = typeof whole === 'string' ? [] : whole.line.split(' ');
          if (typeof whole === 'string' || epoch === undefined || offset === undefined) {
            gap();
            return;
          }
          const position = { epoch, offset: Number(offset) };
          if (epoch === began.epoch && position.offset <= began.offset) return;
          // What another replica lost of it, or a server that began anew, shows in the numbers.
          if (last !== null && (last.epoch !== epoch || last.offset + 1 !== position.offset)) heard.onGap();
          last = position;
          heard.onMessage({ position, bytes: new Uint8Array(Buffer.from(whole.body, 'base64')) });
        },
        onLost: () => heard.onState?.('recovering'),
        onBack: () => {
          last = null;
          gap();
          heard.onState?.('live');
        },
      });
      const stop = (): void => {
        listening.delete(stop);
        end();
      };
      listening.add(stop);
      return async () => {
        stop();
      };
    },
    read: async (topic, since, limit) => {
      const { end, messages } = await readRows(placeOf(topic).topic, since, limit);
      return {
        messages: messages.map((row) => ({ position: positionOf(row), bytes: new Uint8Array(row['bytes'] as Buffer) })),
        top: positionOf(end),
        truncated: end['truncated'] === true,
      };
    },
    close: async () => {
      for (const stop of [...listening]) stop();
      stopIgnoring();
      await sweeping;
    },
  };
}

const positionOf = ({ epoch, position }: Row): BusPosition => ({ epoch: String(epoch), offset: Number(position) });
