import { toError } from '../../realtime/retry.js';
import { encodeCursor } from '../../realtime/cursor.js';
import type { ChangeOp, ResyncItem, SubscriptionItem } from '../../watching.js';

/** What subscribers of an entity are told: a change, a computed field's other value, or that some may have been missed. */
export interface EntityUpdate {
  readonly kind: SubscriptionItem['kind'];
  /** Where this stands: given as `since`, the next subscription goes on behind it, on any replica. */
  readonly cursor: string;
  /**
   * Not null: fetch the present state, then go on. `start`: what was before this subscription is not told. Else changes may be
   * missing, and why.
   */
  readonly resync: 'start' | ResyncItem['reason'] | null;
  readonly changeId: string | null;
  readonly entityType: string | null;
  /** Text, whatever the model has. */
  readonly entityId: string | null;
  readonly branch: string | null;
  readonly op: ChangeOp | 'bulk' | null;
  /** Names of the fields that differ; null where they are not known. */
  readonly fields: readonly string[] | null;
  /** New values of the fields that the model allows to be announced; of a computed field its value. */
  readonly values: Readonly<Record<string, unknown>> | null;
  readonly version: number | null;
  readonly modifiedBy: string | null;
  /** ISO 8601. */
  readonly modifiedAt: string | null;
}

/** In the place of an update: why the subscription ends. Its resolver throws it, so that clients get it as any error. */
export class Ended {
  readonly error: Error;

  constructor(error: Error) {
    this.error = error;
  }
}

type Result = IteratorResult<EntityUpdate | Ended, undefined>;

const DONE: Result = Object.freeze({ done: true, value: undefined });

/** No place in any set of topics: who goes on from it is told where it stands, once it is known and permitted. */
export const NOWHERE = encodeCursor({ topics: 0, place: { positions: [], late: new Map() } });

/** Items as updates, those that pass. What `passes` says is waited for, and what it throws ends the subscription. */
export class Updates implements AsyncIterableIterator<EntityUpdate | Ended, undefined> {
  readonly #items: AsyncIterableIterator<SubscriptionItem>;
  readonly #passes: (update: EntityUpdate) => boolean | PromiseLike<boolean>;
  #first: EntityUpdate | undefined;
  #ended = false;
  /** Answers come in the order of the questions, however long one takes to be judged. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(
    items: AsyncIterableIterator<SubscriptionItem>,
    passes: (update: EntityUpdate) => boolean | PromiseLike<boolean>,
  ) {
    this.#items = items;
    this.#passes = passes;
  }

  /** Resolves once it is permitted and where it starts is known, which is the first update. Rejects with the refusal. */
  async start(): Promise<void> {
    for (;;) {
      const item = await this.#items.next();
      if (item.done === true) {
        this.#ended = true;
        return;
      }
      // Computed fields as they are is nothing that has changed.
      if (item.value.kind !== 'resync') continue;
      this.#first = { ...updateOf(item.value), resync: 'start' };
      return;
    }
  }

  next(): Promise<Result> {
    const next = this.#last.then(() => this.#advance());
    this.#last = next;
    return next;
  }

  async return(): Promise<Result> {
    this.#ended = true;
    await this.#items.return?.();
    return DONE;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Never rejects. */
  async #advance(): Promise<Result> {
    const value = this.#first;
    this.#first = undefined;
    if (value !== undefined && !this.#ended) return { done: false, value };
    try {
      while (!this.#ended) {
        const item = await this.#items.next();
        if (item.done === true) break;
        const update = updateOf(item.value);
        if (update.resync !== null || (await this.#passes(update))) return { done: false, value: update };
      }
    } catch (thrown) {
      await this.return();
      return { done: false, value: new Ended(toError(thrown)) };
    }
    return DONE;
  }
}

const NOTHING: Omit<EntityUpdate, 'kind' | 'cursor'> = {
  resync: null,
  changeId: null,
  entityType: null,
  entityId: null,
  branch: null,
  op: null,
  fields: null,
  values: null,
  version: null,
  modifiedBy: null,
  modifiedAt: null,
};

function updateOf(item: SubscriptionItem): EntityUpdate {
  const { kind, cursor } = item;
  if (kind === 'resync') return { ...NOTHING, kind, cursor, resync: item.reason };
  const { entityType, entityId: id, branch } = item;
  const entity = { kind, cursor, entityType, entityId: id === null ? null : String(id), branch };
  if (kind === 'computed') return { ...NOTHING, ...entity, fields: [item.field], values: { [item.field]: item.after } };
  const { changeId, op, changes, version, modifiedBy, modifiedAt } = item;
  return { ...NOTHING, ...entity, changeId, op, ...changes, version, modifiedBy, modifiedAt };
}
