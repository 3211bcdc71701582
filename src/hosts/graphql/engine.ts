import { Aborts } from '../../aborts.js';
import { TidemarkError } from '../../errors.js';
import { type OnError, toError } from '../../realtime/retry.js';
import { type OnResync, type ReadOptions, Reader, missedError } from './reader.js';
import type { Followed, Source } from './source.js';
import { type Listener, Stream, type StreamContext } from './stream.js';

export interface EngineOptions {
  readonly source: Source;
  readonly ringSize: number;
  readonly freeze: boolean;
  readonly onError: OnError;
  /** For subscribers that bring none. */
  readonly onResync: OnResync | undefined;
}

/** A listener that is being told, until it is stopped. */
export interface Listening {
  /** Resolves once whatever is published arrives. Rejects at the first failure before that; then it has been stopped. */
  readonly live: Promise<void>;
  readonly stop: () => void;
}

/** The subscribers of one process: each topic followed once, however many they are. */
export class Engine {
  readonly #options: EngineOptions;
  readonly #context: StreamContext;
  readonly #aborts = new Aborts();
  readonly #streams = new Map<string, Stream>();
  readonly #readers = new Set<Reader>();
  readonly #listenings = new Set<Listening>();
  readonly #stopping = new Set<Promise<void>>();
  #closed = false;

  constructor(options: EngineOptions) {
    const { source, ringSize, freeze } = options;
    let counted = 0;
    this.#options = options;
    this.#context = { source, ringSize, freeze, count: () => counted++ };
  }

  async publish(topic: string, bytes: string | Uint8Array, id: string): Promise<void> {
    this.#assertOpen('publish');
    await this.#options.source.publish(topic, bytes, id);
  }

  /** Throws CLOSED or INVALID_OPTION. */
  read(followed: readonly Followed[], options: ReadOptions): Reader {
    this.#assertOpen('subscribe');
    if (followed.length === 0) throw new TidemarkError('INVALID_OPTION', 'topics: expected at least one, got none.');
    const streams = [...new Set(followed.map((one) => this.#join(one)))];
    // Each is counted once, however often it was named.
    for (const stream of streams) stream.subscribers++;
    const onResync = options.onResync ?? this.#options.onResync;
    const left = (reader: Reader): void => {
      this.#readers.delete(reader);
      for (const stream of streams) this.#leave(stream);
    };
    try {
      const reader = new Reader(streams, { ...options, onResync }, { aborts: this.#aborts, left });
      if (!reader.ended) this.#readers.add(reader);
      return reader;
    } catch (error) {
      for (const stream of streams) this.#leave(stream);
      throw error;
    }
  }

  /** Throws CLOSED. A listener that throws stops no other. */
  listen(followed: Followed, onMessage: (payload: unknown) => void, onResync = this.#options.onResync): Listening {
    this.#assertOpen('subscribe');
    const { onError } = this.#options;
    const stream = this.#join(followed);
    stream.subscribers++;
    const contained = (run: () => void): void => {
      try {
        run();
      } catch (thrown) {
        onError(toError(thrown), `a listener of ${followed.name}`);
      }
    };
    let stopped = false;
    const told = (payload: unknown): void => {
      if (stopped) return;
      contained(() => {
        onMessage(payload);
      });
    };
    const listener: Listener = {
      message: told,
      resync: (resync) => {
        contained(() => {
          if (onResync === undefined) throw missedError(resync);
          const standIn = onResync(resync);
          if (standIn !== undefined) told(standIn);
        });
      },
    };
    stream.add(listener);
    const stop = (): void => {
      if (stopped) return;
      stopped = true;
      stream.remove(listener);
      this.#listenings.delete(listening);
      this.#leave(stream);
    };
    const live = stream.live.catch((error: unknown) => {
      stop();
      throw error;
    });
    live.catch(() => undefined);
    const listening = { live, stop };
    this.#listenings.add(listening);
    return listening;
  }

  /** Live subscribers by topic or pattern. */
  counts(): ReadonlyMap<string, number> {
    return new Map(Array.from(this.#streams.values(), ({ followed, subscribers }) => [followed.name, subscribers]));
  }

  /** Ends every subscription. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const reader of [...this.#readers]) reader.end();
    for (const listening of [...this.#listenings]) listening.stop();
    await Promise.all(this.#stopping);
  }

  #join(followed: Followed): Stream {
    const key = keyOf(followed);
    const stream = this.#streams.get(key) ?? new Stream(followed, this.#context);
    this.#streams.set(key, stream);
    return stream;
  }

  #leave(stream: Stream): void {
    if (--stream.subscribers > 0) return;
    this.#streams.delete(keyOf(stream.followed));
    const stopped = stream.stop();
    this.#stopping.add(stopped);
    void stopped.then(() => this.#stopping.delete(stopped));
  }

  #assertOpen(verb: string): void {
    if (this.#closed) throw new TidemarkError('CLOSED', `${verb}: expected an open pub/sub, but close() was called.`);
  }
}

const keyOf = ({ name, pattern }: Followed): string => `${pattern ? 'p' : 't'}${name}`;
