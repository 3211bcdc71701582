import { untilDone } from '../../realtime/retry.js';
import type { Followed, Hearer, Source, SourceContext } from './source.js';

type Callback = (error?: Error | null) => void;

/** What a client needs for pub/sub and nothing else: every ioredis has it, and so have the doubles of tests. */
export interface BareClient {
  publish(channel: string, message: string | Uint8Array): unknown;
  subscribe(channel: string, done: Callback): unknown;
  unsubscribe(channel: string): unknown;
  psubscribe(pattern: string, done: Callback): unknown;
  punsubscribe(pattern: string): unknown;
  on(event: string, listener: (...args: unknown[]) => void): unknown;
  quit(): unknown;
}

export interface BareOptions {
  readonly publisher: BareClient;
  readonly subscriber: BareClient;
  readonly messageEventName: string;
  readonly pmessageEventName: string;
}

/**
 * PUBLISH and SUBSCRIBE on channels named as the topics are, and nothing else. Nothing is recovered: a connection that came
 * back is a hole.
 */
export function bareSource(options: BareOptions, { clock, decode, onError }: SourceContext): Source {
  const { publisher, subscriber } = options;
  const channels = new Map<string, Held>();
  const patterns = new Map<string, Held>();
  const heldAs = (pattern: boolean): Map<string, Held> => (pattern ? patterns : channels);
  let lost = false;

  const hear = (pattern: string | undefined, channel: string, message: unknown): void => {
    // Doubles of clients tell of a pattern by its name alone.
    const held = pattern === undefined ? (channels.get(channel) ?? patterns.get(channel)) : patterns.get(pattern);
    if (held === undefined) return;
    const bytes = typeof message === 'string' ? Buffer.from(message) : (message as Uint8Array);
    held.hearer.message(decode(bytes, pattern === undefined ? { channel } : { channel, pattern }));
  };
  /** Subscribes, once more until it is done; `missing`: what came until then is. */
  const begin = ({ followed, hearer, ending }: Held, missing: boolean): void => {
    const { name, pattern } = followed;
    const where = `subscribe ${name}`;
    const failed = (error: Error): void => {
      onError(error, where);
      hearer.failed(error);
    };
    void untilDone(
      (failures) =>
        new Promise<void>((resolve, reject) => {
          ignored(
            subscriber[pattern ? 'psubscribe' : 'subscribe'](name, (error) => {
              if (error) {
                reject(error);
                return;
              }
              hearer.live();
              if (missing || failures > 0) hearer.hole('gap');
              resolve();
            }),
          );
        }),
      { clock, onError: failed, where, signal: ending.signal },
    );
  };

  subscriber.on(options.pmessageEventName, (pattern, channel, message) => {
    hear(String(pattern), String(channel), message);
  });
  subscriber.on(options.messageEventName, (channel, message) => {
    hear(undefined, String(channel), message);
  });
  subscriber.on('close', () => {
    lost = true;
  });
  subscriber.on('ready', () => {
    if (!lost) return;
    lost = false;
    for (const one of [...channels.values(), ...patterns.values()]) begin(one, true);
  });

  return {
    follow: (followed, hearer) => {
      const { name, pattern } = followed;
      const one: Held = { followed, hearer, ending: new AbortController() };
      heldAs(pattern).set(name, one);
      begin(one, false);
      return async () => {
        one.ending.abort();
        if (heldAs(pattern).get(name) === one) heldAs(pattern).delete(name);
        if (!channels.has(name)) ignored(subscriber.unsubscribe(name));
        if (!patterns.has(name)) ignored(subscriber.punsubscribe(name));
      };
    },
    publish: async (topic, bytes) => {
      await publisher.publish(topic, bytes);
    },
  };
}

interface Held {
  readonly followed: Followed;
  readonly hearer: Hearer;
  readonly ending: AbortController;
}

/** Its callback is told, or nobody waits: ioredis gives a promise all the same. */
function ignored(answer: unknown): void {
  if (answer instanceof Promise) answer.catch(() => undefined);
}
