import type { After, EntityLoader, Reader } from '../api.js';
import { TidemarkError } from '../errors.js';
import type { AnyModel, Id } from '../model.js';
import type { AnyView, Core, Place, ReadContext } from './core.js';
import { Flight, type Demand } from './flight.js';
import type { ReadRequest } from './read.js';
import { type ReceiptMarks, marksOf } from './receipt.js';
import { type Entry, type Shelf, isExpired, isUnmoved } from './tier.js';

export interface RequestOptions {
  readonly branch: string;
  readonly after: After | undefined;
  readonly signal: AbortSignal | undefined;
}

/** What this request was given before: a load under way, or what it came to. */
interface Remembered {
  readonly value: Promise<unknown>;
  readonly flight: Flight;
  entry: Entry | null;
  landed: boolean;
}

const ANYTHING: Demand = { after: null };

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
  readonly #memo = new Map<Shelf, Map<unknown, Remembered>>();
  #after: ReceiptMarks | null;

  constructor(core: Core, options: RequestOptions) {
    this.#core = core;
    this.branch = options.branch;
    this.signal = options.signal;
    this.#after = marksOf(options.after);
    this.loaders = Object.freeze(
      Object.fromEntries([...core.topology.types.keys()].map((type) => [type, this.#loader(type)])),
    );
  }

  get(type: string, id: Id): Promise<never> {
    return this.#read(
      () => this.#core.recordPlace(this.branch, type, id),
      (context) => this.#core.recordRequest(context, type, id),
    );
  }

  getMany(type: string, ids: readonly Id[]): Promise<never[]> {
    return Promise.all(ids.map((id) => this.get(type, id)));
  }

  children(type: string, parent: object): Promise<never> {
    return this.#read(
      () => this.#core.listPlace(this.branch, type, parent),
      (context) => this.#core.listRequest(context, type, parent),
    );
  }

  view(view: unknown, params: unknown): Promise<never> {
    return this.#read(
      () => this.#core.viewPlace(this.branch, view as AnyView, params),
      (context) => this.#core.viewRequest(context, view as AnyView, params),
    );
  }

  /** One read that is already a request. */
  read(request: (context: ReadContext) => ReadRequest): Promise<unknown> {
    return this.#read(() => request({ branch: this.branch, demand: ANYTHING, into: null }), request);
  }

  #loader(type: string): EntityLoader<AnyModel, string> {
    return Object.freeze({
      load: (id: Id) => this.get(type, id),
      loadMany: (ids: readonly Id[]) =>
        Promise.all(ids.map((id) => this.get(type, id).catch((error: unknown) => error as Error))),
      of: (parent: object) => this.children(type, parent),
    });
  }

  #read(place: () => Place, request: (context: ReadContext) => ReadRequest): Promise<never> {
    try {
      this.#throwIfAborted();
      const { shelf, id } = place();
      const demand = this.#demand();
      if (demand === ANYTHING) {
        const held = this.#core.held(shelf, id);
        if (held !== undefined) return Promise.resolve(held.value as never);
      }
      const known = this.#memo.get(shelf)?.get(id);
      if (known !== undefined && this.#mayRepeat(known, demand)) return this.#orAborted(known.value) as Promise<never>;
      return this.#orAborted(this.#load(request({ branch: this.branch, demand, into: null }))) as Promise<never>;
    } catch (error) {
      return Promise.reject(error instanceof Error ? error : new Error('a read failed', { cause: error }));
    }
  }

  /** A receipt once reached stays so: this replica's marks include it. */
  #demand(): Demand {
    if (this.#after !== null && this.#core.reads.table.reached(this.#after)) this.#after = null;
    return this.#after === null ? ANYTHING : { after: this.#after };
  }

  #mayRepeat(known: Remembered, demand: Demand): boolean {
    if (!known.landed) return known.flight.canJoin(demand.after);
    const { entry } = known;
    const { table, time } = this.#core.reads;
    return entry !== null && demand === ANYTHING && isUnmoved(entry, table) && !isExpired(entry, time.now());
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
    const remembered: Remembered = {
      flight: found,
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
      const abort = (): void => {
        reject(this.#abortion());
      };
      signal.addEventListener('abort', abort, { once: true });
      void value.then(resolve, reject).finally(() => {
        signal.removeEventListener('abort', abort);
      });
    });
  }
}
