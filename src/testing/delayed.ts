import type { Marks, MarksWatcher, Store } from '../contract.js';

/** First in, first out, like one connection: what arrives waits until a test lets it through or loses it. */
class Line {
  /** What waits, oldest first, in words. */
  get waiting(): readonly string[] {
    return this.#waiting.map(({ label }) => label);
  }
  #waiting: { readonly label: string; readonly deliver: () => void; readonly drop: (error: Error) => void }[] = [];
  #flowing = false;

  add(label: string, deliver: () => void, drop: (error: Error) => void = () => {}): void {
    if (this.#flowing) deliver();
    else this.#waiting.push({ label, deliver, drop });
  }

  /** An answer that exists already but is heard of only once it is delivered. */
  answer<T>(label: string, answer: Promise<T>): Promise<T> {
    answer.catch(() => {}); // heard of later, or never
    return new Promise<T>((resolve, reject) => {
      this.add(label, () => resolve(answer), reject);
    });
  }

  deliver(): boolean {
    const next = this.#waiting.shift();
    next?.deliver();
    return next !== undefined;
  }

  drop(error: Error): boolean {
    const next = this.#waiting.shift();
    next?.drop(error);
    return next !== undefined;
  }

  flow(): void {
    this.#flowing = true;
    while (this.deliver());
  }

  hold(): void {
    this.#flowing = false;
  }
}

/** Control over the replies of a wrapped contract. Calls take effect at once; only the caller hears of it later. */
export interface DelayedReplies {
  /** The operations whose replies wait, oldest first. */
  readonly pendingReplies: readonly string[];
  /** Delivers the oldest reply; false if none waits. Its awaiters run as promise jobs. */
  deliverReply(): boolean;
  /** Loses the oldest reply: the operation took effect, but its caller sees it fail with this error. */
  dropReply(error?: Error): boolean;
  /** Delivers all that waits, and from now on without delay. */
  flow(): void;
  /** From now on everything waits. The state at first. */
  hold(): void;
}

export interface DelayedStore extends Store, DelayedReplies {}

export interface DelayedMarks extends Marks, DelayedReplies {
  /** The messages that wait, oldest first: `bump 0:7@e` is partition 0, position 7 of epoch e. */
  readonly pendingMessages: readonly string[];
  /** Delivers the oldest message to the watcher it was meant for; false if none waits. */
  deliverMessage(): boolean;
  /** Loses the oldest message without a trace, as a connection that broke and was not yet noticed does. */
  dropMessage(): boolean;
  /** Tells this replica's watchers that messages may have been lost, behind the messages that wait. */
  gap(partition?: number): void;
}

const lost = (): Error => new Error('the reply was lost');

/**
 * The store as one replica sees it over a slow connection. One line per wrapper; make one for each replica.
 *
 * @example
 * const store = delayedStore(shared.store);
 * const answer = store.getMany(['k']); // read now …
 * store.deliverReply(); // … heard now
 */
export function delayedStore(store: Store): DelayedStore {
  const replies = new Line();
  return {
    capabilities: store.capabilities,
    getMany: (keys) => replies.answer('getMany', store.getMany(keys)),
    setMany: (entries) => replies.answer('setMany', store.setMany(entries)),
    setIfAbsent: (key, value, ttlMs) => replies.answer('setIfAbsent', store.setIfAbsent(key, value, ttlMs)),
    setIfNewer: (key, value, version, ttlMs) =>
      replies.answer('setIfNewer', store.setIfNewer(key, value, version, ttlMs)),
    renewIf: (key, value, ttlMs) => replies.answer('renewIf', store.renewIf(key, value, ttlMs)),
    deleteIf: (key, value) => replies.answer('deleteIf', store.deleteIf(key, value)),
    deleteMany: (keys) => replies.answer('deleteMany', store.deleteMany(keys)),
    scan: async function* (glob) {
      for await (const page of store.scan(glob)) yield await replies.answer('scan', Promise.resolve(page));
    },
    info: (typeOf) => replies.answer('info', store.info(typeOf)),
    close: () => store.close(),
    ...repliesOf(replies),
    get pendingReplies() {
      return replies.waiting;
    },
  };
}

/**
 * Marks as one replica sees them: replies on one connection, messages on another, so that a test can try every order in
 * which the two may arrive. Make one for each replica, around the same marks.
 *
 * @example
 * const marks = delayedMarks(shared.marks);
 * const read = marks.read([subject]); // answered with the token of now …
 * await other.marks.bump([subject], request);
 * marks.deliverMessage(); // … the newer token overtakes it …
 * marks.deliverReply(); // … and the older one must not win
 */
export function delayedMarks(marks: Marks): DelayedMarks {
  const replies = new Line();
  const messages = new Line();
  const watches = new Set<(label: string, tell: (watcher: MarksWatcher) => void) => void>();
  return {
    partitions: marks.partitions,
    fetchFrom: (store, suffix) => {
      const fetch = marks.fetchFrom?.(store, suffix) ?? null;
      return fetch && ((...asked) => replies.answer('fetch', fetch(...asked)));
    },
    read: (subjects) => replies.answer('read', marks.read(subjects)),
    bump: (subjects, request) => replies.answer('bump', marks.bump(subjects, request)),
    heads: () => replies.answer('heads', marks.heads()),
    newEpoch: (partition, ifEpoch) => replies.answer('newEpoch', marks.newEpoch(partition, ifEpoch)),
    watch: (watcher) => {
      const hear = (label: string, tell: (watcher: MarksWatcher) => void): void => {
        messages.add(label, () => {
          if (watches.has(hear)) tell(watcher);
        });
      };
      watches.add(hear);
      const stopped = marks.watch({
        onBump: (bump) => {
          hear(`bump ${String(bump.partition)}:${String(bump.position)}@${bump.epoch}`, (to) => {
            to.onBump(bump);
          });
        },
        onGap: (partition) => {
          hear(gapIn(partition), (to) => {
            to.onGap(partition);
          });
        },
      });
      const watching = stopped.then((stop) => () => {
        watches.delete(hear);
        return stop();
      });
      return replies.answer('watch', watching);
    },
    close: () => marks.close(),
    ...repliesOf(replies, messages),
    get pendingReplies() {
      return replies.waiting;
    },
    get pendingMessages() {
      return messages.waiting;
    },
    deliverMessage: () => messages.deliver(),
    dropMessage: () => messages.drop(lost()),
    gap: (partition) => {
      for (const hear of watches) {
        hear(gapIn(partition), (to) => {
          to.onGap(partition);
        });
      }
    },
  };
}

const gapIn = (partition: number | undefined): string => `gap ${String(partition ?? 'anywhere')}`;

function repliesOf(replies: Line, ...others: readonly Line[]): Omit<DelayedReplies, 'pendingReplies'> {
  return {
    deliverReply: () => replies.deliver(),
    dropReply: (error = lost()) => replies.drop(error),
    flow: () => {
      for (const line of [replies, ...others]) line.flow();
    },
    hold: () => {
      for (const line of [replies, ...others]) line.hold();
    },
  };
}
