import type { Clock, EphemeralTopics, SubjectKey } from '../contract.js';
import { TidemarkError } from '../errors.js';
import type { PlainValue } from './frames.js';
import { keepListening } from './listening.js';
import { type OnError, toError } from './retry.js';

/** What one connection tells those that follow the same. */
export interface Signal {
  /** The id of the connection. */
  readonly from: string;
  readonly value: PlainValue;
}

/** As every bus with ephemeral topics takes it. */
const MAX_BYTES = 4096;

interface Listened {
  readonly hearers: Set<(signal: Signal) => void>;
  readonly ending: AbortController;
}

export interface SignalsOptions {
  readonly topics: EphemeralTopics;
  readonly clock: Clock;
  readonly onError: OnError;
}

/** The signals of all replicas: each topic is listened to once per process, as long as somebody here follows it. */
export class Signals {
  readonly #options: SignalsOptions;
  readonly #listened = new Map<SubjectKey, Listened>();

  constructor(options: SignalsOptions) {
    this.#options = options;
  }

  /** Returns what ends it, which may be called again. */
  follow(topic: SubjectKey, hear: (signal: Signal) => void): () => void {
    const listened = this.#listened.get(topic) ?? this.#listen(topic);
    listened.hearers.add(hear);
    return () => {
      if (!listened.hearers.delete(hear) || listened.hearers.size > 0) return;
      this.#listened.delete(topic);
      listened.ending.abort();
    };
  }

  /** Throws LIMIT_EXCEEDED for one that is too long. What the bus does not take is lost. */
  send(topic: SubjectKey, { from, value }: Signal): void {
    const bytes = new TextEncoder().encode(JSON.stringify({ from, value }));
    if (bytes.length > MAX_BYTES) {
      const message = `signal: expected at most ${String(MAX_BYTES)} bytes of JSON, got ${String(bytes.length)}.`;
      throw new TidemarkError('LIMIT_EXCEEDED', message);
    }
    this.#options.topics.send(topic, bytes).catch((thrown: unknown) => {
      this.#options.onError(toError(thrown), `signal on ${topic}`);
    });
  }

  #listen(topic: SubjectKey): Listened {
    const { topics, clock, onError } = this.#options;
    const listened: Listened = { hearers: new Set(), ending: new AbortController() };
    this.#listened.set(topic, listened);
    const hear = (bytes: Uint8Array): void => {
      const heard = decode(bytes);
      if (heard === undefined)
        onError(new TypeError('signal: expected one, got something else.'), `signal on ${topic}`);
      else for (const each of [...listened.hearers]) each(heard);
    };
    const where = `listen to signals on ${topic}`;
    void keepListening(topics, { topic, hear }, { clock, onError, where, signal: listened.ending.signal });
    return listened;
  }
}

function decode(bytes: Uint8Array): Signal | undefined {
  try {
    const { from, value } = JSON.parse(new TextDecoder().decode(bytes)) as Partial<Signal>;
    return typeof from === 'string' && value !== undefined ? { from, value } : undefined;
  } catch {
    return undefined;
  }
}
