import { memoryBus } from '../../../src/adapters/memory/index.js';
import type { Bus, BusListener, BusMessage, EphemeralTopics } from '../../../src/contract.js';
import { fakeClock, type BusFixture } from '../../../src/testing/index.js';
import type { Broken } from './broken.js';

type Change = (inner: Bus) => Partial<Bus>;

const HISTORY = 40;

function broken(change: Change, history = HISTORY): () => BusFixture {
  return () => {
    const inner = memoryBus({ history });
    const bus = { ...inner, ...change(inner) };
    return { bus, peer: bus, elapse: fakeClock().advance, history: HISTORY, forget: async () => {} };
  };
}

const onMessage = (hear: (message: BusMessage, listener: BusListener) => void): Change => {
  return (inner) => ({
    subscribe: (topic, listener) =>
      inner.subscribe(topic, {
        onMessage: (message) => {
          hear(message, listener);
        },
        onGap: () => {},
      }),
  });
};

/** Listeners told by the double itself, after the publication. */
const announcing = (tell: (message: BusMessage, listeners: Set<BusListener>) => void): Change => {
  return (inner) => {
    const listeners = new Set<BusListener>();
    return {
      publish: async (topic, bytes, message) => {
        const position = await inner.publish(topic, bytes, message);
        tell({ position, bytes: new Uint8Array(bytes) }, listeners);
        return position;
      },
      subscribe: async (_, listener) => {
        listeners.add(listener);
        return async () => {
          listeners.delete(listener);
        };
      },
    };
  };
};

const reading = (
  change: (history: Awaited<ReturnType<Bus['read']>>, limit: number) => Partial<typeof history>,
): Change => {
  return (inner) => ({
    read: async (topic, since, limit) => {
      const history = await inner.read(topic, since, limit);
      return { ...history, ...change(history, limit) };
    },
  });
};

const renamed =
  (name: (topic: string) => string): Change =>
  (inner) => ({
    publish: (topic, bytes, message) => inner.publish(name(topic), bytes, message),
    subscribe: (topic, listener) => inner.subscribe(name(topic), listener),
    read: (topic, since, limit) => inner.read(name(topic), since, limit),
  });

/** Ephemeral topics that are others than the double's own. */
const passing =
  (change: (topics: EphemeralTopics, inner: Bus) => Partial<EphemeralTopics>): Change =>
  (inner) => {
    const topics = inner.ephemeral as EphemeralTopics;
    return { ephemeral: { ...topics, ...change(topics, inner) } };
  };

const throughText = (bytes: Uint8Array): Uint8Array => new TextEncoder().encode(new TextDecoder().decode(bytes));

/** Publishes every message under an id of its own, so that ids mean nothing. */
const withoutIds: Change = (inner) => {
  let serial = 0;
  return { publish: (topic, bytes) => inner.publish(topic, bytes, { id: String(++serial) }) };
};

export const brokenBuses: readonly Broken<BusFixture>[] = [
  [
    'positions begin at 0',
    'positions of a topic begin at 1 and rise by one within an epoch, whoever publishes',
    broken((inner) => ({
      publish: async (topic, bytes, message) => {
        const { epoch, offset } = await inner.publish(topic, bytes, message);
        return { epoch, offset: offset - 1 };
      },
    })),
  ],
  [
    'one message is lost',
    'a listener hears every message published after it was acknowledged, in order, with its position',
    broken(
      onMessage((message, listener) => {
        if (message.position.offset !== 7) listener.onMessage(message);
      }),
    ),
  ],
  [
    'messages are heard twice',
    'a listener hears every message published after it was acknowledged, in order, with its position',
    broken(
      onMessage((message, listener) => {
        listener.onMessage(message);
        listener.onMessage(message);
      }),
    ),
  ],
  [
    'a listener is told the past',
    'a listener does not hear what was published before it began',
    broken((inner) => ({
      subscribe: async (topic, listener) => {
        const { top } = await inner.read(topic, undefined, 0);
        const { messages } = await inner.read(topic, { ...top, offset: 0 }, 100);
        for (const message of messages) listener.onMessage(message);
        return inner.subscribe(topic, listener);
      },
    })),
  ],
  [
    'messages that come together are told in reverse',
    'messages published at once are heard once each, in the order of their positions',
    broken((inner) => ({
      subscribe: (topic, listener) => {
        let together: BusMessage[] = [];
        return inner.subscribe(topic, {
          onMessage: (message) => {
            together.push(message);
            if (together.length > 1) return;
            queueMicrotask(() => {
              for (const one of together.reverse()) listener.onMessage(one);
              together = [];
            });
          },
          onGap: () => {},
        });
      },
    })),
  ],
  [
    'bytes pass through text',
    'any bytes are heard and read as they were, zeros, invalid UTF-8, none at all and views included',
    broken((inner) => ({ publish: (topic, bytes, message) => inner.publish(topic, throughText(bytes), message) })),
  ],
  [
    'listeners share one buffer',
    'a message does not change with the buffer it came from, nor with what a listener or reader does to its copy',
    broken(
      announcing((message, listeners) => {
        for (const listener of listeners) listener.onMessage(message);
      }),
    ),
  ],
  ['ids mean nothing', 'publishing an id again gives its first position and has no effect', broken(withoutIds)],
  [
    'an id is remembered once its publication is done',
    'the same id published many times at once is one message',
    broken((inner) => {
      const done = new Map<string, Awaited<ReturnType<Bus['publish']>>>();
      const unnamed = withoutIds(inner).publish as Bus['publish'];
      return {
        publish: async (topic, bytes, message) => {
          const position = done.get(message.id) ?? (await unnamed(topic, bytes, message));
          done.set(message.id, position);
          return position;
        },
      };
    }),
  ],
  [
    'ids are known for all topics together',
    'an id is known per topic: in another it is another message',
    broken((inner) => {
      const known = new Map<string, ReturnType<Bus['publish']>>();
      return {
        publish: (topic, bytes, message) => {
          const published = known.get(message.id) ?? inner.publish(topic, bytes, message);
          known.set(message.id, published);
          return published;
        },
      };
    }),
  ],
  [
    'a throwing listener fails the publication',
    'a listener that throws fails no publication and silences no other listener, itself included',
    broken(
      announcing((message, listeners) => {
        for (const listener of listeners) listener.onMessage(message);
      }),
    ),
  ],
  [
    'a throwing listener is removed',
    'a listener that throws fails no publication and silences no other listener, itself included',
    broken(
      announcing((message, listeners) => {
        for (const listener of listeners) {
          try {
            listener.onMessage(message);
          } catch {
            listeners.delete(listener);
          }
        }
      }),
    ),
  ],
  [
    'nobody can unsubscribe',
    'a listener that unsubscribed hears nothing more; twice is once; others of the topic go on',
    broken((inner) => ({
      subscribe: async (topic, listener) => {
        await inner.subscribe(topic, listener);
        return async () => {};
      },
    })),
  ],
  [
    'a topic that was left is deaf',
    'a topic can be left by its last listener and listened to again',
    broken((inner) => {
      const left = new Set<string>();
      return {
        subscribe: async (topic, listener) => {
          if (left.has(topic)) return async () => {};
          const unsubscribe = await inner.subscribe(topic, listener);
          return async () => {
            left.add(topic);
            await unsubscribe();
          };
        },
      };
    }),
  ],
  [
    'tells each message at once, even while telling another',
    'a listener that publishes while it is told does not change the order for the others',
    broken((inner) => {
      const listeners: BusListener[] = [];
      let offset = 0;
      return {
        publish: async (_, bytes) => {
          const position = { epoch: 'e', offset: ++offset };
          for (const listener of listeners) listener.onMessage({ position, bytes });
          return position;
        },
        subscribe: (topic, listener) => {
          listeners.push(listener);
          return inner.subscribe(topic, listener);
        },
      };
    }),
  ],
  [
    'cannot close twice',
    'closing twice is closing once',
    broken(() => {
      let closed = false;
      return {
        close: async () => {
          if (closed) throw new Error('closed already');
          closed = true;
        },
      };
    }),
  ],
  [
    'an empty topic has a new epoch each time it is asked for',
    'a topic without messages has an epoch and offset 0, and its first message follows them',
    broken(() => {
      let reads = 0;
      return {
        read: async () => ({ messages: [], top: { epoch: String(++reads), offset: 0 }, truncated: false }),
      };
    }),
  ],
  [
    'a position itself is read again',
    'from any position exactly the messages after it are read, oldest first, up to the top',
    broken((inner) => ({
      read: (topic, since, limit) =>
        inner.read(topic, since && { ...since, offset: Math.max(0, since.offset - 1) }, limit),
    })),
  ],
  [
    'without a position all is read',
    'without a position there are no messages, only the top',
    broken((inner) => ({
      read: async (topic, since, limit) => {
        const { top } = await inner.read(topic, undefined, 0);
        return inner.read(topic, since ?? { ...top, offset: 0 }, limit);
      },
    })),
  ],
  [
    'the newest are read first',
    'at most limit messages are read, the oldest ones, and pages together leave nothing out',
    broken((inner) => ({
      read: async (topic, since, limit) => {
        const history = await inner.read(topic, since, 1000);
        return { ...history, messages: limit === 0 ? [] : history.messages.slice(-limit) };
      },
    })),
  ],
  ['topics share a history', 'reading one topic gives no messages of another', broken(renamed(() => 'the topic'))],
  [
    'gone messages are not mentioned',
    'a read that misses messages no longer kept says so, and goes on with the oldest kept, without a hole',
    broken(reading(() => ({ truncated: false }))),
  ],
  [
    'says truncated only if the page is not full',
    'a read that misses messages no longer kept says so, and goes on with the oldest kept, without a hole',
    broken(reading(({ truncated, messages }, limit) => ({ truncated: truncated && messages.length < limit }))),
  ],
  ['keeps next to nothing', 'the messages that must be kept are kept', broken(() => ({}), 2)],
  [
    'epochs are not looked at',
    'a position of another epoch is truncated, and the present epoch is read from its oldest message',
    broken((inner) => ({
      read: async (topic, since, limit) => {
        const { top } = await inner.read(topic, undefined, 0);
        return inner.read(topic, since && { ...since, epoch: top.epoch }, limit);
      },
    })),
  ],
  [
    'above the top there is nothing, and nothing wrong',
    'a position above the top is truncated: the topic went back',
    broken((inner) => ({
      read: async (topic, since, limit) => {
        const { top } = await inner.read(topic, undefined, 0);
        if (since !== undefined && since.offset > top.offset) return { messages: [], top, truncated: false };
        return inner.read(topic, since, limit);
      },
    })),
  ],
  ...[
    'a forgotten topic comes back with another epoch, and what was before it is truncated',
    'a listener goes on hearing a topic that was forgotten, and sees its new epoch',
  ].map((caughtBy): Broken<BusFixture> => ['forgets nothing though told to', caughtBy, broken(() => ({}))]),
  [
    'ephemeral topics are one',
    'what is sent on an ephemeral topic is heard once by who listens to it, on every replica',
    broken(
      passing((topics) => ({
        send: (_, bytes) => topics.send('all', bytes),
        listen: (_, onMessage) => topics.listen('all', onMessage),
      })),
    ),
  ],
  [
    'who listens to an ephemeral topic cannot end it',
    'who listens to an ephemeral topic does not hear what was sent before, nor once it has ended; twice is once',
    broken(
      passing((topics) => ({
        listen: async (topic, onMessage) => {
          await topics.listen(topic, onMessage);
          return async () => {};
        },
      })),
    ),
  ],
  [
    'ephemeral messages are published',
    'an ephemeral topic has no part in the topic of the same name',
    broken(
      passing((_, inner) => ({
        send: async (topic, bytes) => {
          await inner.publish(topic, bytes, { id: String(Math.random()) });
        },
        listen: (topic, onMessage) =>
          inner.subscribe(topic, {
            onMessage: ({ bytes }) => {
              onMessage(bytes);
            },
            onGap: () => {},
          }),
      })),
    ),
  ],
  [
    'ephemeral bytes pass through text',
    'any bytes pass an ephemeral topic as they were, 4,096 of them, and a copy of their own for each listener',
    broken(passing((topics) => ({ send: (topic, bytes) => topics.send(topic, throughText(bytes)) }))),
  ],
  [
    'is deaf for a moment after the acknowledgement',
    'subscribing, then reading on from an old position, leaves no hole and shows what overlaps by its position',
    broken((inner) => ({
      subscribe: async (topic, listener) => {
        let stop = async (): Promise<void> => {};
        setImmediate(() => void inner.subscribe(topic, listener).then((unsubscribe) => (stop = unsubscribe)));
        return () => stop();
      },
    })),
  ],
];
