import type { Bump, BusMessage } from '../../src/contract.js';
import type { Random } from './dice.js';
import type { Engine } from './engine.js';
import type { Process } from './process.js';
import type { Server, Sink } from './server.js';
import type { Accepted } from './server-state.js';

/** How quick a link is: most things take about `usualMs`, some a good deal longer. */
export interface Pace {
  readonly usualMs: number;
  readonly slowMs: number;
  slowShare: number;
}

/** What a replica's ends of its subscriptions are told, in the order in which they arrive. */
export interface Told {
  bump(bump: Bump, accepted: Accepted): void;
  message(topic: string, message: BusMessage): void;
  /** It is gone: what is sent from here on is missed. */
  lost(): void;
  /** Connected again and subscribed to everything: what was sent meanwhile is gone. */
  again(server: Server): void;
}

export interface ConnectionParts {
  readonly engine: Engine;
  readonly random: Random;
  readonly process: Process;
  readonly role: 'client' | 'subscriber';
  readonly pace: Pace;
  /** Calls without a reply are sent again after reconnecting, as ioredis does; else they reject. */
  readonly resends: boolean;
  /** To one like Postgres: the client is a pool, where what is sent may overtake what was sent before; a loss is told at once. */
  readonly postgres: boolean;
  /** Before this time nothing sent over it arrives. */
  readonly startsAt: number;
  readonly route: () => Server;
  readonly note: (what: string, from: string, to: string, since: number) => void;
}

interface Pending {
  readonly label: string;
  /** `live`: the link it came over is still there. What takes its time is a promise. */
  readonly execute: (server: Server, live: boolean) => unknown;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

const RECONNECT_MS = 40;

/** One TCP connection of a replica to a server: both ways first in, first out, and each message takes its own time. */
export class Connection {
  readonly role: 'client' | 'subscriber';
  /** True time at which it last was anything but healthy. */
  troubledAt = 0;
  server: Server;
  readonly #parts: ConnectionParts;
  readonly #pending = new Set<Pending>();
  readonly #topics = new Set<string>();
  #watches = false;
  #told: Told | null = null;
  /** This connection as the server knows it: one, however much it is subscribed to. */
  #sinkNow: Sink | null = null;
  #state: 'up' | 'down' | 'half' = 'up';
  /** Which of its connections this is: what belongs to an earlier one is gone. */
  #incarnation = 0;
  #upAt = 0;
  #downAt = 0;
  #heldUntil = 0;
  #losing = 0;
  #slow = { untilMs: 0, byMs: 0 };
  /** Once it has been so cut, as if it always were. */
  #resendsNow = false;

  constructor(parts: ConnectionParts) {
    this.#parts = parts;
    this.role = parts.role;
    this.server = parts.route();
    this.#upAt = parts.startsAt;
  }

  get #isPool(): boolean {
    return this.#parts.postgres && this.role === 'client';
  }

  get healthy(): boolean {
    return this.#state === 'up' && this.#heldUntil <= this.#parts.engine.now;
  }

  listen(told: Told): void {
    this.#told = told;
  }

  /** Sends a command; it takes effect when it arrives, and the reply arrives later still. */
  call<T>(label: string, execute: (server: Server, live: boolean) => T | Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const pending: Pending = { label, execute, resolve: resolve as (value: unknown) => void, reject };
      if (this.#state === 'down' && !this.#resendsNow) {
        reject(gone());
        return;
      }
      this.#pending.add(pending);
      if (this.#state === 'up') this.#send(pending);
    });
  }

  watch(check: (server: Server) => void): Promise<void> {
    return this.call('watch', (server, live) => {
      check(server);
      this.#watches = true;
      if (live) server.marksSinks.add(this.#sink(server));
    });
  }

  subscribe(topic: string): Promise<void> {
    this.#topics.add(topic);
    return this.call('subscribe', (server, live) => {
      if (live) this.#subscribe(server, topic, this.#sink(server));
    });
  }

  unsubscribe(topic: string): void {
    this.#topics.delete(topic);
  }

  // ── Faults ────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * The connection breaks and everybody notices. It is made again after `downMs`, to wherever the route leads then.
   * `resends`: this time what got no reply is sent again in any case.
   */
  cut(downMs: number, resends = false): void {
    if (this.#state === 'down') return;
    this.#break();
    this.#state = 'down';
    this.#resendsNow = resends || this.#parts.resends;
    if (!this.#resendsNow) this.#failPending();
    if (this.#parts.postgres) this.#parts.process.receive(this.role, () => this.#told?.lost());
    this.#parts.engine.at(this.#parts.engine.now + downMs, () => {
      this.#connect();
    });
  }

  /** Nothing arrives any more, either way, and nobody notices before `afterMs`. */
  halfOpen(afterMs: number): void {
    if (this.#state !== 'up') return;
    this.#break();
    this.#state = 'half';
    this.#parts.engine.at(this.#parts.engine.now + afterMs, () => {
      if (this.#state === 'half') this.cut(RECONNECT_MS);
    });
  }

  /** Everything is late, but arrives. */
  stall(ms: number): void {
    this.#heldUntil = Math.max(this.#heldUntil, this.#parts.engine.now + ms);
    this.troubledAt = this.#heldUntil;
  }

  /** The next messages vanish, and nobody is told. */
  lose(messages: number): void {
    this.#losing = messages;
  }

  /** What comes down takes longer for a while; what goes up does not. */
  slowReplies(byMs: number, ms: number): void {
    this.#slow = { untilMs: this.#parts.engine.now + ms, byMs };
  }

  /** Those that no longer lead where the route leads break. */
  reroute(): void {
    if (this.server !== this.#parts.route() || !this.server.alive) this.cut(RECONNECT_MS);
  }

  /** What was on its way up may still arrive; nothing that comes down does. */
  #break(): void {
    this.#incarnation++;
    this.#sinkNow = null;
    this.troubledAt = Infinity;
  }

  #failPending(): void {
    const pending = [...this.#pending];
    this.#pending.clear();
    for (const { reject } of pending) {
      this.#parts.process.receive(this.role, () => {
        reject(gone());
      });
    }
  }

  #connect(): void {
    const { engine, route, process } = this.#parts;
    if (!process.alive || this.#state !== 'down') return;
    this.server = route();
    if (!this.server.alive) {
      engine.at(engine.now + 100, () => {
        this.#connect();
      });
      return;
    }
    this.#state = 'up';
    this.troubledAt = engine.now;
    if (this.#watches || this.#topics.size > 0) this.#subscribeAgain();
    if (this.#resendsNow) for (const pending of [...this.#pending]) this.#send(pending);
  }

  #subscribeAgain(): void {
    const again: Pending = {
      label: 'subscribe again',
      execute: (server, live) => {
        if (!live) return server;
        const sink = this.#sink(server);
        if (this.#watches) server.marksSinks.add(sink);
        for (const topic of this.#topics) this.#subscribe(server, topic, sink);
        return server;
      },
      resolve: (server) => this.#told?.again(server as Server),
      reject: () => {},
    };
    this.#send(again);
  }

  // ── On the wire ───────────────────────────────────────────────────────────────────────────────────────────────

  #send(pending: Pending): void {
    const { engine, process, note } = this.#parts;
    const incarnation = this.#incarnation;
    const { server } = this;
    const sent = engine.now;
    this.#upAt = this.#isPool ? this.#arrival() : Math.max(this.#upAt, this.#arrival());
    // A dead process's last words may still arrive, and so may what was sent before the link broke.
    const outlives = this.#parts.random() < 0.5;
    engine.at(
      this.#upAt,
      () => {
        if (!server.alive || (incarnation !== this.#incarnation && !outlives)) return;
        note(pending.label, process.name, server.name, sent);
        const reply = (settle: () => void): void => {
          this.#push(server, incarnation, `${pending.label} ✓`, () => {
            this.#pending.delete(pending);
            settle();
          });
        };
        const succeed = (result: unknown): void => {
          reply(() => {
            pending.resolve(result);
          });
        };
        const fail = (error: unknown): void => {
          reply(() => {
            pending.reject(error as Error);
          });
        };
        try {
          const result = pending.execute(server, incarnation === this.#incarnation);
          if (result instanceof Promise) result.then(succeed, fail);
          else succeed(result);
        } catch (error) {
          fail(error);
        }
      },
      !this.#isPool,
    );
  }

  #push(server: Server, incarnation: number, label: string, run: () => void): void {
    const { engine, process, note } = this.#parts;
    if (incarnation !== this.#incarnation || !process.alive) return;
    const sent = engine.now;
    const { untilMs, byMs } = this.#slow;
    const arrival = this.#arrival() + (sent < untilMs ? byMs : 0);
    this.#downAt = this.#isPool ? arrival : Math.max(this.#downAt, arrival);
    engine.at(this.#downAt, () => {
      if (incarnation !== this.#incarnation) return;
      process.receive(this.role, () => {
        if (incarnation !== this.#incarnation) return;
        note(label, server.name, process.name, sent);
        run();
      });
    });
  }

  #sink(server: Server): Sink {
    const incarnation = this.#incarnation;
    this.#sinkNow ??= {
      bump: (bump, accepted) => {
        if (this.#losing > 0) this.#losing--;
        else
          this.#push(server, incarnation, `bump ${String(bump.partition)}:${String(bump.position)}`, () => {
            this.#told?.bump(bump, accepted);
          });
      },
      message: (topic, message) => {
        if (this.#losing > 0) this.#losing--;
        else
          this.#push(server, incarnation, `event ${topic}`, () => {
            if (this.#topics.has(topic)) this.#told?.message(topic, message);
          });
      },
    };
    return this.#sinkNow;
  }

  #subscribe(server: Server, topic: string, sink: Sink): void {
    const sinks = server.topicSinks.get(topic) ?? new Set();
    server.topicSinks.set(topic, sinks.add(sink));
  }

  #arrival(): number {
    const { engine, random, pace } = this.#parts;
    const slow = random() < pace.slowShare;
    const delay = (slow ? pace.slowMs : pace.usualMs) * (0.2 + 1.6 * random());
    return Math.max(engine.now, this.#heldUntil) + delay;
  }
}

const gone = (): Error => new Error('Connection is closed.');
