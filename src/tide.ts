import type { DeletedByPattern, Explanation, Reader } from './api.js';
import type { Freshness, Receipt } from './call.js';
import type { SubscribeOptions, SubscribeTarget } from './watching.js';
import type { Subject } from './subject.js';
import { branchOf } from './cache/branches.js';
import type { AnyChange, Changer } from './cache/change.js';
import { type AnyView, type Core, type Loadable, OriginReader, keyInBranch } from './cache/core.js';
import type { Chronicle } from './cache/chronicle.js';
import { explainChange } from './cache/explain.js';
import type { KeyedValues } from './cache/keyed.js';
import { RequestReader } from './cache/loaders.js';
import type { Gate } from './cache/gate.js';
import type { Sweeper } from './cache/sweeper.js';
import type { Add, Transactions } from './cache/transactions.js';
import { paramsText } from './cache/params.js';
import { demandOf } from './cache/demand.js';
import type { Clock, Spatial } from './contract.js';
import { TidemarkError } from './errors.js';
import type { Events, TideEventName, TideListener } from './events.js';
import type { ModelFields } from './fields.js';
import type { Inspection } from './inspection.js';
import { inspectionOf } from './inspecting.js';
import type { Live } from './live.js';
import type { AnyModel, Id, Topology } from './model.js';
import type { TideOptions } from './options.js';
import type { Hub } from './realtime/hub.js';
import type { Health, MergedOptions, MergedStats, Stats } from './report.js';
import type { Reports } from './reports.js';
import { metricsOf } from './metering.js';
import type { Metrics } from './metrics.js';
import { RuleBook } from './rule-book.js';
import { type SpatialVerbs, spatialVerbs } from './cache/map-questions.js';
import { Scope } from './scope.js';
import { escapePart, idText } from './subject.js';
import type { AnySubjects } from './subjects.js';

export interface TideParts {
  readonly options: TideOptions<AnyModel>;
  readonly topology: Topology;
  readonly core: Core;
  readonly fields: ModelFields;
  readonly keyed: KeyedValues;
  readonly changer: Changer;
  readonly transactions: Transactions;
  readonly sweeper: Sweeper | null;
  readonly subjects: AnySubjects;
  readonly hub: Hub;
  readonly live: Live;
  readonly events: Events;
  readonly closing: AbortController;
  readonly reports: Reports;
  readonly clock: Clock;
  readonly gates: readonly Gate[];
  readonly chronicle: Chronicle;
  readonly entriesByType: () => Readonly<Record<string, number>>;
}

/** Throws SPATIAL_NOT_READY with everything that is wrong, and what mends it. */
async function checkSpatial({ types, frame }: Topology, spatial: Spatial | undefined): Promise<void> {
  const placed = [...types.values()].filter(({ geometryOf }) => geometryOf !== undefined).map(({ type }) => type);
  const faults = (await spatial?.check(placed, frame)) ?? [];
  if (faults.length === 0) return;
  const lines = faults.map(({ type, what, mend }) => {
    const about = type === null ? what : `${type}: ${what}`;
    return mend === null ? about : `${about}\n  mend: ${mend}`;
  });
  throw new TidemarkError('SPATIAL_NOT_READY', `spatial: expected tables that answer well, got\n${lines.join('\n')}`);
}

/** What any verb may be told, types erased. */
export interface Call extends Freshness {
  readonly branch?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The public verbs, types erased: checks what it is given and passes it to the part that decides. */
export class Tide {
  readonly model: AnyModel;
  readonly subject: AnySubjects;
  readonly cache: ReturnType<Tide['cacheVerbs']>;
  readonly rules: RuleBook;
  readonly realtime: Live['verbs'];
  readonly #parts: TideParts;
  readonly #core: Core;

  constructor(parts: TideParts) {
    this.model = parts.options.model;
    this.#parts = parts;
    this.#core = parts.core;
    this.subject = parts.subjects;
    this.realtime = parts.live.verbs;
    this.cache = this.cacheVerbs();
    this.spatial = spatialVerbs(parts.core.map, {
      read: (verb, type, query, call) =>
        this.#read(this.#core.located(this.#branch(call as Call), verb, type, query), call as Call),
      readerOf: (call) => ({ get: (type, id) => this.get(type, id, call as Call) }),
    });
    const { topology, fields } = parts;
    this.rules = new RuleBook({
      topology,
      core: parts.core,
      fields,
      subjects: this.subject,
      change: (change) => this.change(change),
      assertOpen: () => {
        this.#assertOpen();
      },
    });
  }

  // ── Reading ───────────────────────────────────────────────────────────────────────────────────────────────────

  scope(options: Call & { readonly principal?: unknown } = {}): Scope {
    this.#assertOpen();
    const reader = new RequestReader(this.#core, {
      branch: branchOf(this.#parts.topology, options.branch),
      freshness: options,
      signal: options.signal,
    });
    return new Scope(this, reader, options.principal);
  }

  async get(type: string, id: Id, call?: Call): Promise<unknown> {
    return this.#read(this.#core.record(this.#branch(call), type, id), call);
  }

  getMany(type: string, ids: readonly Id[], call?: Call): Promise<unknown[]> {
    return Promise.all(ids.map((id) => this.get(type, id, call)));
  }

  async children(type: string, parent: object, call?: Call): Promise<unknown> {
    return this.#read(this.#core.list(this.#branch(call), type, parent), call);
  }

  async view(view: AnyView, params: unknown, call?: Call): Promise<unknown> {
    return this.#read(this.#core.view(this.#branch(call), view, params), call);
  }

  async computed(type: string, id: Id, call?: Call): Promise<unknown> {
    return this.#read(this.#core.computed(this.#branch(call), type, id), call);
  }

  readonly spatial: SpatialVerbs;

  /** The value at once if tier 1 holds it. With a demand of its own or a signal: a scope of one read. */
  #read(what: Loadable, call: Call | undefined): unknown {
    const { demand } = this.#core;
    if (call !== undefined && (call.signal !== undefined || demandOf(call, demand) !== demand)) {
      this.#assertOpen();
      const { signal } = call;
      return new RequestReader(this.#core, { branch: what.shelf.branch, freshness: call, signal }).read(what);
    }
    const held = demand.strong ? undefined : this.#core.held(what.shelf, what.id);
    if (held !== undefined) return held.value;
    this.#assertOpen();
    return this.#core.outcome(this.#core.request(what, demand, null)).then(valueOf);
  }

  peek(type: string, id: Id, call?: Call): unknown {
    return this.#core.peek(this.#core.record(this.#branch(call), type, id));
  }

  peekChildren(type: string, parent: object, call?: Call): unknown {
    return this.#core.peek(this.#core.list(this.#branch(call), type, parent));
  }

  peekView(view: AnyView, params: unknown, call?: Call): unknown {
    return this.#core.peek(this.#core.view(this.#branch(call), view, params));
  }

  #branch(call: Call | undefined): string {
    return branchOf(this.#parts.topology, call?.branch);
  }

  // ── Changing ──────────────────────────────────────────────────────────────────────────────────────────────────

  async change(change: AnyChange | readonly AnyChange[]): Promise<Receipt> {
    this.#assertOpen();
    return this.#parts.changer.change(Array.isArray(change) ? (change as readonly AnyChange[]) : [change as AnyChange]);
  }

  async transaction<T>(
    run: (changes: { readonly add: Add; readonly read: Reader<AnyModel> }) => Promise<T>,
    options: { readonly branch?: string | undefined; readonly via?: unknown } = {},
  ): Promise<{ readonly value: T; readonly receipt: Receipt }> {
    this.#assertOpen();
    const { topology, transactions } = this.#parts;
    const { branch, via } = options;
    if (branch !== undefined) branchOf(topology, branch);
    const core = this.#core;
    const whole = (change: AnyChange): AnyChange =>
      'subjects' in change || change.branch !== undefined ? change : { ...change, branch };
    const callback = (add: Add): Promise<T> =>
      run({
        add,
        get read() {
          return new OriginReader(core, branchOf(topology, branch), via);
        },
      });
    return transactions.run(callback, { via, whole });
  }

  explain(change: AnyChange): Explanation {
    const { tier, time } = this.#core.reads;
    return explainChange(this.#parts.changer.plan(change, 'change'), tier, time.now(), this.#parts.hub.counts());
  }

  // ── Watching ──────────────────────────────────────────────────────────────────────────────────────────────────

  subscribe(
    target: SubscribeTarget<AnyModel>,
    options?: SubscribeOptions & Call & { readonly principal?: unknown },
  ): ReturnType<Live['subscribe']> {
    return this.#parts.live.subscribe(target, options);
  }

  // ── By key ────────────────────────────────────────────────────────────────────────────────────────────────────

  key(name: string, params?: unknown): string {
    const prefix = escapePart(idText(name, 'name of the key'));
    return params === undefined ? prefix : `${prefix}:${escapePart(paramsText(params))}`;
  }

  /** `tide.cache`. */
  private cacheVerbs(): {
    get(key: string): Promise<unknown>;
    set(key: string, value: unknown, options?: { readonly ttlMs?: number }): Promise<void>;
    del(key: string): Promise<boolean>;
    delPattern(glob: string): Promise<DeletedByPattern>;
    getOrLoad(key: string, ...rest: readonly unknown[]): Promise<unknown>;
  } {
    const { keyed, topology } = this.#parts;
    return Object.freeze({
      get: async (key: string) => {
        this.#assertOpen();
        return keyed.get(key);
      },
      set: async (key: string, value: unknown, options?: { readonly ttlMs?: number }) => {
        this.#assertOpen();
        await keyed.set(key, value, options?.ttlMs);
      },
      del: async (key: string) => {
        this.#assertOpen();
        return keyed.del(key);
      },
      delPattern: async (glob: string) => {
        this.#assertOpen();
        return keyed.delPattern(glob);
      },
      getOrLoad: async (key: string, ...rest: readonly unknown[]) => {
        this.#assertOpen();
        const [options, load] = (typeof rest[0] === 'function' ? [{}, rest[0]] : rest) as [
          KeyedOptions,
          (reader: Reader<AnyModel>) => unknown,
        ];
        const branch = branchOf(topology, options.branch);
        const context = { branch, demand: demandOf(options, this.#core.demand), into: null };
        return keyed.getOrLoad(context, keyInBranch(topology, key, branch), options, load);
      },
    });
  }

  // ── Living ────────────────────────────────────────────────────────────────────────────────────────────────────

  async ready(): Promise<void> {
    this.#assertOpen();
    const { topology, options } = this.#parts;
    await this.#core.reads.table.start();
    await checkSpatial(topology, options.spatial);
  }

  on<Name extends TideEventName>(event: Name, listener: TideListener<Name>): () => void {
    return this.#parts.events.on(event, listener);
  }

  health(options?: MergedOptions): Promise<Health> {
    const { reports } = this.#parts;
    if (options === undefined) return reports.health();
    return this.#open(() => reports.mergedHealth(options));
  }

  stats(): Stats;
  stats(options: MergedOptions): Promise<MergedStats>;
  stats(options?: MergedOptions): Stats | Promise<MergedStats> {
    const { reports } = this.#parts;
    if (options === undefined) return reports.stats();
    return this.#open(() => reports.mergedStats(options));
  }

  metrics(): Metrics {
    const { clock, hub, live, gates } = this.#parts;
    return metricsOf({ clock, reads: this.#core.reads, hub, live, gates });
  }

  inspect(): Inspection {
    this.#assertOpen();
    return inspectionOf({ ...this.#parts, core: this.#core });
  }

  resetStats(): void {
    this.#core.reads.statistics.reset();
  }

  async close(): Promise<void> {
    const { closing, hub, live, reports, sweeper } = this.#parts;
    if (closing.signal.aborted) return;
    closing.abort(new TidemarkError('CLOSED', 'tide.close() was called.'));
    const { tier, tier2, table, leases } = this.#core.reads;
    tier.clear();
    leases?.close();
    live.close();
    reports.close();
    await sweeper?.close();
    await Promise.all([hub.close(), tier2?.close(), table.close()]);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #open<T>(run: () => Promise<T>): Promise<T> {
    this.#assertOpen();
    return run();
  }

  #assertOpen(): void {
    if (this.#parts.closing.signal.aborted)
      throw new TidemarkError('CLOSED', 'expected an open tide; close() was called.');
  }
}

interface KeyedOptions extends Call {
  readonly ttlMs?: number;
  readonly dependsOn?: readonly Subject[];
}

const valueOf = (outcome: { readonly value: unknown }): unknown => outcome.value;
