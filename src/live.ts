import { branchOf, chainOf } from './cache/branches.js';
import { carriedBy } from './cache/cascade.js';
import { randomId } from './clock.js';
import type { Clock, SubjectKey } from './contract.js';
import { TidemarkError, counted } from './errors.js';
import type { AnyModel, Topology } from './model.js';
import type { TideOptions } from './options.js';
import type { Permission, RequestedSubject } from './realtime/authorize.js';
import type { ComputedTarget } from './realtime/computed-watch.js';
import {
  type AnyConnectionOptions,
  type ConnectionHost,
  type FollowOptions,
  LiveConnection,
} from './realtime/connection.js';
import type { FrameTarget, PlainId } from './realtime/frames.js';
import type { Hub } from './realtime/hub.js';
import type { OnError } from './realtime/retry.js';
import { type Revocations, concerns } from './realtime/revocations.js';
import { parseRoomName } from './realtime/rooms.js';
import type { Signals } from './realtime/signals.js';
import type { SubscriptionHooks, SubscriptionOptions } from './realtime/subscription.js';
import type { ConnectionLimits, Revocation, Room } from './realtime-verbs.js';
import { type Subject, subjectParts } from './subject.js';
import { type AnySubjects, targetSubject } from './subjects.js';
import type { SubscribeOptions, SubscribeTarget } from './watching.js';

export interface LiveParts {
  readonly options: Pick<TideOptions<AnyModel>, 'authorize' | 'principalId'>;
  readonly topology: Topology;
  readonly subjects: AnySubjects;
  readonly hub: Hub;
  readonly revocations: Revocations;
  readonly signals: Signals | undefined;
  readonly clock: Clock;
  readonly random: () => number;
  readonly onError: OnError;
  /** Marks tell of changes whose events never come. */
  readonly keepWatch: () => void;
  /** Throws CLOSED. */
  readonly assertOpen: () => void;
}

interface Where {
  readonly branch?: string | undefined;
}

type AnyTarget = SubscribeTarget<AnyModel> | readonly Subject[];

interface Asker {
  /** Whoever it is when it is asked; undefined: trusted host code. */
  readonly principal: () => unknown;
  readonly connection?: string | undefined;
  readonly hooks?: SubscriptionHooks | undefined;
}

/** `tide.subscribe` and `tide.realtime`, types erased: from targets to topics, and who may follow them. */
export class Live {
  readonly #parts: LiveParts;
  readonly #connections = new Set<LiveConnection>();
  readonly #host: ConnectionHost;
  #unfollow: (() => void) | undefined;
  #ending = false;

  constructor(parts: LiveParts) {
    const { clock, onError, revocations } = parts;
    this.#parts = parts;
    this.#host = {
      clock,
      onError,
      follow: (target, options) => this.#followFor(target as AnyTarget, options),
      resolve: (target, branch, options) => this.#resolve(target, branch, options),
      nameOf: (principal) => this.#nameOf(principal),
      topicOf: (target, branch) => (this.#subjects(target as AnyTarget, branch)[0] as Subject).key,
      signals: parts.signals,
      renew: (connection) => {
        revocations.renew(connection);
      },
      ended: (connection) => {
        this.#ended(connection);
      },
    };
  }

  subscribe(
    target: SubscribeTarget<AnyModel>,
    options: SubscribeOptions & Where & { readonly principal?: unknown } = {},
  ): ReturnType<Hub['subscribe']> {
    const { principal } = options;
    return this.#follow(target, options, { principal: () => principal });
  }

  /** `tide.realtime`. */
  readonly verbs = Object.freeze({
    connect: (options: AnyConnectionOptions): LiveConnection => this.#connect(options),
    check: (limits: ConnectionLimits<AnyModel, unknown>): void => {
      this.#check(limits);
    },
    revoke: async ({ principal, connection, target }: Revocation): Promise<void> => {
      this.#parts.assertOpen();
      const named = Object.entries({ principal, connection, target: target?.key }).filter(
        ([, name]) => name !== undefined,
      );
      if (named.length === 0)
        throw new TidemarkError('INVALID_OPTION', 'revoke: expected a principal, a connection or a target, got none.');
      await this.#parts.revocations.revoke(Object.fromEntries(named));
    },
    subjectsOf: (room: Room, where?: Where): readonly Subject[] => this.#subjectsOf(room, where?.branch),
    close: (): void => {
      this.#end();
    },
  });

  get connections(): number {
    return this.#connections.size;
  }

  close(): void {
    this.#end();
    this.#parts.revocations.close();
  }

  #end(): void {
    this.#ending = true;
    for (const connection of [...this.#connections]) connection.close(1001, 'The server is going away.');
    this.#parts.hub.end();
  }

  #assertOpen(): void {
    this.#parts.assertOpen();
    if (this.#ending)
      throw new TidemarkError('CLOSED', 'expected live updates to be served; realtime.close() was called.');
  }

  // ── Following ─────────────────────────────────────────────────────────────────────────────────────────────────

  #follow(target: AnyTarget, options: SubscribeOptions & Where, asker: Asker): ReturnType<Hub['subscribe']> {
    const { hub, keepWatch, options: given, topology } = this.#parts;
    this.#assertOpen();
    keepWatch();
    const subjects = this.#subjects(target, options.branch);
    const topicsNow = (): readonly SubjectKey[] => [
      ...new Set(subjects.flatMap(({ key }) => carriedBy(key, topology, (of) => chainOf(topology, of) ?? [of]))),
    ];
    const keys = subjects.map(({ key }) => key);
    const name = keys.join(', ');
    const computed = subjects.map((subject) => this.#computedTarget(subject)).find((found) => found !== undefined);
    const follow = { name, subjects: keys, topics: topicsNow(), topicsNow, computed };
    const { principal, connection, hooks } = asker;
    const { since, overflow, signal } = options;
    const how: SubscriptionOptions = { since, overflow, signal, hooks };
    if (principal() === undefined) return hub.subscribe(follow, how);
    const { authorize } = given;
    if (authorize === undefined) {
      throw new TidemarkError(
        'UNAUTHORIZED',
        `subscribe to ${name}: the scope has a principal, but createTidemark() was given no authorize().`,
      );
    }
    const bearer = { principal: this.#nameOf(principal()), connection };
    const requested = subjects.map((subject) => this.#requested(subject));
    return hub.subscribe(follow, {
      ...how,
      bearer,
      authorize: (asking) => askAll(authorize, principal(), requested, asking),
    });
  }

  /** A subject as an authorizer is asked about it: with its ids as the model has them. */
  #requested({ kind, type, branch, key }: Subject): RequestedSubject {
    const { types } = this.#parts.topology;
    const [, first = '', second = '', third = ''] = subjectParts(key);
    const id = kind === 'entity' ? types.get(first)?.parseId(second) : undefined;
    const parent = kind === 'list' ? { type: second, id: types.get(second)?.parseId(third) ?? third } : undefined;
    return Object.freeze({ kind, type, id, parent, branch, key });
  }

  #subjects(target: AnyTarget, branch: string | undefined): readonly Subject[] {
    const { subjects, topology } = this.#parts;
    if (Array.isArray(target)) return target as readonly Subject[];
    const one = target as SubscribeTarget<AnyModel>;
    const where = branchOf(topology, branch ?? ('key' in one ? one.branch : undefined));
    return [targetSubject(subjects, one, where)];
  }

  /** The entity that a subscription is about, if it has computed fields. */
  #computedTarget({ kind, type, branch, key }: Subject): ComputedTarget | undefined {
    const plan = this.#parts.topology.types.get(type ?? '');
    const fields = Object.keys(plan?.computed ?? {});
    if (kind !== 'entity' || plan === undefined || fields.length === 0) return undefined;
    return { type: plan.type, id: plan.parseId(subjectParts(key)[2] as string), branch, fields };
  }

  // ── Connections ───────────────────────────────────────────────────────────────────────────────────────────────

  #check({ maxSubscriptions, maxFramesPerMinute, signals }: ConnectionLimits<AnyModel, unknown>): void {
    const { options } = this.#parts;
    this.#assertOpen();
    if (options.authorize === undefined)
      throw new TidemarkError('UNAUTHORIZED', 'connect: createTidemark() was given no authorize().');
    counted('maxSubscriptions', maxSubscriptions, 1);
    counted('maxFramesPerMinute', maxFramesPerMinute, 1);
    if (signals !== undefined && this.#parts.signals === undefined)
      throw new TidemarkError('INVALID_OPTION', 'signals: expected a bus with ephemeral topics, got one without.');
  }

  #connect(options: AnyConnectionOptions): LiveConnection {
    const { random, revocations } = this.#parts;
    this.#check(options);
    const connection = new LiveConnection(randomId(random), options, this.#host);
    this.#connections.add(connection);
    this.#unfollow ??= revocations.follow({
      revoked: (what) => {
        for (const each of [...this.#connections]) {
          const bearer = { principal: this.#nameOf(each.principal), connection: each.id, targets: [] };
          if (what.connection === each.id && concerns(what, bearer)) each.close(4403, 'The connection was revoked.');
        }
      },
    });
    return connection;
  }

  #ended(connection: LiveConnection): void {
    this.#connections.delete(connection);
    if (this.#connections.size > 0) return;
    this.#unfollow?.();
    this.#unfollow = undefined;
  }

  #followFor(target: AnyTarget, options: FollowOptions): ReturnType<Hub['subscribe']> {
    const { since, overflow, branch, ...asker } = options;
    return this.#follow(target, { since, overflow, branch }, asker);
  }

  #nameOf(principal: unknown): string | undefined {
    return this.#parts.options.principalId?.(principal);
  }

  /** A target as a client names it: nothing of it is believed. */
  #resolve(target: FrameTarget, given: string | undefined, { rooms }: AnyConnectionOptions): AnyTarget {
    const { subjects, topology } = this.#parts;
    const branch = branchOf(topology, given);
    if ('room' in target) {
      const room = parseRoomName(target.room);
      if (room === null)
        throw new TidemarkError('INVALID_FRAME', `target.room: expected 'type:id', got '${target.room.slice(0, 40)}'.`);
      const found = rooms === undefined ? this.#subjectsOf(room, branch) : rooms(room, { branch } as never);
      if (found.length > 0) return found;
      throw new TidemarkError('INVALID_FRAME', `target.room: there is nothing in '${target.room.slice(0, 40)}'.`);
    }
    const { type } = target;
    if ('id' in target) return [subjects.entity(type, idOf(target.id), { branch })];
    if (!('parent' in target)) return [subjects.type(type, { branch })];
    const parent = Object.fromEntries(Object.entries(target.parent).map(([link, id]) => [link, idOf(id)]));
    return [subjects.list(type, parent, { branch })];
  }

  #subjectsOf({ type, id }: Room, given: string | undefined): readonly Subject[] {
    const { subjects, topology } = this.#parts;
    const branch = branchOf(topology, given);
    const plan = topology.types.get(type);
    if (plan === undefined) return [];
    const lists = plan.children.map((child) => subjects.list(child, { [type]: id }, { branch }));
    return [subjects.entity(type, id, { branch }), ...lists];
  }
}

const idOf = (id: PlainId): string | number => (typeof id === 'object' ? id.$bigint : id);

/** Yes if every answer is one, until the first of them runs out. */
async function askAll(
  authorize: NonNullable<TideOptions<AnyModel>['authorize']>,
  principal: unknown,
  subjects: readonly RequestedSubject[],
  signal: AbortSignal,
): Promise<Permission> {
  if (subjects.length === 1) return authorize(principal, subjects[0] as RequestedSubject, signal);
  const answers = await Promise.all(subjects.map(async (subject) => authorize(principal, subject, signal)));
  let until = Infinity;
  for (const answer of answers) {
    if (answer === true) continue;
    const untilThen: unknown = typeof answer === 'object' && answer !== null ? answer.until : undefined;
    if (typeof untilThen !== 'number' || Number.isNaN(untilThen)) return false;
    until = Math.min(until, untilThen);
  }
  return until === Infinity ? true : { until };
}
