import { redisBus } from '../../adapters/redis/index.js';
import { createRandom, systemClock } from '../../clock.js';
import { TidemarkError, counted } from '../../errors.js';
import { type OnError, toError } from '../../realtime/retry.js';
import { type BareClient, bareSource } from './bare.js';
import { Engine, type Listening } from './engine.js';
import { matchingSource } from './matching.js';
import { textOf } from './payload.js';
import { countingIds } from './pub-sub.js';
import type { OnResync, ReadOptions } from './reader.js';
import type { Decode, Source, SourceContext } from './source.js';

type RedisClient = Parameters<typeof redisBus>[0]['client'];
type RedisSubscriber = Parameters<typeof redisBus>[0]['subscriber'];

/** What messages are read with: where they were published, and by which pattern they were found, if by one. */
export interface DeserializerContext {
  readonly channel: string;
  readonly pattern?: string | undefined;
}

/** Those of graphql-redis-subscriptions, and what history needs. */
export interface RedisPubSubOptions<Client extends BareClient = BareClient> {
  /** ioredis clients, two of them: a connection that subscribes can do nothing else. */
  readonly publisher?: Client | undefined;
  readonly subscriber?: Client | undefined;
  /** Or what makes one, called twice: `() => new Redis(url)`. */
  readonly connection?: (() => Client) | undefined;
  /** Told of 'connect' and 'error' of the clients that `connection` made. Without it `onError` is told of the errors. */
  readonly connectionListener?: ((error: Error) => void) | undefined;
  /** The topic from a trigger and the options of a subscription. Default: the trigger. */
  readonly triggerTransform?: ((trigger: string, options: object) => string) | undefined;
  /** For JSON.parse. Not with a deserializer. */
  readonly reviver?: ((key: string, value: unknown) => unknown) | undefined;
  /** Default JSON; a Buffer is sent as it is. */
  readonly serializer?: ((payload: unknown) => string | Buffer) | undefined;
  /** Default JSON. What it throws for is given to subscribers as it came, and told to `onError`. */
  readonly deserializer?: ((message: Buffer, context: DeserializerContext) => unknown) | undefined;
  /** `messageBuffer`: payloads are Buffers, as they were sent. Default `message`: text, which is parsed. */
  readonly messageEventName?: string | undefined;
  /** Of patterns, likewise. Default `pmessage`. */
  readonly pmessageEventName?: string | undefined;

  /**
   * Messages kept for each topic, about, so that a link that was down misses nothing. Default 1,000. False: none, by bare PUBLISH
   * on channels named as the topics are, which others may publish and subscribe to; what is missed is gone, and said to be. So it
   * is with clients that run no scripts.
   */
  readonly history?: number | false | undefined;
  /** How long they are kept after the last one. Default 600,000. */
  readonly historyMs?: number | undefined;
  /** Before every key and channel of history. Default none. */
  readonly prefix?: string | undefined;
  /**
   * What a subscriber does where messages are missing. What it returns, unless undefined, is given as a payload. Without it an
   * iterator rejects with MISSED, and for a callback `onError` is told.
   */
  readonly onResync?: OnResync | undefined;
  /** Told of failures that nobody can be thrown at. Default: a warning of the process. Must not throw. */
  readonly onError?: OnError | undefined;
  /** Messages of a topic that a subscriber may fall behind. Default 1,024. */
  readonly ringSize?: number | undefined;
  /** Whether payloads, which all subscribers of a process share, are frozen: plain objects and arrays. Default true. */
  readonly freeze?: boolean | undefined;
}

/** Of one subscription. What else it holds is for `triggerTransform`. */
export interface RedisSubscribeOptions<T = unknown> extends ReadOptions<T> {
  /** The trigger is a Redis glob, and every topic that matches is meant. */
  readonly pattern?: boolean | undefined;
  readonly [more: string]: unknown;
}

/**
 * In the place of the RedisPubSub of graphql-redis-subscriptions: the same options and verbs, with history beneath. Publishers and
 * subscribers all have to be this one: `history: false` speaks with others.
 *
 * @example
 * const pubsub = new RedisPubSub({ connection: () => new Redis(url) });
 */
export class RedisPubSub<Client extends BareClient = BareClient> {
  readonly #publisher: Client;
  readonly #subscriber: Client;
  readonly #options: RedisPubSubOptions<Client>;
  readonly #engine: Engine;
  readonly #onError: OnError;
  readonly #nextId = countingIds(createRandom());
  readonly #closeSource: () => Promise<void>;
  // By id, under the name that it has there: the tests of graphql-redis-subscriptions look at it.
  private readonly subscriptionMap: Record<number, Listening> = {};
  #nextSubscription = 0;

  /** Throws INVALID_OPTION for clients that cannot serve. */
  constructor(options: RedisPubSubOptions<Client> = {}) {
    const { freeze = true, onError = warn, onResync, reviver, deserializer } = options;
    if (reviver !== undefined && deserializer !== undefined)
      throw new TidemarkError('INVALID_OPTION', "Reviver and deserializer can't be used together");
    this.#options = options;
    this.#onError = onError;
    [this.#publisher, this.#subscriber] = clientsOf(options, onError);
    const ringSize = counted('ringSize', options.ringSize, 1024);
    const { source, close } = this.#open({ clock: systemClock, onError, decode: this.#decode });
    this.#closeSource = close;
    this.#engine = new Engine({ source, ringSize, freeze, onError, onResync });
  }

  /** Resolves once Redis has it. Rejects with what the serializer or Redis says. */
  async publish(trigger: string, payload: unknown): Promise<void> {
    const { serializer } = this.#options;
    const encode = serializer ?? ((value: unknown) => JSON.stringify(value ?? null));
    const bytes = serializer === undefined && Buffer.isBuffer(payload) ? payload : encode(payload);
    await this.#engine.publish(trigger, bytes, this.#nextId());
  }

  /**
   * Calls back with every payload published from now on. Resolves, once what is published arrives, with the number that
   * `unsubscribe` takes; rejects if it cannot be followed. What the callback throws is told to `onError`.
   */
  async subscribe<T = unknown>(
    trigger: string,
    onMessage: (payload: T) => void,
    options: RedisSubscribeOptions<T> = {},
  ): Promise<number> {
    const id = this.#nextSubscription++;
    const followed = this.#followedBy(trigger, options);
    const listening = this.#engine.listen(followed, onMessage as (payload: unknown) => void, options.onResync);
    this.subscriptionMap[id] = listening;
    try {
      await listening.live;
    } catch (error) {
      this.#forget(id);
      throw error;
    }
    return id;
  }

  /** Throws for a number that is none of its own. */
  unsubscribe(subscriptionId: number): void {
    const listening = this.subscriptionMap[subscriptionId];
    if (listening === undefined)
      throw new TidemarkError('INVALID_OPTION', `There is no subscription of id "${String(subscriptionId)}"`);
    this.#forget(subscriptionId);
    listening.stop();
  }

  /**
   * The payloads published on the triggers from this call on. `return()` ends it, after which `next()` is done. Throws
   * CLOSED or INVALID_OPTION; the iterator rejects, once, with MISSED or OVERFLOW, or what `onResync` threw.
   */
  asyncIterableIterator<T = unknown>(
    triggers: string | readonly string[],
    options: RedisSubscribeOptions<T> = {},
  ): AsyncIterableIterator<T, undefined> {
    const names = typeof triggers === 'string' ? [triggers] : triggers;
    const followed = names.map((trigger) => this.#followedBy(trigger, options));
    return this.#engine.read(followed, options) as AsyncIterableIterator<T, undefined>;
  }

  /** {@link asyncIterableIterator} by its older name. */
  asyncIterator<T = unknown>(
    triggers: string | readonly string[],
    options?: RedisSubscribeOptions<T>,
  ): AsyncIterableIterator<T, undefined> {
    return this.asyncIterableIterator(triggers, options);
  }

  getSubscriber(): Client {
    return this.#subscriber;
  }

  getPublisher(): Client {
    return this.#publisher;
  }

  /** Ends every subscription and quits both clients, whoever made them, as graphql-redis-subscriptions does. */
  async close(): Promise<unknown[]> {
    await this.#engine.close();
    await this.#closeSource();
    return Promise.all([this.#publisher.quit(), this.#subscriber.quit()]);
  }

  #followedBy(trigger: string, options: RedisSubscribeOptions<never> | RedisSubscribeOptions) {
    const { triggerTransform = (name: string) => name } = this.#options;
    return { name: triggerTransform(trigger, options), pattern: options.pattern === true };
  }

  #forget(id: number): void {
    Reflect.deleteProperty(this.subscriptionMap, id);
  }

  #open(context: SourceContext): { readonly source: Source; readonly close: () => Promise<void> } {
    const { history, historyMs, prefix } = this.#options;
    const { messageEventName = 'message', pmessageEventName = 'pmessage' } = this.#options;
    const [publisher, subscriber] = [this.#publisher, this.#subscriber];
    if (history === false || (history === undefined && !('evalshaBuffer' in publisher))) {
      const source = bareSource({ publisher, subscriber, messageEventName, pmessageEventName }, context);
      return { source, close: async () => undefined };
    }
    const client = publisher as unknown as RedisClient;
    const bus = redisBus({ client, subscriber: subscriber as unknown as RedisSubscriber, history, historyMs, prefix });
    return { source: matchingSource(bus, context), close: () => bus.close() };
  }

  /** Never throws: what cannot be read is given as it came, as graphql-redis-subscriptions does. */
  readonly #decode: Decode = (bytes, from) => {
    const { deserializer, reviver, messageEventName = 'message', pmessageEventName = 'pmessage' } = this.#options;
    const event = from.pattern === undefined ? messageEventName : pmessageEventName;
    const raw = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const asItCame = event.endsWith('Buffer') ? raw : textOf(bytes);
    try {
      if (deserializer !== undefined) return deserializer(raw, from);
      return typeof asItCame === 'string' ? (JSON.parse(asItCame, reviver) as unknown) : asItCame;
    } catch (thrown) {
      this.#onError(toError(thrown), `decode a message of ${from.channel}`);
      return asItCame;
    }
  };
}

function clientsOf<Client extends BareClient>(options: RedisPubSubOptions<Client>, onError: OnError): [Client, Client] {
  const { connection, connectionListener, publisher, subscriber } = options;
  if (publisher !== undefined && subscriber !== undefined) return [publisher, subscriber];
  if (typeof connection !== 'function') {
    const message = 'expected publisher and subscriber, or connection: () => new Redis(…), got neither.';
    throw new TidemarkError('INVALID_OPTION', message);
  }
  const made: [Client, Client] = [connection(), connection()];
  for (const client of made) {
    const told = connectionListener as ((...args: unknown[]) => void) | undefined;
    if (told !== undefined) client.on('connect', told);
    client.on(
      'error',
      told ??
        ((thrown) => {
          onError(toError(thrown), 'a connection to Redis');
        }),
    );
  }
  return made;
}

/** Where nobody is there to be told, it is said once more than never. */
function warn(error: Error, where: string): void {
  process.emitWarning(`${where}: ${error.message}`, { type: 'TidemarkPubSub' });
}
