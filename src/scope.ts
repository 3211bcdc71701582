import type { Receipt } from './call.js';
import type { SubscribeOptions, SubscribeTarget, SubscriptionItem } from './watching.js';
import type { AnyChange } from './cache/change.js';
import type { RequestReader } from './cache/loaders.js';
import type { AnyModel, Id } from './model.js';

/** What a scope asks of the tide it belongs to. */
export interface ScopeHost {
  change(change: AnyChange | readonly AnyChange[]): Promise<Receipt>;
  subscribe(
    target: SubscribeTarget<AnyModel>,
    options: SubscribeOptions & { readonly branch: string; readonly principal: unknown },
  ): AsyncIterableIterator<SubscriptionItem>;
}

/** One request's verbs, types erased: its reads are remembered, its writes and subscriptions are in its branch. */
export class Scope {
  readonly branch: string;
  readonly signal: AbortSignal | undefined;
  readonly principal: unknown;
  readonly loaders: RequestReader['loaders'];
  readonly #tide: ScopeHost;
  readonly #reader: RequestReader;

  constructor(tide: ScopeHost, reader: RequestReader, principal: unknown) {
    this.#tide = tide;
    this.#reader = reader;
    this.branch = reader.branch;
    this.signal = reader.signal;
    this.loaders = reader.loaders;
    this.principal = principal;
  }

  get spatial(): RequestReader['spatial'] {
    return this.#reader.spatial;
  }

  get(type: string, id: Id): Promise<unknown> {
    return this.#reader.get(type, id);
  }

  getMany(type: string, ids: readonly Id[]): Promise<unknown[]> {
    return this.#reader.getMany(type, ids);
  }

  children(type: string, parent: object): Promise<unknown> {
    return this.#reader.children(type, parent);
  }

  view(view: unknown, params: unknown): Promise<unknown> {
    return this.#reader.view(view, params);
  }

  computed(type: string, id: Id): Promise<unknown> {
    return this.#reader.computed(type, id);
  }

  peek(type: string, id: Id): unknown {
    return this.#reader.peek(type, id);
  }

  peekChildren(type: string, parent: object): unknown {
    return this.#reader.peekChildren(type, parent);
  }

  peekView(view: unknown, params: unknown): unknown {
    return this.#reader.peekView(view, params);
  }

  change(change: AnyChange | readonly AnyChange[]): Promise<Receipt> {
    const here = (one: AnyChange): AnyChange => ('subjects' in one ? one : { ...one, branch: this.branch });
    return this.#tide.change(
      Array.isArray(change) ? (change as readonly AnyChange[]).map(here) : here(change as AnyChange),
    );
  }

  subscribe(
    target: SubscribeTarget<AnyModel>,
    options: SubscribeOptions = {},
  ): AsyncIterableIterator<SubscriptionItem> {
    const { branch, principal } = this;
    return this.#tide.subscribe(target, { signal: this.signal, ...options, branch, principal });
  }
}
