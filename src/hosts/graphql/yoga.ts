import { type OnError, toError } from '../../realtime/retry.js';
import type { PubSub } from './pub-sub.js';
import type { OnResync, ReadOptions } from './reader.js';

/** By topic, the arguments of `publish` after it: nothing, a payload, or an id and a payload. */
export type YogaTopics = Readonly<Record<string, [] | [payload: unknown] | [id: string | number, payload: unknown]>>;

type PayloadOf<Arguments extends readonly unknown[]> = Arguments extends readonly [string | number, infer Payload]
  ? Payload
  : Arguments extends readonly [infer Payload]
    ? Payload
    : null;

/** The pub/sub that `createPubSub` of graphql-yoga gives, in its types and behaviour. */
export interface YogaPubSub<Topics extends YogaTopics> {
  /** Returns at once; a failure is told to `onError`. */
  publish<Topic extends keyof Topics & string>(topic: Topic, ...args: Topics[Topic]): void;
  /** The payloads published from this call on. */
  subscribe<Topic extends keyof Topics & string>(
    ...topic: Topics[Topic] extends [unknown, unknown] ? [topic: Topic, id: Topics[Topic][0]] : [topic: Topic]
  ): AsyncIterableIterator<PayloadOf<Topics[Topic]>, undefined>;
}

export interface YogaOptions extends Pick<ReadOptions, 'onResync' | 'overflow'> {
  /** Told of what could not be published or followed. Must not throw. */
  readonly onError: OnError;
}

/**
 * A {@link PubSub} as graphql-yoga's `createPubSub()` has it. A topic with an id is the topic `<topic>:<id>`.
 *
 * @example
 * const yogaPubSub = asYogaPubSub<{ score: [game: string, score: Score]; tick: [] }>(pubsub, { onError: report });
 */
export function asYogaPubSub<Topics extends YogaTopics>(pubsub: PubSub, options: YogaOptions): YogaPubSub<Topics> {
  const { onError, ...reading } = options;
  return {
    publish: (topic, ...args) => {
      const [first, second] = args as readonly [unknown?, unknown?];
      const name = second === undefined ? topic : `${topic}:${String(first)}`;
      sendIn(pubsub, name, second ?? first ?? null, onError);
    },
    subscribe: <Topic extends keyof Topics>(...given: readonly (string | number)[]) => {
      const [topic, id] = given as readonly [string, (string | number)?];
      const name = id === undefined ? topic : `${topic}:${String(id)}`;
      return pubsub.subscribe<PayloadOf<Topics[Topic]>>(name, reading as ReadOptions<PayloadOf<Topics[Topic]>>);
    },
  };
}

/** An event as dispatched: its `type` is the topic, its `detail` the payload. */
export interface TopicEvent {
  readonly type: string;
  readonly detail?: unknown;
}

type EventListenerOf<Event> = ((event: Event) => void) | { handleEvent(event: Event): void };

/** What `createPubSub({ eventTarget })` of graphql-yoga asks of one. */
export interface PubSubEventTarget {
  addEventListener(topic: string, listener: EventListenerOf<CustomEvent> | null, options?: unknown): void;
  removeEventListener(topic: string, listener: EventListenerOf<CustomEvent> | null, options?: unknown): void;
  /** True. Returns at once; a failure is told to `onError`. */
  dispatchEvent(event: TopicEvent): boolean;
}

export interface EventTargetOptions {
  /** Told of what could not be published or followed, of holes where there is no `onResync`. Must not throw. */
  readonly onError: OnError;
  /** What listeners are given where messages are missing: the detail of an event, unless undefined. */
  readonly onResync?: OnResync | undefined;
}

/** A {@link PubSub} as an event target, in the place of `createRedisEventTarget()`. A listener that throws stops no other. */
export function asEventTarget(pubsub: PubSub, { onError, onResync }: EventTargetOptions): PubSubEventTarget {
  /** By topic and listener, what stops it. */
  const listening = new Map<string, Map<EventListenerOf<CustomEvent>, () => void>>();
  return {
    addEventListener: (topic, listener) => {
      const held = listening.get(topic) ?? new Map<EventListenerOf<CustomEvent>, () => void>();
      if (listener === null || held.has(listener)) return;
      listening.set(topic, held);
      let stopped = false;
      let stop = (): void => {
        stopped = true;
      };
      held.set(listener, () => {
        stop();
      });
      const told = (detail: unknown): void => {
        if (stopped) return;
        const event = new CustomEvent(topic, { detail });
        if (typeof listener === 'function') listener(event);
        else listener.handleEvent(event);
      };
      pubsub.listen(topic, told, { onResync }).then(
        (stopListening) => {
          if (stopped) stopListening();
          else stop = stopListening;
        },
        (thrown: unknown) => {
          held.delete(listener);
          onError(toError(thrown), `listen to ${topic}`);
        },
      );
    },
    removeEventListener: (topic, listener) => {
      const held = listening.get(topic);
      if (held === undefined || listener === null) return;
      held.get(listener)?.();
      held.delete(listener);
      if (held.size === 0) listening.delete(topic);
    },
    dispatchEvent: ({ type, detail }) => {
      sendIn(pubsub, type, detail, onError);
      return true;
    },
  };
}

function sendIn(pubsub: PubSub, topic: string, payload: unknown, onError: OnError): void {
  pubsub.publish(topic, payload).catch((thrown: unknown) => {
    onError(toError(thrown), `publish to ${topic}`);
  });
}
