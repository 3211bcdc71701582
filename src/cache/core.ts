import type { Aborts } from '../aborts.js';
import type { AnyRow, Id, Topology } from '../model.js';
import type { AnyModel } from '../model.js';
import type { Reader, View, ViewParams } from '../api.js';
import { TidemarkError } from '../errors.js';
import { type Footprint, escapePart, rulesSubject } from '../subject.js';
import type { Batches } from './batch.js';
import { type RowSpace, checkedId, visible } from './row-space.js';
import { chainOf } from './branches.js';
import { carriedBy, planOf, spatialSubjects } from './cascade.js';
import { type Derivation, type DeriveOptions, derive } from './derive.js';
import type { Demand } from './demand.js';
import type { Flight, Outcome } from './flight.js';
import type { Deadline } from './origin.js';
import { paramsText } from './params.js';
import type { ReadRequest, Reads } from './read.js';
import type { Gate } from './gate.js';
import { type MapAnswer, type MapQuestions, type SpatialVerbs, spatialVerbs } from './map-questions.js';
import { type SpaceOptions, type TypeSpaces, rulesSpace, spacesOf, viewSpace } from './spaces.js';
import { type Entry, type Lifetime, type Place, type Shelf, type Space, checkTtl } from './tier.js';

export type AnyView = View<AnyModel, ViewParams, unknown>;

/** In which branch, how new, and for which load a read is. */
export interface ReadContext {
  readonly branch: string;
  readonly demand: Demand;
  readonly into: Flight | null;
}

/** A place, and how its value is loaded. */
export interface Loadable extends Place {
  /** Called at most once per flight, and only on a miss. */
  readonly begin: (flight: Flight) => Promise<Outcome>;
}

/** How computed fields are computed, through a reader whose reads become marks of the value. */
export interface Fields {
  rules(type: string, scope: string, reader: BoundReader): Promise<unknown>;
  compute(
    reader: BoundReader,
    type: string,
    id: Id,
  ): Promise<{ readonly value: AnyRow | null; readonly ttlMs: number | undefined }>;
}

export interface CoreOptions {
  readonly topology: Topology;
  readonly reads: Reads;
  readonly batches: Batches;
  readonly deadline: Deadline;
  readonly gate: Gate;
  /** What reads ask for that say nothing themselves. */
  readonly demand: Demand;
  readonly lifetimeOf: (kind: Space['kind']) => Lifetime;
  readonly map: MapQuestions;
  readonly fields: Fields;
}

/** The spaces of a model and the reads through them, types erased. */
export class Core {
  readonly topology: Topology;
  readonly reads: Reads;
  readonly aborts: Aborts;
  readonly demand: Demand;
  readonly map: MapQuestions;
  readonly #options: CoreOptions;
  readonly #spaces = new Map<string, TypeSpaces>();
  readonly #spaceOptions: SpaceOptions;
  readonly #rules: Space;
  readonly #views = new Map<string, { readonly view: AnyView; readonly space: Space }>();
  readonly #deriving: DeriveOptions;

  constructor(options: CoreOptions) {
    this.#options = options;
    this.topology = options.topology;
    this.reads = options.reads;
    this.aborts = options.deadline.aborts;
    this.demand = options.demand;
    this.map = options.map;
    this.#deriving = {
      ...options,
      readerFor: (branch, flight, patience) =>
        new BoundReader(this, { branch, demand: flight.demand, into: flight }, patience),
    };
    this.#spaceOptions = { statistics: options.reads.statistics, lifetimeOf: options.lifetimeOf };
    this.#rules = rulesSpace(this.#spaceOptions);
    for (const plan of options.topology.types.values()) this.#spaces.set(plan.type, spacesOf(plan, this.#spaceOptions));
  }

  // ── What can be read ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The id is not checked yet: one that is none is simply not held. */
  record(branch: string, type: string, id: unknown): Loadable {
    const shelf = this.#shelf(this.#of(type).records, branch);
    return { shelf, id, begin: this.#options.batches.begin };
  }

  list(branch: string, type: string, parent: object): Loadable {
    const links = this.#of(type).lists;
    const given = Object.entries(parent).filter(([, id]) => id !== undefined);
    const [name, id] = given[0] ?? [];
    const space = name === undefined ? undefined : links.get(name);
    if (space === undefined || given.length !== 1) {
      const known =
        [...links.keys()].map((link) => `{ ${link}: id }`).join(' or ') || 'nothing: the type has no parents';
      const got = given.map(([field]) => field).join(', ') || 'none';
      throw new TidemarkError('UNKNOWN_PARENT', `children of '${type}': expected one parent as ${known}, got ${got}.`);
    }
    return { shelf: this.#shelf(space, branch), id, begin: this.#options.batches.begin };
  }

  view(branch: string, view: AnyView, params: unknown): Loadable {
    let known = this.#views.get(view.name);
    if (known === undefined) {
      checkTtl(view.ttlMs, `view '${view.name}'`);
      const space = viewSpace(view.name, this.#spaceOptions);
      known = { view, space };
      this.#views.set(view.name, known);
    }
    if (known.view !== view) {
      throw new TidemarkError(
        'INVALID_MODEL',
        `view '${view.name}': two views have this name; define it once and share it.`,
      );
    }
    const place = { shelf: this.#shelf(known.space, branch), id: paramsText(params) };
    return this.derived(branch, place, {
      dependsOn: view.dependsOn as Derivation['dependsOn'],
      params,
      ttlMs: () => view.ttlMs,
      load: view.load as Derivation['load'],
    });
  }

  /** The values of an entity's computed fields. */
  computed(branch: string, type: string, id: Id): Loadable {
    const place = { shelf: this.#shelf(this.#of(type).computed, branch), id };
    let lifeMs: number | undefined;
    return this.derived(branch, place, {
      dependsOn: undefined,
      ttlMs: () => lifeMs,
      load: async (reader) => {
        const { value, ttlMs } = await this.#options.fields.compute(reader as BoundReader, type, id);
        lifeMs = ttlMs;
        return value;
      },
    });
  }

  /** The rules of a type in a scope. */
  rules(branch: string, type: string, scope: string): Loadable {
    const { fields, topology } = this.#options;
    const place = { shelf: this.#shelf(this.#rules, branch), id: `${escapePart(type)}:${escapePart(scope)}` };
    return this.derived(branch, place, {
      dependsOn: undefined,
      also: (chain) => carriedBy(rulesSubject(type, scope, branch), topology, () => chain),
      ttlMs: () => undefined,
      load: (reader) => fields.rules(type, scope, reader as BoundReader),
    });
  }

  /** An answer about where entities of a type are. Throws INVALID_GEOMETRY for a type without, or a malformed query. */
  located(branch: string, verb: string, type: string, query: unknown): Loadable {
    const question = this.map.question(verb, planOf(this.topology, type), query);
    const { text, unheard } = question;
    const place = { shelf: this.#shelf(this.#of(type).located, branch), id: text };
    let answer: MapAnswer | null = null;
    return this.derived(branch, place, {
      dependsOn: undefined,
      also: (chain) => spatialSubjects(type, question.footprint() ?? NOWHERE, chain),
      located: {
        area: () => answer?.area ?? question.area(),
        late: (chain) => (answer?.footprint ? spatialSubjects(type, answer.footprint, chain) : []),
      },
      ttlMs: () => undefined,
      unheard,
      load: async (reader) => {
        answer = await question.answer(branch, reader);
        return answer.rows;
      },
    });
  }

  /** A value of the host's own function, whose reads are in this branch. */
  derived(branch: string, { shelf, id }: Place, what: Derivation): Loadable {
    return { shelf, id, begin: (flight) => derive(this.#deriving, flight, branch, what) };
  }

  #shelf(space: Space, branch: string): Shelf {
    return space.shelves.get(branch) ?? this.reads.shelfOf(space, branch, chainOf(this.topology, branch) !== null);
  }

  /** Throws UNKNOWN_TYPE, naming the types there are. */
  #of(type: string): TypeSpaces {
    return this.#spaces.get(type) ?? (this.#spaces.get(planOf(this.topology, type).type) as TypeSpaces);
  }

  // ── Reading ───────────────────────────────────────────────────────────────────────────────────────────────────

  /** Throws BLANK_ID for a record or list whose id is none. */
  request({ shelf, id, begin }: Loadable, demand: Demand, into: Flight | null): ReadRequest {
    const { kind, name } = shelf.space;
    if (kind === 'record' || kind === 'list' || (kind === 'computed' && shelf.space !== this.#rules))
      checkedId(name, id);
    return { shelf, id, demand, into, begin };
  }

  outcome(request: ReadRequest): Promise<Outcome> {
    return this.reads.outcome(request);
  }

  /** The fresh value held in tier 1, or undefined. */
  peek({ shelf, id }: Place): unknown {
    return this.held(shelf, id)?.value;
  }

  held(shelf: Shelf, id: unknown): Entry | undefined {
    const entry = this.reads.servable(shelf, id);
    if (entry !== undefined) {
      entry.visited = true;
      shelf.space.counter.hits++;
    }
    return entry;
  }

  // ── Past every cache ──────────────────────────────────────────────────────────────────────────────────────────

  /** Records straight from the origin, for a transaction: neither from nor into a cache, joining nothing. */
  async askRecords(branch: string, via: unknown, type: string, ids: readonly unknown[]): Promise<(AnyRow | null)[]> {
    const space = this.#of(type).records;
    if (ids.length === 0) return [];
    const answers = await this.#options.batches.ask(
      space,
      ids.map((id) => checkedId(type, id)),
      { branch, via },
    );
    return answers.map((answer) => {
      if (answer instanceof Error) throw answer;
      return visible(space.plan, answer) as AnyRow | null;
    });
  }

  /** Every row of a type, for an index kept beside the cache. */
  askAll(branch: string, type: string): Promise<readonly AnyRow[]> {
    return this.#options.batches.askAll(this.#of(type).records, branch);
  }

  async askChildren(branch: string, via: unknown, type: string, parent: object): Promise<readonly AnyRow[]> {
    const { shelf, id } = this.list(branch, type, parent);
    const space = shelf.space as RowSpace;
    const [answer] = await this.#options.batches.ask(space, [checkedId(type, id)], { branch, via });
    if (answer instanceof Error) throw answer;
    return visible(space.plan, answer ?? []) as readonly AnyRow[];
  }
}

/** What a reader's owner gives it; `progressed` is called after each read. */
export interface ReadWithin {
  readonly signal: AbortSignal | undefined;
  readonly progressed?: () => void;
}

/** A reader for one load: its reads become the load's marks. */
export class BoundReader implements Reader<AnyModel> {
  readonly branch: string;
  readonly signal: AbortSignal | undefined;
  readonly #core: Core;
  readonly #context: ReadContext;
  readonly #progressed: (() => void) | undefined;

  constructor(core: Core, context: ReadContext, within: ReadWithin) {
    this.#core = core;
    this.#context = context;
    this.branch = context.branch;
    this.signal = within.signal;
    this.#progressed = within.progressed;
  }

  get(type: string, id: Id): Promise<never> {
    return this.#value(() => this.#core.record(this.branch, type, id));
  }

  getMany(type: string, ids: readonly Id[]): Promise<never[]> {
    return Promise.all(ids.map((id) => this.get(type, id)));
  }

  children(type: string, parent: object): Promise<never> {
    return this.#value(() => this.#core.list(this.branch, type, parent));
  }

  view(view: unknown, params: unknown): Promise<never> {
    return this.#value(() => this.#core.view(this.branch, view as AnyView, params));
  }

  computed(type: string, id: Id): Promise<never> {
    return this.#value(() => this.#core.computed(this.branch, type, id));
  }

  /** The rules of a type's computed fields that hold in a scope. */
  rules(type: string, scope: string): Promise<never> {
    return this.#value(() => this.#core.rules(this.branch, type, scope));
  }

  get spatial(): SpatialVerbs {
    return spatialVerbs(this.#core.map, {
      read: (verb, type, query) => this.#value(() => this.#core.located(this.branch, verb, type, query)),
      readerOf: () => this,
    });
  }

  async #value(what: () => Loadable): Promise<never> {
    const { demand, into } = this.#context;
    const { value } = await this.#core.outcome(this.#core.request(what(), demand, into));
    this.#progressed?.();
    return value as never;
  }
}

/** A reader inside a transaction. */
export class OriginReader implements Reader<AnyModel> {
  readonly branch: string;
  readonly signal = undefined;
  readonly #core: Core;
  readonly #via: unknown;

  constructor(core: Core, branch: string, via: unknown) {
    this.#core = core;
    this.branch = branch;
    this.#via = via;
  }

  async get(type: string, id: Id): Promise<never> {
    const [row] = await this.#core.askRecords(this.branch, this.#via, type, [id]);
    return row as never;
  }

  async getMany(type: string, ids: readonly Id[]): Promise<never[]> {
    return (await this.#core.askRecords(this.branch, this.#via, type, ids)) as never[];
  }

  async children(type: string, parent: object): Promise<never> {
    return (await this.#core.askChildren(this.branch, this.#via, type, parent)) as never;
  }

  /** An index shows what is committed: inside a transaction it would answer beside it. */
  get spatial(): SpatialVerbs {
    return spatialVerbs(this.#core.map, {
      read: () => {
        throw outsideTransaction();
      },
      readerOf: () => this,
    });
  }

  /** Rules look at what is committed. */
  computed(): Promise<never> {
    return Promise.reject(
      new TidemarkError('ORIGIN_MISSING', 'changes.read.computed: computed fields are not read inside a transaction.'),
    );
  }

  async view(view: unknown, params: unknown): Promise<never> {
    return (await (view as AnyView).load(this, params as ViewParams)) as never;
  }
}

function outsideTransaction(): TidemarkError {
  return new TidemarkError(
    'ORIGIN_MISSING',
    'changes.read.spatial: the embedded index cannot answer inside a transaction.',
  );
}

/** Where the answer is not known to come from yet: only the marks of everything of the type. */
const NOWHERE: Footprint = { cells: [], ancestors: [] };

/** An escaped branch after a key of the host's own, so that branches never share a loaded value. */
export function keyInBranch(topology: Topology, key: string, branch: string): string {
  return topology.parentOf === undefined ? key : `${key}:${escapePart(branch)}`;
}
