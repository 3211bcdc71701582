import { systemClock } from '../../clock.js';
import type { Bus, BusMessage, BusPosition } from '../../contract.js';
import { TidemarkError, counted } from '../../errors.js';
import { escapeGlob, globToMatcher } from '../../glob.js';
import { bytesOf } from '../../names.js';
import { PUBLISH, READ } from './bus-scripts.js';
import type { Argument, Reply, SubscriberOptions } from './client.js';
import { connect } from './connection.js';
import { lossCheck } from './loss-check.js';
import { nameOf, tagOf } from './names.js';
import { pagesOf } from './pages.js';
import type { Script } from './script.js';

export interface RedisBusOptions extends SubscriberOptions {
  /** Messages kept per topic. Default 1,000. */
  readonly history?: number | undefined;
  /** How long they are kept after the last one. Default 600,000. */
  readonly historyMs?: number | undefined;
}

export interface MatchListener {
  onMessage(topic: string, message: BusMessage): void;
  /** Messages may have been lost, of topics of which nothing was heard so far too. */
  onGap(): void;
}

/** A {@link Bus} whose topics can be followed without being named. */
export interface RedisBus extends Bus {
  /**
   * Every topic whose name matches a Redis glob. Resolves, once acknowledged, with the function that unsubscribes. Rejects with
   * INVALID_OPTION where the subscriber is a sharded Cluster, which has no patterns.
   */
  subscribeMatching(glob: string, listener: MatchListener): Promise<() => Promise<void>>;
}

/** How much longer than a topic's messages the number of its last one is known. */
const OUTLIVES_MS = 86_400_000;

/** Publications per script, so that none holds the server for long. */
const PER_SCRIPT = 100;

interface Publication {
  readonly topic: string;
  readonly id: string | Buffer;
  readonly bytes: Buffer;
  readonly resolve: (position: BusPosition) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * A {@link Bus} in Redis: a list per topic for history, and pub/sub. What is published in one turn goes out by one
 * script, in a cluster by one for each. A subscriber's connection that came back is a gap. Throws INVALID_OPTION for
 * clients that cannot serve.
 */
export function redisBus(options: RedisBusOptions): RedisBus {
  const connection = connect(options);
  const history = counted('history', options.history, 1000);
  const historyMs = counted('historyMs', options.historyMs, 600_000);
  const listening = new Set<() => void>();

  const keyOf = (topic: string): string => `${connection.prefix}tm1:t:${tagOf(topic)}`;
  const channelOf = (topic: string): string => keyOf(topic) + connection.channelEnd;
  const passingOf = (topic: string): string => `${keyOf(topic)}:e${connection.channelEnd}`;
  /** Ended by its caller, or with the bus. */
  const held = (end: () => void): (() => Promise<void>) => {
    const stop = (): void => {
      listening.delete(stop);
      end();
    };
    listening.add(stop);
    return async () => {
      stop();
    };
  };
  const run = async (
    script: Script,
    topics: readonly string[],
    args: readonly Argument[],
  ): Promise<readonly Reply[]> => {
    const keys = topics.map(keyOf).flatMap((key) => [key, `${key}:l`, `${key}:i`]);
    const opening = [connection.announce, connection.seed(), historyMs + OUTLIVES_MS];
    return (await connection.run(script, keys, [...opening, ...args])) as readonly Reply[];
  };
  let outgoing: Publication[] = [];
  const send = async (page: readonly Publication[]): Promise<void> => {
    const topics = page.map(({ topic }) => topic);
    const sent = page.flatMap(({ topic, id, bytes }) => [channelOf(topic), id, bytes]);
    try {
      const positions = await run(PUBLISH, topics, [history, historyMs, ...sent]);
      for (const [i, { resolve }] of page.entries()) {
        const [epoch, offset] = positions[i] as readonly Reply[];
        resolve(positionOf(epoch, offset));
      }
    } catch (error) {
      for (const { reject } of page) reject(error);
    }
  };
  const sendAll = (): void => {
    const pages = pagesOf(outgoing, connection.apart ? 1 : PER_SCRIPT);
    outgoing = [];
    for (const page of pages) void send(page);
  };
  const read: Bus['read'] = async (topic, since, limit) => {
    const asked = [since?.epoch ?? '', since?.offset ?? 0, Math.max(0, limit)];
    const [epoch, top, truncated, ...messages] = await run(READ, [topic], asked);
    const end = positionOf(epoch, top);
    losses.reached(topic, end);
    return {
      messages: messages.flatMap((offset, i) =>
        i % 2 === 0 ? [{ position: positionOf(epoch, offset), bytes: messages[i + 1] as Buffer }] : [],
      ),
      top: end,
      truncated: truncated === 1,
    };
  };
  const topOf = async (topic: string): Promise<BusPosition> => {
    const [epoch, top] = await run(READ, [topic], ['', 0, 0]);
    return positionOf(epoch, top);
  };
  const losses = lossCheck(topOf, options.clock ?? systemClock);

  return {
    publish: (topic, bytes, { id }) =>
      new Promise((resolve, reject) => {
        const publication = { topic, id: bytesOf(id), bytes: Buffer.from(bytes), resolve, reject };
        if (outgoing.push(publication) === 1) queueMicrotask(sendAll);
      }),
    subscribe: async (topic, listener) => {
      // Between the nodes of a cluster a message may still be on its way after its publication was acknowledged.
      const began = await topOf(topic);
      const unfollow = losses.follow(topic, began, () => {
        listener.onGap();
      });
      const end = await connection.channels
        .listen([channelOf(topic)], {
          onMessage: (_, message) => {
            const told = messageOf(message);
            const { epoch, offset } = told.position;
            losses.reached(topic, told.position);
            if (epoch === began.epoch && offset <= began.offset) return;
            listener.onMessage(told);
          },
          onLost: () => listener.onState?.('recovering'),
          onBack: () => {
            listener.onGap();
            listener.onState?.('live');
          },
        })
        .catch((error: unknown) => {
          unfollow();
          throw error;
        });
      return held(() => {
        unfollow();
        end();
      });
    },
    subscribeMatching: async (glob, listener) => {
      const { patterns } = connection;
      if (patterns === null) {
        throw new TidemarkError(
          'INVALID_OPTION',
          `pattern ${glob}: expected a subscriber that hears every node, got a Cluster with shardedSubscribers, or one without psubscribe().`,
        );
      }
      const [before, after] = channelOf('').split(tagOf('')) as [string, string];
      const matches = globToMatcher(glob);
      const end = await patterns.listen([escapeGlob(before) + tagOf(glob) + escapeGlob(after)], {
        onMessage: (channel, message) => {
          const topic = nameOf(channel.slice(before.length, channel.length - after.length));
          if (matches(topic)) listener.onMessage(topic, messageOf(message));
        },
        onLost: () => undefined,
        onBack: () => {
          listener.onGap();
        },
      });
      return held(end);
    },
    read,
    ephemeral: {
      send: (topic, bytes) => connection.send(passingOf(topic), Buffer.from(bytes)),
      listen: async (topic, onMessage) => {
        const end = await connection.channels.listen([passingOf(topic)], {
          onMessage: (_, bytes) => {
            onMessage(new Uint8Array(bytes));
          },
          onLost: () => undefined,
          onBack: () => undefined,
        });
        return held(end);
      },
    },
    close: async () => {
      for (const stop of [...listening]) stop();
      connection.close();
    },
  };
}

/** From `epoch offset\n` and the bytes. */
function messageOf(sent: Buffer): BusMessage {
  const lineEnd = sent.indexOf(10);
  const [epoch = '', offset] = sent.toString('latin1', 0, lineEnd).split(' ');
  return { position: { epoch, offset: Number(offset) }, bytes: new Uint8Array(sent.subarray(lineEnd + 1)) };
}

const positionOf = (epoch: Reply | undefined, offset: Reply | undefined): BusPosition => ({
  epoch: String(epoch),
  offset: Number(String(offset)),
});
