import type { Bus, Clock, EntityOrigin, Fetch, Marks, Outbox, Spatial, Store } from '../contract.js';

/** How a wrapped contract misbehaves. All of it can be changed while it runs, by the {@link Chaos} it becomes. */
export interface ChaosOptions {
  /** Uniform in [0, 1), such as `seededRandom(7)`: the same misfortune for the same seed. */
  readonly random: () => number;
  /** Measures delays; a `fakeClock()` in tests. */
  readonly clock: Pick<Clock, 'after'>;
  /** The share of calls that fail, 0 to 1. Default 0. */
  readonly failRate?: number | undefined;
  /** Of the calls that fail, the share that took effect first, as when a reply is lost. Default 0. */
  readonly lostReplyRate?: number | undefined;
  /** What every call takes besides: exactly so long, or something between the two. Default 0. */
  readonly delayMs?: number | readonly [least: number, most: number] | undefined;
  /** What a failed call rejects with. Default: an Error that names the operation. */
  readonly error?: ((operation: string) => Error) | undefined;
}

/** In the hands of a test. */
export interface Chaos {
  /** From now on every call fails. */
  failAlways(): void;
  /** From now on no call fails. */
  failNever(): void;
  /** From now on this share of calls fails, 0 to 1. */
  fail(rate: number): void;
  /** From now on every call takes so long besides: exactly `leastMs`, or something up to `mostMs`. */
  delay(leastMs: number, mostMs?: number): void;
  /** Calls so far, and how many of them failed, since it was made. */
  readonly calls: number;
  readonly failures: number;
}

type Call = <T>(operation: string, run: () => T | PromiseLike<T>) => Promise<T>;

/**
 * A store that fails, loses replies and is slow, in the spirit of the chaos wrappers of FusionCache and bentocache.
 * With neither a rate nor a delay it is the store it wraps.
 *
 * @example
 * const store = chaosStore(memoryStore(), { random: seededRandom(7), clock, failRate: 0.1, delayMs: [5, 50] });
 * const tide = createTidemark({ model, origin, store }); // a tenth of its store calls fail
 * store.failAlways(); // … and now all of them
 */
export function chaosStore(store: Store, options: ChaosOptions): Store & Chaos {
  const { call, chaos } = createChaos(options);
  return withChaos<Store>(
    {
      getMany: (keys) => call('store.getMany', () => store.getMany(keys)),
      setMany: (entries) => call('store.setMany', () => store.setMany(entries)),
      setIfAbsent: (key, value, ttlMs) => call('store.setIfAbsent', () => store.setIfAbsent(key, value, ttlMs)),
      setIfNewer: (key, value, version, ttlMs) =>
        call('store.setIfNewer', () => store.setIfNewer(key, value, version, ttlMs)),
      renewIf: (key, value, ttlMs) => call('store.renewIf', () => store.renewIf(key, value, ttlMs)),
      deleteIf: (key, value) => call('store.deleteIf', () => store.deleteIf(key, value)),
      deleteMany: (keys) => call('store.deleteMany', () => store.deleteMany(keys)),
      scan: async function* (glob) {
        const pages = store.scan(glob)[Symbol.asyncIterator]();
        for (;;) {
          const page = await call('store.scan', () => pages.next());
          if (page.done === true) return;
          yield page.value;
        }
      },
      info: (typeOf) => call('store.info', () => store.info(typeOf)),
      close: () => store.close(),
    },
    chaos,
  );
}

/**
 * The same for marks. What watchers are told is left alone: a watcher must never miss a message without a gap, and
 * `delayedMarks` is for losing some.
 *
 * @example
 * const marks = chaosMarks(shared.marks, { random: seededRandom(7), clock, lostReplyRate: 1, failRate: 0.2 });
 * await marks.bump(subjects, request); // one in five rejects although the bump was executed
 */
export function chaosMarks(marks: Marks, options: ChaosOptions): Marks & Chaos {
  const { call, chaos } = createChaos(options);
  return withChaos<Marks>(
    {
      partitions: marks.partitions,
      fetchFrom: (store, suffix) => {
        const fetch = marks.fetchFrom?.(store, suffix) ?? null;
        const disturbed: Fetch = (...asked) => call('marks.fetch', () => (fetch as Fetch)(...asked));
        return fetch === null ? null : disturbed;
      },
      read: (subjects) => call('marks.read', () => marks.read(subjects)),
      bump: (subjects, request) => call('marks.bump', () => marks.bump(subjects, request)),
      heads: () => call('marks.heads', () => marks.heads()),
      newEpoch: (partition, ifEpoch) => call('marks.newEpoch', () => marks.newEpoch(partition, ifEpoch)),
      watch: (watcher) => call('marks.watch', () => marks.watch(watcher)),
      close: () => marks.close(),
    },
    chaos,
  );
}

/** The same for a bus. Messages are left alone; publishing, subscribing and reading history fail and are slow. */
export function chaosBus(bus: Bus, options: ChaosOptions): Bus & Chaos {
  const { call, chaos } = createChaos(options);
  return withChaos<Bus>(
    {
      publish: (topic, bytes, message) => call('bus.publish', () => bus.publish(topic, bytes, message)),
      subscribe: (topic, listener) => call('bus.subscribe', () => bus.subscribe(topic, listener)),
      read: (topic, since, limit) => call('bus.read', () => bus.read(topic, since, limit)),
      ephemeral: bus.ephemeral,
      close: () => bus.close(),
    },
    chaos,
  );
}

/** The same for an outbox. Of a sweep that loses its reply the rows are applied, and what became of them is remembered. */
export function chaosOutbox(outbox: Outbox, options: ChaosOptions): Outbox & Chaos {
  const { call, chaos } = createChaos(options);
  return withChaos<Outbox>(
    {
      add: (via, rows) => call('outbox.add', () => outbox.add(via, rows)),
      committed: (ids) => call('outbox.committed', () => outbox.committed(ids)),
      remove: (ids) => call('outbox.remove', () => outbox.remove(ids)),
      sweep: (sweepOptions, apply) => call('outbox.sweep', () => outbox.sweep(sweepOptions, apply)),
      info: () => call('outbox.info', () => outbox.info()),
      close: () => outbox.close(),
    },
    chaos,
  );
}

/** The same for a spatial back end. */
export function chaosSpatial(spatial: Spatial, options: ChaosOptions): Spatial & Chaos {
  const { call, chaos } = createChaos(options);
  return withChaos<Spatial>(
    {
      find: (ask) => call('spatial.find', () => spatial.find(ask)),
      distance: (a, b, system) => call('spatial.distance', () => spatial.distance(a, b, system)),
      overlaps: (a, b, system) => call('spatial.overlaps', () => spatial.overlaps(a, b, system)),
      check: (types, system) => call('spatial.check', () => spatial.check(types, system)),
    },
    chaos,
  );
}

/**
 * The same for an origin: every loader of every type. `all` fails or waits once, before its first row.
 *
 * @example
 * const db = chaosOrigin(fakeOrigin(rows).origin, { random: seededRandom(7), clock, delayMs: [1, 400] });
 * const tide = createTidemark({ model, origin: db.origin });
 */
export function chaosOrigin<Origin extends Readonly<Record<string, object>>>(
  origin: Origin,
  options: ChaosOptions,
): { readonly origin: Origin } & Chaos {
  const { call, chaos } = createChaos(options);
  const disturbed = Object.entries(origin).map(([type, loaders]) => [type, disturb(type, loaders as AnyLoaders, call)]);
  return withChaos({ origin: Object.fromEntries(disturbed) as Origin }, chaos);
}

type AnyLoaders = Partial<EntityOrigin<unknown, unknown>>;

function disturb(type: string, loaders: AnyLoaders, call: Call): AnyLoaders {
  const { byIds, all, childrenOf } = loaders;
  const links = Object.entries(childrenOf ?? {}).map(([parent, children]) => [
    parent,
    (ids: readonly unknown[], context: never) =>
      call(`origin.${type}.childrenOf.${parent}`, () => children.call(childrenOf, ids, context)),
  ]);
  return {
    ...loaders,
    ...(byIds && { byIds: (ids, context) => call(`origin.${type}.byIds`, () => byIds.call(loaders, ids, context)) }),
    ...(all && {
      all: async function* (context) {
        yield* await call(`origin.${type}.all`, () => all.call(loaders, context));
      },
    }),
    ...(childrenOf && { childrenOf: Object.fromEntries(links) as AnyLoaders['childrenOf'] }),
  };
}

/** Counts stay live: a spread would copy them. */
function withChaos<Part extends object>(part: Part, chaos: Chaos): Part & Chaos {
  return Object.defineProperties(part, Object.getOwnPropertyDescriptors(chaos)) as Part & Chaos;
}

function createChaos(options: ChaosOptions): { readonly call: Call; readonly chaos: Chaos } {
  const { random, clock, lostReplyRate = 0 } = options;
  const error = options.error ?? ((operation: string) => new Error(`${operation}: failed by chance`));
  let failRate = options.failRate ?? 0;
  let [least, most] = typeof options.delayMs === 'object' ? options.delayMs : [options.delayMs ?? 0, undefined];
  let calls = 0;
  let failures = 0;

  const call: Call = async (operation, run) => {
    calls++;
    const fails = random() < failRate;
    const takesEffect = !fails || random() < lostReplyRate;
    const delayMs = least + ((most ?? least) - least) * random();
    if (delayMs > 0) await new Promise<void>((resolve) => clock.after(delayMs, resolve));
    if (!takesEffect) {
      failures++;
      throw error(operation);
    }
    const result = await run();
    if (!fails) return result;
    failures++;
    throw error(operation);
  };
  return {
    call,
    chaos: {
      failAlways: () => {
        failRate = 1;
      },
      failNever: () => {
        failRate = 0;
      },
      fail: (rate) => {
        failRate = rate;
      },
      delay: (leastMs, mostMs) => {
        least = leastMs;
        most = mostMs;
      },
      get calls() {
        return calls;
      },
      get failures() {
        return failures;
      },
    },
  };
}
