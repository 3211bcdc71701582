import type { Receipt, SubscribeOptions, SubscribeTarget } from './api.js';
import type { AnyChange } from './cache/change.js';
import type { RequestReader } from './cache/loaders.js';
import type { AnyModel, Id } from './model.js';
import type { Tide } from './tide.js';

/** One request's verbs, types erased: its reads are remembered, its writes and subscriptions are in its branch. */
export class Scope {
  readonly branch: string;
  readonly signal: AbortSignal | undefined;
  readonly principal: unknown;
  readonly loaders: RequestReader['loaders'];
  readonly #tide: Tide;
  readonly #reader: RequestReader;

  constructor(tide: Tide, reader: RequestReader, principal: unknown) {
    this.#tide = tide;
    this.#reader = reader;
    this.branch = reader.branch;
    this.signal = reader.signal;
    this.loaders = reader.loaders;
    this.principal = principal;
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

  change(change: AnyChange | readonly AnyChange[]): Promise<Receipt> {
    const here = (one: AnyChange): AnyChange => ('subjects' in one ? one : { ...one, branch: this.branch });
    return this.#tide.change(
      Array.isArray(change) ? (change as readonly AnyChange[]).map(here) : here(change as AnyChange),
    );
  }

  subscribe(target: SubscribeTarget<AnyModel>, options: SubscribeOptions = {}): ReturnType<Tide['subscribe']> {
    const { branch, principal } = this;
    return this.#tide.subscribe(target, { signal: this.signal, ...options, branch, principal });
  }
}
