import type { Bus, Clock } from '../../contract.js';
import type { Hole } from '../../realtime/merge.js';
import { GAP } from '../../realtime/merge.js';
import { patientBus } from '../../realtime/patient.js';
import { type OnError, toError } from '../../realtime/retry.js';
import { Topic, type TopicListener } from '../../realtime/topic.js';
import { Turns } from './turns.js';

/** Messages are missing before what follows. */
export type HoleReason = Exclude<Hole['reason'], 'branch'>;

/** What is followed: one topic, or all whose names match a glob. */
export interface Followed {
  readonly name: string;
  readonly pattern: boolean;
}

/** Who follows. Must not throw. */
export interface Hearer {
  /** From now on whatever is published arrives; told once. */
  live(): void;
  message(payload: unknown): void;
  hole(reason: HoleReason): void;
  /** It could not be followed; it is tried again. */
  failed(error: Error): void;
}

/** Where messages come from and go to. */
export interface Source {
  /** Follows from now on. Returns the function that ends it. */
  follow(followed: Followed, hearer: Hearer): () => Promise<void>;
  /** Resolves once it is published; rejects if it may not have been. */
  publish(topic: string, bytes: string | Uint8Array, id: string): Promise<void>;
}

/** Payload from bytes. What it throws is told, and a hole is in the place of the message. */
export type Decode = (bytes: Uint8Array, from: { readonly channel: string; readonly pattern?: string }) => unknown;

export interface SourceContext {
  readonly clock: Clock;
  readonly decode: Decode;
  readonly onError: OnError;
}

/** Before the names of topics, so that they are no subjects of a tide over the same bus. */
export const TOPIC_PREFIX = 'pubsub:';

export interface Message {
  readonly kind: 'message';
  readonly payload: unknown;
}

/** Topics of a bus, each followed once and read from history where something is missing. */
export function busSource(bus: Bus, context: SourceContext): Source {
  const patient = patientBus(bus, context.clock);
  const topics = new Map<string, Topic<Message, string>>();
  const turns = new Turns();
  return {
    follow: ({ name, pattern }, hearer) => {
      if (pattern) throw new TypeError('a bus has no patterns');
      const topic = followTopic(name, hearer, { ...context, bus: patient });
      topics.set(name, topic);
      return () => {
        topics.delete(name);
        return topic.stop();
      };
    },
    publish: async (name, bytes, id) => {
      const sent = typeof bytes === 'string' ? Buffer.from(bytes) : bytes;
      const publication = turns.run(name, () => bus.publish(TOPIC_PREFIX + name, sent, { id }));
      topics.get(name)?.expect(publication);
      await publication;
    },
  };
}

/** One topic of a bus, told to a hearer. `pattern` is by what it was found, if by one. */
export function followTopic(
  name: string,
  hearer: Hearer,
  { bus, clock, decode, onError, pattern }: SourceContext & { readonly bus: Bus; readonly pattern?: string },
): Topic<Message, string> {
  const from = pattern === undefined ? { channel: name } : { channel: name, pattern };
  let live = false;
  const topic = new Topic<Message, string>(TOPIC_PREFIX + name, {
    bus,
    clock,
    onError: (error, where) => {
      onError(error, where);
      if (!live) hearer.failed(error);
    },
    accept: (bytes) => {
      try {
        return { kind: 'message', payload: decode(bytes, from) };
      } catch (thrown) {
        onError(toError(thrown), `decode a message of ${name}`);
        return GAP;
      }
    },
  });
  const listener: TopicListener<Message> = {
    started: () => undefined,
    arrived: ({ content }) => {
      if (content.kind === 'message') hearer.message(content.payload);
      else hearer.hole(content.reason as HoleReason);
    },
    calmed: () => {
      if (live) return;
      live = true;
      hearer.live();
    },
  };
  topic.attach(listener);
  return topic;
}
