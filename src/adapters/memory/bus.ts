import { LRUCache } from 'lru-cache';
import type { Bus, BusMessage, BusPosition } from '../../contract.js';
import { counted } from '../../errors.js';
import { createAnnouncer } from './announcer.js';
import { randomId } from './options.js';

export interface MemoryBusOptions {
  /** Uniform in [0, 1), for epochs. Default: the operating system's generator. */
  readonly random?: (() => number) | undefined;
  /** Messages kept per topic. Default 1,000. */
  readonly history?: number | undefined;
  /** Above this many topics the least recently used one is forgotten and would return with a new epoch. Default 10,000. */
  readonly maxTopics?: number | undefined;
}

interface Topic {
  readonly epoch: string;
  /** Offset of the last message. */
  top: number;
  readonly kept: { readonly id: string; readonly message: BusMessage }[];
  /** Positions of the kept messages by id. */
  readonly positions: Map<string, BusPosition>;
}

/**
 * A {@link Bus} in this process, on mitt. Listeners are told synchronously, in order, before `publish()` resolves; bytes
 * are copied in and out. An id is known for as long as its message is kept. `close()` does nothing: the bus may be
 * shared by several tides.
 */
export function memoryBus(options: MemoryBusOptions = {}): Bus {
  const history = counted('history', options.history, 1000);
  const announcer = createAnnouncer<BusMessage>();
  const passing = createAnnouncer<Uint8Array>();
  // A size of 1 each instead of `max`, which would fill lru-cache's arrays at once.
  const topics = new LRUCache<string, Topic>({
    maxSize: counted('maxTopics', options.maxTopics, 10_000),
    sizeCalculation: () => 1,
  });
  const topicOf = (name: string): Topic => {
    let topic = topics.get(name);
    if (topic === undefined) {
      topic = { epoch: randomId(options.random), top: 0, kept: [], positions: new Map() };
      topics.set(name, topic);
    }
    return topic;
  };

  return {
    publish: async (name, bytes, { id }) => {
      const topic = topicOf(name);
      const known = topic.positions.get(id);
      if (known !== undefined) return known;
      const position = { epoch: topic.epoch, offset: ++topic.top };
      const message = { position, bytes: new Uint8Array(bytes) };
      topic.kept.push({ id, message });
      topic.positions.set(id, position);
      for (const gone of topic.kept.splice(0, topic.kept.length - history)) topic.positions.delete(gone.id);
      announcer.tell(name, message);
      return position;
    },
    subscribe: async (name, listener) => {
      const stop = announcer.listen(name, (message) => {
        listener.onMessage(copied(message));
      });
      return async () => {
        stop();
      };
    },
    read: async (name, since, limit) => {
      const { epoch, top, kept } = topicOf(name);
      const end = { epoch, offset: top };
      if (since === undefined) return { messages: [], top: end, truncated: false };
      // A position that this epoch never reached says nothing about what was seen: all that is kept, from the start.
      const known = since.epoch === epoch && since.offset <= top;
      const seen = known ? since.offset : 0;
      const gone = top - kept.length;
      const from = Math.max(0, seen - gone);
      const messages = kept.slice(from, from + Math.max(0, limit)).map(({ message }) => copied(message));
      return { messages, top: end, truncated: !known || seen < gone };
    },
    ephemeral: {
      send: async (name, bytes) => {
        passing.tell(name, new Uint8Array(bytes));
      },
      listen: async (name, onMessage) => {
        const stop = passing.listen(name, (bytes) => {
          onMessage(new Uint8Array(bytes));
        });
        return async () => {
          stop();
        };
      },
    },
    close: async () => {},
  };
}

const copied = ({ position, bytes }: BusMessage): BusMessage => ({ position, bytes: new Uint8Array(bytes) });
