import type { Bus, BusListener, BusMessage } from '../../contract.js';
import { patientBus } from '../../realtime/patient.js';
import { toError, untilDone } from '../../realtime/retry.js';
import type { Topic } from '../../realtime/topic.js';
import {
  type Hearer,
  type Message,
  type Source,
  type SourceContext,
  TOPIC_PREFIX,
  busSource,
  followTopic,
} from './source.js';

export interface MatchingListener {
  onMessage(topic: string, message: BusMessage): void;
  onGap(): void;
}

/** A bus whose topics can be followed without being named, such as that in Redis. */
export interface MatchingBus extends Bus {
  subscribeMatching(glob: string, listener: MatchingListener): Promise<() => Promise<void>>;
}

/** Topics that one pattern remembers, so that it notices what it missed of them. */
const MAX_TOPICS = 1000;

/** A {@link busSource} with patterns. */
export function matchingSource(bus: MatchingBus, context: SourceContext): Source {
  const source = busSource(bus, context);
  return {
    publish: (topic, bytes, id) => source.publish(topic, bytes, id),
    follow: (followed, hearer) => {
      if (!followed.pattern) return source.follow(followed, hearer);
      const pattern = new Pattern(followed.name, hearer, { ...context, bus });
      return () => pattern.stop();
    },
  };
}

/**
 * All topics that match, each followed from its first message on, in its order and with what it missed. A link that was down is
 * a hole all the same: nobody knows which topics began meanwhile.
 */
class Pattern {
  readonly #glob: string;
  readonly #hearer: Hearer;
  readonly #context: SourceContext & { readonly bus: MatchingBus };
  readonly #ending = new AbortController();
  /** The one that was heard longest ago first. */
  readonly #topics = new Map<string, Topic<Message, string>>();
  readonly #listeners = new Map<string, BusListener>();
  /** What one topic sees of the bus: its messages come by the pattern. */
  readonly #topicBus: Bus;
  #unsubscribe: (() => Promise<void>) | undefined;

  constructor(glob: string, hearer: Hearer, context: SourceContext & { readonly bus: MatchingBus }) {
    this.#glob = glob;
    this.#hearer = hearer;
    this.#context = context;
    this.#topicBus = {
      ...patientBus(context.bus, context.clock),
      subscribe: async (topic, listener) => {
        this.#listeners.set(topic, listener);
        return async () => {
          this.#listeners.delete(topic);
        };
      },
    };
    void this.#run();
  }

  /** Resolves once unsubscribed; a subscription that is still being made is undone when it is there. */
  async stop(): Promise<void> {
    this.#ending.abort();
    await Promise.all([this.#leave(), ...Array.from(this.#topics.values(), (topic) => topic.stop())]);
  }

  async #run(): Promise<void> {
    const { bus, clock, onError } = this.#context;
    const { signal } = this.#ending;
    const where = `subscribe ${this.#glob}`;
    let failures = 0;
    const failed = (error: Error): void => {
      onError(error, where);
      this.#hearer.failed(error);
    };
    const unsubscribe = await untilDone(
      (so) => {
        failures = so;
        return bus.subscribeMatching(TOPIC_PREFIX + this.#glob, this.#listener);
      },
      { clock, onError: failed, where, signal },
    );
    if (unsubscribe === undefined) return;
    this.#unsubscribe = unsubscribe;
    if (signal.aborted) {
      await this.#leave();
      return;
    }
    this.#hearer.live();
    if (failures > 0) this.#hearer.hole('gap');
  }

  async #leave(): Promise<void> {
    const unsubscribe = this.#unsubscribe;
    this.#unsubscribe = undefined;
    try {
      await unsubscribe?.();
    } catch (thrown) {
      this.#context.onError(toError(thrown), `unsubscribe ${this.#glob}`);
    }
  }

  readonly #listener: MatchingListener = {
    onMessage: (key, message) => {
      if (this.#ending.signal.aborted) return;
      const topic = this.#topics.get(key) ?? this.#begin(key, message);
      this.#topics.delete(key);
      this.#topics.set(key, topic);
      this.#listeners.get(key)?.onMessage(message);
      this.#forget();
    },
    onGap: () => {
      if (this.#ending.signal.aborted) return;
      this.#hearer.hole('gap');
      for (const listener of [...this.#listeners.values()]) listener.onGap();
    },
  };

  /** Its first message is among those that it tells of, though it was there before. */
  #begin(key: string, { position }: BusMessage): Topic<Message, string> {
    const name = key.slice(TOPIC_PREFIX.length);
    const topic = followTopic(name, this.#hearerOfOne, { ...this.#context, bus: this.#topicBus, pattern: this.#glob });
    topic.expect(Promise.resolve(position));
    return topic;
  }

  /** Of one topic: whether the pattern is followed it does not say. */
  get #hearerOfOne(): Hearer {
    const hearer = this.#hearer;
    return {
      message: (payload) => {
        hearer.message(payload);
      },
      hole: (reason) => {
        hearer.hole(reason);
      },
      live: () => undefined,
      failed: () => undefined,
    };
  }

  /** Forgets those that were not heard for longest, unless they are about to tell something. */
  #forget(): void {
    if (this.#topics.size <= MAX_TOPICS) return;
    for (const [key, topic] of this.#topics) {
      if (topic.recovering) continue;
      this.#topics.delete(key);
      void topic.stop();
      return;
    }
  }
}
