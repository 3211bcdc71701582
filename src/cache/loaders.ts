import type { EntityLoader, Reader } from '../api.js';
import type { Freshness } from '../call.js';
import { TidemarkError } from '../errors.js';
import type { AnyModel, Id } from '../model.js';
import type { AnyView, Core, Loadable } from './core.js';
import { type Demand, demandOf } from './demand.js';
import { Flight } from './flight.js';
import { type SpatialVerbs, spatialVerbs } from './map-questions.js';
import type { ReadRequest } from './read.js';
import { type Entry, type Place, type Shelf, isExpired, isUnmoved } from './tier.js';

export interface RequestOptions {
  readonly branch: string;
  readonly freshness: Freshness | undefined;
  readonly signal: AbortSignal | undefined;
}

/** What this request was given before: a load under way, or what it came to. */
interface Remembered {
  readonly value: Promise<unknown>;
  readonly flight: Flight;
  /** What the table had heard when it was read, and been told by events. */
  readonly heard: number;
  readonly told: number;
  /** When it was read, by the local clock. */
  readonly at: number;
  entry: Entry | null;
  landed: boolean;
}

/**
 * One request's reads: batched with everybody's by the loads themselves, and remembered for the request, so that tier 1
 * may forget meanwhile. The memo obeys changes: it repeats a value only while none of its marks has moved, whoever
 * moved it, and lets nobody join a load that a change has doomed.
 */
export class RequestReader implements Reader<AnyModel> {
  readonly branch: string;
  readonly signal: AbortSignal | undefined;
  readonly loaders: Readonly<Record<string, EntityLoader<AnyModel, string>>>;
  readonly #core: Core;
  #spatial: SpatialVerbs | undefined;
  readonly #memo = new Map<Shelf, Map<unknown, Remembered>>();
  /** What is left to ask for: a receipt once reached stays so, since this replica's marks include it. */
  #demanded: Demand;

  constructor(core: Core, options: RequestOptions) {
    this.#core = core;
    this.branch = options.branch;
    this.signal = options.signal;
    this.#demanded = demandOf(options.freshness, core.demand);
    this.loaders = Object.freeze(
      Object.fromEntries([...core.topology.types.keys()].map((type) => [type, this.#loader(type)])),
    );
  }

  async get(type: string, id: Id): Promise<never> {
    return this.read(this.#core.record(this.branch, type, id)) as never;
  }

  getMany(type: string, ids: readonly Id[]): Promise<never[]> {
    return Promise.all(ids.map((id) => this.get(type, id)));
  }

  async children(type: string, parent: object): Promise<never> {
    return this.read(this.#core.list(this.branch, type, parent)) as never;
  }

  async view(view: unknown, params: unknown): Promise<never> {
    return this.read(this.#core.view(this.branch, view as AnyView, params)) as never;
  }

  async computed(type: string, id: Id): Promise<never> {
    return this.read(this.#core.computed(this.branch, type, id)) as never;
  }

  get spatial(): SpatialVerbs {
    this.#spatial ??= spatialVerbs(this.#core.map, {
      read: (verb, type, query) => this.read(this.#core.located(this.branch, verb, type, query)),
      readerOf: () => this,
    });
    return this.#spatial;
  }

  peek(type: string, id: Id): unknown {
    return this.#held(this.#core.record(this.branch, type, id))?.value;
  }

  peekChildren(type: string, parent: object): unknown {
    return this.#held(this.#core.list(this.branch, type, parent))?.value;
  }

  peekView(view: unknown, params: unknown): unknown {
    return this.#held(this.#core.view(this.branch, view as AnyView, params))?.value;
  }

  #loader(type: string): EntityLoader<AnyModel, string> {
    return Object.freeze({
      load: (id: Id) => this.get(type, id),
      loadMany: (ids: readonly Id[]) =>
        Promise.all(ids.map((id) => this.get(type, id).catch((error: unknown) => error as Error))),
      of: (parent: object) => this.children(type, parent),
      computed: (id: Id) => this.computed(type, id),
    });
  }

  /** The value, at once if tier 1 holds it. */
  read(what: Loadable): unknown {
    this.#throwIfAborted();
    const held = this.#held(what);
    if (held !== undefined) return held.value;
    const demand = this.#demand();
    const known = this.#memo.get(what.shelf)?.get(what.id);
    if (known === undefined || !this.#mayRepeat(known, demand)) {
      return this.#orAborted(this.#load(this.#core.request(what, demand, null)));
    }
    if (known.landed || known.heard === this.#core.reads.table.heard) return this.#orAborted(known.value);
    return this.#orAborted(this.#join(this.#core.request(what, demand, null), known.flight));
  }

  #held({ shelf, id }: Place): Entry | undefined {
    const { after, strong } = this.#demand();
    return after === null && !strong ? this.#core.held(shelf, id) : undefined;
  }

  #demand(): Demand {
    const { after } = this.#demanded;
    if (after !== null && this.#core.reads.table.reached(after)) this.#demanded = { ...this.#demanded, after: null };
    return this.#demanded;
  }

  #mayRepeat(known: Remembered, demand: Demand): boolean {
    const { table, time } = this.#core.reads;
    const now = time.now();
    if (!known.landed) return known.flight.canJoin(demand, now);
    const { entry } = known;
    if (entry === null || demand.after !== null || demand.strong) return false;
    if (!isUnmoved(entry, table) || isExpired(entry, now)) return false;
    if (table.trusts(entry.cells, now)) return true;
    // The marks cannot be asked: it counts for a while, but not against anything that was heard since.
    const hasHeardNothing = known.heard === table.heard && known.told === table.told;
    return hasHeardNothing && now - known.at < table.maxStalenessMs;
  }

  #load(request: ReadRequest): Promise<unknown> {
    const found = this.#core.reads.start(request);
    if (!(found instanceof Flight)) return Promise.resolve(found.value);
    const { shelf, id } = request;
    let shelved = this.#memo.get(shelf);
    if (shelved === undefined) {
      shelved = new Map<unknown, Remembered>();
      this.#memo.set(shelf, shelved);
    }
    const memo = shelved;
    const { table } = this.#core.reads;
    const remembered: Remembered = {
      flight: found,
      heard: table.heard,
      told: table.told,
      at: this.#core.reads.time.now(),
      entry: null,
      landed: false,
      value: this.#core.reads.landing(request, found).then(
        (outcome) => {
          remembered.entry = outcome.entry;
          remembered.landed = true;
          return outcome.value;
        },
        (error: unknown) => {
          // A failure is not remembered.
          if (memo.get(id) === remembered) memo.delete(id);
          throw error;
        },
      ),
    };
    memo.set(id, remembered);
    return remembered.value;
  }

  /** Changes were heard since the load began: what serves its first reader may be too old for this one. */
  async #join(request: ReadRequest, flight: Flight): Promise<unknown> {
    return (await this.#core.reads.landing(request, flight)).value;
  }

  #throwIfAborted(): void {
    if (this.signal?.aborted === true) throw this.#abortion();
  }

  #abortion(): TidemarkError {
    return new TidemarkError('ABORTED', 'scope: its signal fired.', { cause: this.signal?.reason });
  }

  /** The load goes on for whoever else waits; this request stops waiting. */
  #orAborted(value: Promise<unknown>): Promise<unknown> {
    const { signal } = this;
    if (signal === undefined) return value;
    return new Promise((resolve, reject) => {
      const stopWaiting = this.#core.aborts.on(signal, () => {
        reject(this.#abortion());
      });
      void value.then(resolve, reject).finally(stopWaiting);
    });
  }
}
