import type { ComputedItem, SubscriptionItem } from '../watching.js';
import type { ComputedTarget, ComputedWatch, WatchedEntity } from './computed-watch.js';
import type { Given } from './given.js';
import type { HubSubscription, Subscription, SubscriptionHooks } from './subscription.js';
import { type Shown, type Told, withTold } from './told.js';
import { moved } from './wire.js';

type Result = IteratorResult<SubscriptionItem, undefined>;

export interface ComputedSubscriptionParts {
  /** Subscribes to what changes. */
  readonly begin: (hooks: SubscriptionHooks) => Subscription;
  readonly target: ComputedTarget;
  readonly watch: ComputedWatch;
  /** It goes on from a cursor. */
  readonly resumed: boolean;
  readonly given: Given;
  /** What that cursor says was told; undefined if it does not say. */
  readonly told: Told | undefined;
}

/**
 * A subscription to an entity, and the values of its computed fields. These are levels and no history: what was told last is
 * compared with what is, and the difference told, so that one who falls behind or comes back is told the newest value of what
 * has changed, and nothing else. Nobody's queue grows by it.
 */
export class ComputedSubscription implements HubSubscription {
  readonly #parts: ComputedSubscriptionParts;
  readonly #watched: WatchedEntity;
  readonly #subscription: Subscription;
  readonly #pulls: { readonly resolve: (result: Result) => void; readonly reject: (error: Error) => void }[] = [];
  /** The moment at which it began, where the values of then are not known yet. */
  #began: { readonly moment: unknown } | undefined;
  /**
   * Undefined while nobody knows: who begins looks elsewhere, and may see what was committed and is not announced here yet.
   * If it is undone before it is, nothing here ever differs from what stood: so all is told at the first change.
   */
  #told: Told | undefined;
  /** What stood here when it began. */
  #stood: ReadonlyMap<string, Shown> | undefined;
  #asking = false;

  constructor(parts: ComputedSubscriptionParts) {
    this.#parts = parts;
    const { entity, stop } = parts.watch.follow(parts.target, this.#reread);
    this.#watched = entity;
    const onPermitted = (): void => {
      this.#tell();
    };
    try {
      this.#subscription = parts.begin({ onPermitted, onEnded: stop });
    } catch (refusal) {
      stop();
      throw refusal;
    }
    this.#begin();
    if (!parts.resumed) return;
    // What is not known to have been told is told.
    this.#told = parts.told ?? new Map();
    this.#stood = undefined;
  }

  get isPermitted(): boolean {
    return this.#subscription.isPermitted;
  }

  next(): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#pulls.push({ resolve, reject });
      this.#pump();
    });
  }

  async return(): Promise<Result> {
    const done = await this.#subscription.return();
    this.#end(done);
    return done;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** The fields have been read. */
  readonly #reread = (): void => {
    const { shown } = this.#watched;
    const began = this.#began;
    this.#began = undefined;
    if (this.#told === undefined) {
      if (began !== undefined && this.#watched.wasHeldAt(began.moment)) this.#stood = shown;
      // Whoever looked when it began may have seen others, if they have changed since. That nothing is known to have says
      // little: what was read may have been committed since, and be announced later. The next reading is told whole then.
      else if (began === undefined || !this.#watched.hasStoodSince(began.moment)) this.#told = new Map();
    }
    this.#tell();
  };

  /** Whoever begins here, or looks at everything again, sees what stands now or something newer. */
  #begin(): void {
    const { shown, isCurrent } = this.#watched;
    this.#told = undefined;
    this.#stood = isCurrent ? shown : undefined;
    this.#began = isCurrent ? undefined : { moment: this.#parts.watch.moment(this.#parts.target) };
  }

  #pump(): void {
    if (this.#pulls.length === 0) return;
    this.#ask();
    // Behind what is there already: a change comes before what it makes of the fields.
    queueMicrotask(() => {
      this.#tell();
    });
  }

  #ask(): void {
    if (this.#asking) return;
    this.#asking = true;
    this.#subscription.next().then(
      (result) => {
        this.#asking = false;
        if (result.done === true) this.#end(result);
        else this.#give(result.value);
        this.#pump();
      },
      (error: unknown) => {
        this.#asking = false;
        this.#pulls.shift()?.reject(error as Error);
        this.#pump();
      },
    );
  }

  #give(item: SubscriptionItem): void {
    if (item.kind === 'resync') this.#begin();
    const value = moved(item, withTold(item.cursor, this.#told));
    this.#pulls.shift()?.resolve({ done: false, value });
  }

  #tell(): void {
    const subscription = this.#subscription;
    while (this.#pulls.length > 0 && !subscription.ended && subscription.isPermitted) {
      const item = this.#next();
      if (item === undefined) return;
      this.#parts.given.add(item);
      this.#pulls.shift()?.resolve({ done: false, value: item });
    }
  }

  /** The first field that differs from what was told. */
  #next(): ComputedItem | undefined {
    const { shown } = this.#watched;
    const told = this.#told;
    if (shown === undefined || told === undefined || this.#began !== undefined) return undefined;
    for (const [field, now] of shown) {
      if (told.get(field)?.digest === now.digest) continue;
      const before = told.get(field) ?? this.#stood?.get(field);
      const { type, id, branch } = this.#parts.target;
      this.#told = new Map(told).set(field, now);
      return Object.freeze({
        kind: 'computed',
        cursor: withTold(this.#subscription.cursor, this.#told),
        entityType: type,
        entityId: id,
        branch,
        field,
        ...(before !== undefined && 'value' in before ? { before: before.value } : {}),
        after: now.value,
      });
    }
    return undefined;
  }

  #end(result: Result): void {
    for (const { resolve } of this.#pulls.splice(0)) resolve(result);
  }
}
