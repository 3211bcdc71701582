import type { Bus, BusHistory, BusListener, BusMessage, BusPosition } from '../../src/contract.js';

type Verb = 'publish' | 'subscribe' | 'unsubscribe' | 'read';

interface Log {
  epoch: string;
  top: number;
  kept: BusMessage[];
  ids: Map<string, BusPosition>;
}

/** The store behind the buses of several replicas. */
export class FakeServer {
  readonly #logs = new Map<string, Log>();
  readonly #buses: FakeBus[] = [];
  #epochs = 0;

  /** One replica's connections. */
  connect(): FakeBus {
    const bus = new FakeBus(this);
    this.#buses.push(bus);
    return bus;
  }

  log(topic: string): Log {
    let log = this.#logs.get(topic);
    if (log === undefined) {
      log = { epoch: `epoch ${String(++this.#epochs)}`, top: 0, kept: [], ids: new Map() };
      this.#logs.set(topic, log);
    }
    return log;
  }

  append(topic: string, bytes: Uint8Array, id: string): BusPosition {
    const log = this.log(topic);
    const known = log.ids.get(id);
    if (known !== undefined) return known;
    const message = { position: { epoch: log.epoch, offset: ++log.top }, bytes };
    log.ids.set(id, message.position);
    log.kept.push(message);
    for (const bus of this.#buses) bus.push(topic, message);
    return message.position;
  }

  /** Everything is gone, as after FLUSHALL. Nobody is told. */
  wipe(topics: readonly string[]): void {
    for (const topic of topics) this.#logs.delete(topic);
  }

  /** Keeps only the newest messages of a topic. */
  trim(topic: string, keep = 0): void {
    const log = this.log(topic);
    log.kept = log.kept.slice(log.kept.length - keep);
  }

  read(topic: string, since: BusPosition | undefined, limit: number): BusHistory {
    const { epoch, top, kept } = this.log(topic);
    const end = { epoch, offset: top };
    if (since === undefined) return { messages: [], top: end, truncated: false };
    const known = since.epoch === epoch && since.offset <= top;
    const seen = known ? since.offset : 0;
    const messages = kept.filter(({ position }) => position.offset > seen).slice(0, limit);
    return { messages, top: end, truncated: !known || seen < top - kept.length };
  }
}

/** A bus whose messages, answers and failures a test decides on. Calls take effect when they are released. */
export class FakeBus implements Bus {
  /** Every call in words, such as `read a`. */
  readonly calls: string[] = [];
  readonly failing = new Set<Verb>();
  /** True: messages are delivered at once. */
  flowing = true;
  readonly #server: FakeServer;
  readonly #listeners = new Map<string, Set<BusListener>>();
  readonly #held = new Map<Verb, (() => void)[]>();
  #waiting: { readonly topic: string; readonly deliver: () => void }[] = [];

  constructor(server: FakeServer) {
    this.#server = server;
  }

  get listening(): readonly string[] {
    return [...this.#listeners].flatMap(([topic, listeners]) => Array.from(listeners, () => topic));
  }

  publish(topic: string, bytes: Uint8Array, { id }: { readonly id: string }): Promise<BusPosition> {
    return this.#call('publish', topic, () => this.#server.append(topic, bytes, id));
  }

  subscribe(topic: string, listener: BusListener): Promise<() => Promise<void>> {
    return this.#call('subscribe', topic, () => {
      const listeners = this.#listeners.get(topic) ?? new Set();
      this.#listeners.set(topic, listeners.add(listener));
      return () =>
        this.#call('unsubscribe', topic, () => {
          listeners.delete(listener);
        });
    });
  }

  read(topic: string, since: BusPosition | undefined, limit: number): Promise<BusHistory> {
    return this.#call('read', topic, () => this.#server.read(topic, since, limit));
  }

  async close(): Promise<void> {}

  // ── In the hands of the test ──────────────────────────────────────────────────────────────────────────────────

  push(topic: string, message: BusMessage): void {
    this.#waiting.push({
      topic,
      deliver: () => {
        for (const listener of this.#listeners.get(topic) ?? []) listener.onMessage(message);
      },
    });
    if (this.flowing) this.flow();
  }

  /** Delivers the oldest message that waits (of a topic); false if there is none. */
  deliver(topic?: string): boolean {
    const index = this.#waiting.findIndex((waiting) => topic === undefined || waiting.topic === topic);
    const [next] = index < 0 ? [] : this.#waiting.splice(index, 1);
    next?.deliver();
    return next !== undefined;
  }

  /** Delivers all that waits, and from now on at once. */
  flow(): void {
    this.flowing = true;
    while (this.deliver());
  }

  /** Loses what waits (of a topic). */
  lose(topic?: string): void {
    this.#waiting = this.#waiting.filter((waiting) => topic !== undefined && waiting.topic !== topic);
  }

  /** Says that messages may have been lost. */
  gap(topic?: string): void {
    for (const [name, listeners] of this.#listeners) {
      if (topic === undefined || topic === name) for (const listener of listeners) listener.onGap();
    }
  }

  /** From now on calls of this kind have no effect until they are released. */
  hold(verb: Verb): void {
    this.#held.set(verb, []);
  }

  release(verb: Verb): void {
    const held = this.#held.get(verb) ?? [];
    this.#held.delete(verb);
    for (const run of held) run();
  }

  #call<T>(verb: Verb, topic: string, effect: () => T): Promise<T> {
    this.calls.push(`${verb} ${topic}`);
    return new Promise((resolve, reject) => {
      const run = (): void => {
        if (this.failing.has(verb)) reject(new Error(`${verb} failed`));
        else resolve(effect());
      };
      const held = this.#held.get(verb);
      if (held === undefined) run();
      else held.push(run);
    });
  }
}
