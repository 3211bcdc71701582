import type { SubjectKey } from '../contract.js';
import { TidemarkError } from '../errors.js';
import type { PlainValue, SignalFrame } from './frames.js';
import type { Signals } from './signals.js';

export interface SignallingOptions {
  readonly signals: Signals;
  /** Names the connection. */
  readonly from: string;
  /** What is passed on of what the client says; undefined: it may not say it. */
  readonly allow: (value: PlainValue) => PlainValue | undefined;
  /** Whether a subscription may be told anything now, and may tell. */
  readonly isPermitted: (key: string) => boolean;
  readonly send: (frame: SignalFrame) => void;
}

interface Heard {
  readonly keys: Set<string>;
  readonly end: () => void;
}

/** The signals of one connection: each is sent once, however many of its subscriptions are about the same. */
export class Signalling {
  readonly #options: SignallingOptions;
  readonly #topics = new Map<string, SubjectKey>();
  readonly #heard = new Map<SubjectKey, Heard>();

  constructor(options: SignallingOptions) {
    this.#options = options;
  }

  begin(key: string, topic: SubjectKey): void {
    const { signals, from, isPermitted, send } = this.#options;
    this.#topics.set(key, topic);
    const known = this.#heard.get(topic);
    if (known !== undefined) {
      known.keys.add(key);
      return;
    }
    const keys = new Set([key]);
    const end = signals.follow(topic, (signal) => {
      const permitted = signal.from === from ? [] : [...keys].filter(isPermitted);
      if (permitted.length > 0) send({ kind: 'signal', ...signal, keys: permitted });
    });
    this.#heard.set(topic, { keys, end });
  }

  end(key: string): void {
    const topic = this.#topics.get(key);
    if (topic === undefined) return;
    this.#topics.delete(key);
    const heard = this.#heard.get(topic);
    if (heard === undefined || !heard.keys.delete(key) || heard.keys.size > 0) return;
    this.#heard.delete(topic);
    heard.end();
  }

  /** Throws UNAUTHORIZED for what may not be said, LIMIT_EXCEEDED for what is too long. */
  say(key: string, value: PlainValue): void {
    const { signals, from, allow, isPermitted } = this.#options;
    const topic = this.#topics.get(key);
    const allowed = topic === undefined || !isPermitted(key) ? undefined : allow(value);
    if (topic === undefined || allowed === undefined)
      throw new TidemarkError('UNAUTHORIZED', `signal: it may not be said in ${key}.`);
    signals.send(topic, { from, value: allowed });
  }

  close(): void {
    for (const { end } of this.#heard.values()) end();
    this.#heard.clear();
    this.#topics.clear();
  }
}
