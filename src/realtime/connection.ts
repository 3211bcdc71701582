import type { Clock, SubjectKey } from '../contract.js';
import { ERROR_CODES, TidemarkError, counted, isTidemarkError, messageOf } from '../errors.js';
import type { Connection, ConnectionOptions, Credentials } from '../realtime-verbs.js';
import type { AnyModel } from '../model.js';
import type { Overflow } from '../watching.js';
import { Allowance, keyIn, parseClientFrame } from './client-frames.js';
import { Credential } from './credential.js';
import { Deliveries, type Delivery } from './deliveries.js';
import type { CloseCode, FrameTarget, RefusedFrame } from './frames.js';
import { Link } from './link.js';
import { Signalling } from './signalling.js';
import type { Signals } from './signals.js';
import type { OnError } from './retry.js';
import type { HubSubscription, SubscriptionHooks } from './subscription.js';

const MAX_SUBSCRIPTIONS = 1000;
const MAX_FRAMES_PER_MINUTE = 3000;

/** What a connection asks of the tide that it belongs to, types erased. */
export interface ConnectionHost {
  readonly clock: Clock;
  readonly onError: OnError;
  /** Subscribes to a target, for whoever `principal` says it is when it is asked. */
  follow(target: unknown, options: FollowOptions): HubSubscription;
  /** What a client asks for by name, as `follow` takes it. Throws INVALID_FRAME and what names can throw. */
  resolve(target: FrameTarget, branch: string | undefined, options: AnyConnectionOptions): unknown;
  /** Whose name a principal has; undefined if nobody says. */
  nameOf(principal: unknown): string | undefined;
  /** What signals about a target are sent on. */
  topicOf(target: unknown, branch: string | undefined): SubjectKey;
  /** Undefined where the bus has no ephemeral topics. */
  readonly signals: Signals | undefined;
  /** Asks anew for every permission of a connection. */
  renew(connection: string): void;
  ended(connection: LiveConnection): void;
}

export interface FollowOptions {
  readonly since: string | undefined;
  readonly overflow: Overflow | undefined;
  readonly branch: string | undefined;
  readonly principal: () => unknown;
  readonly connection: string;
  readonly hooks: SubscriptionHooks;
}

export type AnyConnectionOptions = ConnectionOptions<AnyModel, unknown>;

/** One subscription of a connection. */
interface Followed extends Delivery {
  readonly items: HubSubscription;
  /** An item has been asked for. */
  asked: boolean;
}

/** See {@link Connection}. */
export class LiveConnection implements Connection {
  readonly id: string;
  readonly #host: ConnectionHost;
  readonly #options: AnyConnectionOptions;
  readonly #credential: Credential;
  readonly #link: Link;
  readonly #deliveries: Deliveries;
  readonly #followed = new Map<string, Followed>();
  readonly #allowance: Allowance;
  readonly #signalling: Signalling | undefined;
  readonly #maxSubscriptions: number;
  #open = true;

  /** Throws UNAUTHORIZED or INVALID_OPTION. */
  constructor(id: string, options: AnyConnectionOptions, host: ConnectionHost) {
    const { clock } = host;
    this.id = id;
    this.#host = host;
    this.#options = options;
    this.#maxSubscriptions = counted('maxSubscriptions', options.maxSubscriptions, MAX_SUBSCRIPTIONS);
    const perMinute = counted('maxFramesPerMinute', options.maxFramesPerMinute, MAX_FRAMES_PER_MINUTE);
    this.#allowance = new Allowance(perMinute, clock);
    this.#credential = new Credential(options, {
      clock,
      nameOf: (principal) => host.nameOf(principal),
      onExpiring: (until) => {
        this.#link.send({ kind: 'expiring', until });
      },
      onExpired: () => {
        this.close(4401, 'The credentials have run out.');
      },
    });
    this.#link = new Link({
      clock,
      send: options.send,
      pressure: options.pressure ?? (() => 0),
      onDrained: () => {
        this.#deliveries.flush();
        for (const followed of this.#followed.values()) this.#pull(followed);
      },
      onSlow: (why) => {
        this.close(4408, why);
      },
    });
    this.#deliveries = new Deliveries({
      clock,
      link: this.#link,
      isOpen: () => this.#open && this.#credential.isValid,
      onSent: (delivery) => {
        if (delivery.end === undefined) this.#pull(delivery as Followed);
        else if (this.#followed.get(delivery.key) === delivery) this.#forget(delivery.key);
      },
    });
    this.#signalling = this.#signals(options);
    this.#link.send({ kind: 'welcome', connection: id, until: this.#credential.untilOrNull, at: clock.wallNow() });
  }

  get principal(): unknown {
    return this.#credential.principal;
  }

  get keys(): readonly string[] {
    return [...this.#followed.keys()];
  }

  subscribe(
    key: string,
    target: unknown,
    options: {
      readonly since?: string | undefined;
      readonly overflow?: Overflow | undefined;
      readonly branch?: string | undefined;
    } = {},
  ): void {
    this.#assertOpen('subscribe');
    if (this.#followed.has(key))
      throw new TidemarkError('INVALID_OPTION', `subscribe: expected a new key, got '${key}', which is taken.`);
    if (this.#followed.size >= this.#maxSubscriptions) {
      const most = String(this.#maxSubscriptions);
      throw new TidemarkError(
        'LIMIT_EXCEEDED',
        `subscribe: expected at most ${most} subscriptions at once, got one more.`,
      );
    }
    const { since, overflow, branch } = options;
    const items = this.#host.follow(target, {
      ...{ since, overflow, branch },
      principal: () => this.#credential.principal,
      connection: this.id,
      hooks: {
        onReady: (cursor) => {
          this.#deliveries.ready(followed, since ?? cursor);
        },
        onPermitted: () => {
          this.#deliveries.resume();
        },
        onEnded: () => {
          this.#over(followed);
        },
      },
    });
    const followed: Followed = {
      key,
      items,
      asked: false,
      ready: undefined,
      item: undefined,
      end: undefined,
      isHeld: () => !items.isPermitted,
    };
    this.#followed.set(key, followed);
    if (this.#signalling !== undefined) this.#signalling.begin(key, this.#host.topicOf(target, branch));
    this.#pull(followed);
  }

  unsubscribe(key: string): boolean {
    const followed = this.#followed.get(key);
    if (followed === undefined) return false;
    this.#forget(key);
    this.#deliveries.forget(followed);
    void followed.items.return?.();
    this.#link.send({ kind: 'ended', key, code: null, message: 'unsubscribed' });
    return true;
  }

  authenticate(credentials: Credentials<unknown>): void {
    this.#assertOpen('authenticate');
    this.#credential.renew(credentials);
    this.#host.renew(this.id);
    this.#link.send({ kind: 'authenticated', until: this.#credential.untilOrNull });
  }

  async receive(frame: unknown): Promise<RefusedFrame | null> {
    if (!this.#open) return null;
    try {
      await this.#obey(frame);
      return null;
    } catch (thrown) {
      const refused: RefusedFrame = {
        kind: 'refused',
        key: keyIn(frame),
        ...this.#publicly(thrown, 'a frame of a client'),
      };
      this.#link.send(refused);
      return refused;
    }
  }

  drained(): void {
    this.#link.drained();
  }

  end(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#link.close();
    this.#credential.end();
    this.#deliveries.close();
    for (const { items } of this.#followed.values()) void items.return?.();
    this.#followed.clear();
    this.#signalling?.close();
    this.#host.ended(this);
  }

  /** Ends it, and tells the host to close the link. */
  close(code: CloseCode, reason: string): void {
    if (!this.#open) return;
    this.end();
    this.#options.close(code, reason);
  }

  #forget(key: string): void {
    this.#followed.delete(key);
    this.#signalling?.end(key);
  }

  // ── From the hub ──────────────────────────────────────────────────────────────────────────────────────────────

  /** Asks for the next item, unless the link is full or the one before has not been sent. */
  #pull(followed: Followed): void {
    if (followed.asked || followed.item !== undefined || followed.end !== undefined) return;
    if (!this.#open || (this.#link.isFull && followed.items.isPermitted)) return;
    followed.asked = true;
    followed.items.next().then(
      (result) => {
        followed.asked = false;
        if (this.#followed.get(followed.key) !== followed) return;
        if (result.done !== true) this.#deliveries.item(followed, result.value);
        else this.close(1001, 'The server is going away.');
      },
      (thrown: unknown) => {
        followed.asked = false;
        if (this.#followed.get(followed.key) !== followed) return;
        this.#deliveries.end(followed, this.#publicly(thrown, `subscription ${followed.key}`));
      },
    );
  }

  /** Its subscription has ended. What may not be passed on any more is not, and it is asked why. */
  #over(followed: Followed): void {
    if (this.#followed.get(followed.key) !== followed || followed.item === undefined || !followed.isHeld()) return;
    followed.item = undefined;
    this.#deliveries.forget(followed);
    this.#pull(followed);
  }

  // ── From the client ───────────────────────────────────────────────────────────────────────────────────────────

  async #obey(given: unknown): Promise<void> {
    if (!this.#allowance.take()) {
      const { maxFramesPerMinute = MAX_FRAMES_PER_MINUTE } = this.#options;
      const most = String(maxFramesPerMinute);
      throw new TidemarkError('LIMIT_EXCEEDED', `frame: expected at most ${most} in a minute, got one more.`);
    }
    const frame = parseClientFrame(given);
    if (frame.kind === 'subscribe') {
      const { key, target, ...options } = frame;
      this.subscribe(key, this.#host.resolve(target, frame.branch, this.#options), options);
    } else if (frame.kind === 'unsubscribe') {
      if (!this.unsubscribe(frame.key))
        throw new TidemarkError('INVALID_FRAME', `key: expected that of a subscription, got '${frame.key}'.`);
    } else if (frame.kind === 'signal') {
      if (this.#signalling === undefined)
        throw new TidemarkError('INVALID_FRAME', 'signal: not possible on this link.');
      this.#signalling.say(frame.key, frame.value);
    } else {
      const { verify } = this.#options;
      if (verify === undefined) throw new TidemarkError('INVALID_FRAME', 'authenticate: not possible on this link.');
      const credentials = await verified(verify, frame.token);
      if (this.#open) this.authenticate(credentials);
    }
  }

  #signals({ signals: allow }: AnyConnectionOptions): Signalling | undefined {
    const { signals } = this.#host;
    if (allow === undefined || signals === undefined) return undefined;
    return new Signalling({
      signals,
      from: this.id,
      allow: (value) => allow(value, this.#credential.principal),
      isPermitted: (key) => this.#credential.isValid && this.#followed.get(key)?.isHeld() === false,
      // Where what matters has to wait, this is left out.
      send: (frame) => {
        if (!this.#link.isFull) this.#link.send(frame);
      },
    });
  }

  /** What a client may know of an error. */
  #publicly(thrown: unknown, where: string): { readonly code: string; readonly message: string } {
    if (!isTidemarkError(thrown)) {
      this.#host.onError(thrown instanceof Error ? thrown : new Error(messageOf(thrown)), where);
      return { code: 'FAILED', message: 'The server could not do it.' };
    }
    // What an authorizer says is for the host.
    const { code, message } = thrown;
    return { code, message: code === 'UNAUTHORIZED' || code === 'REVOKED' ? ERROR_CODES[code] : message };
  }

  #assertOpen(verb: string): void {
    if (!this.#open) throw new TidemarkError('CLOSED', `connection.${verb}(): the connection has ended.`);
  }
}

/** Throws UNAUTHORIZED. */
async function verified(
  verify: NonNullable<AnyConnectionOptions['verify']>,
  token: unknown,
): Promise<Credentials<unknown>> {
  try {
    return await verify(token);
  } catch (cause) {
    throw new TidemarkError('UNAUTHORIZED', 'authenticate: the token is not good.', { cause });
  }
}
