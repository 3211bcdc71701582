import { Aborts } from './aborts.js';
import { memory } from './adapters/memory/index.js';
import type { Tidemark } from './api.js';
import { Batches } from './cache/batch.js';
import { chainOf } from './cache/branches.js';
import { planOf } from './cache/cascade.js';
import { Calls } from './cache/calls.js';
import { Changer } from './cache/change.js';
import { Chronicle } from './cache/chronicle.js';
import { computedSource } from './cache/computed-source.js';
import { typedJson } from './cache/codec.js';
import { Core } from './cache/core.js';
import { ANYTHING, demandOf } from './cache/demand.js';
import { subjectsOfEntry } from './cache/entry.js';
import { Gate } from './cache/gate.js';
import { KeyedValues } from './cache/keyed.js';
import { Leases } from './cache/leases.js';
import { Moves } from './cache/moves.js';
import { MarkTable } from './cache/marks.js';
import type { AnyEntityOrigin, Deadline } from './cache/origin.js';
import { Reads } from './cache/read.js';
import { Statistics } from './cache/stats.js';
import { Sweeper } from './cache/sweeper.js';
import { Transactions } from './cache/transactions.js';
import { entriesIn } from './cache/local.js';
import { type Entries, type Entry, type Lifetime, type Space, Tier } from './cache/tier.js';
import { Tier2 } from './cache/tier2.js';
import { CoarseClock, createRandom, randomId, systemClock } from './clock.js';
import { TidemarkError } from './errors.js';
import { createEvents } from './events.js';
import { ModelFields } from './fields.js';
import { fingerprintOf } from './fingerprint.js';
import type { SubjectKey } from './contract.js';
import type { AnyModel } from './model.js';
import { namespacedBus, namespacedMarks } from './namespace.js';
import { type TideOptions, checkOptions } from './options.js';
import { Live } from './live.js';
import { Reports } from './reports.js';
import { createHub } from './realtime/hub.js';
import { Signals } from './realtime/signals.js';
import { Revocations } from './realtime/revocations.js';
import { boxOfCell } from './spatial/cells.js';
import { outside } from './spatial/finder.js';
import { Indexes } from './spatial/indexes.js';
import { mapQuestions, placeIn } from './spatial/locate.js';
import { shapeOfBox } from './spatial/shape.js';
import { escapePart, partitionOf } from './subject.js';
import { createSubjects } from './subjects.js';
import { Tide } from './tide.js';
import { Traces } from './traces.js';

const MARKS_PER_ENTRY = 16;

/**
 * Declares nothing, connects nothing: brings the parts together. The only place where they meet.
 * Throws INVALID_OPTION or UNKNOWN_TYPE at once for options that cannot work.
 *
 * @example
 * const tide = createTidemark({ model, origin: { settlement: { byIds: (ids) => db.settlementsByIds(ids) } } });
 * await tide.get('settlement', 's1');
 */
export function createTidemark<M extends AnyModel, Principal = unknown>(
  options: TideOptions<M, Principal>,
): Tidemark<M, Principal> {
  return assemble(options as unknown as TideOptions<AnyModel>) as unknown as Tidemark<M, Principal>;
}

function assemble(options: TideOptions<AnyModel>): Tide {
  checkOptions(options);
  const { model, clock = systemClock, random = createRandom(), store = null, codec = typedJson } = options;
  const { topology } = model;
  const events = createEvents();
  const { namespace } = options;
  const prefix = namespace === undefined ? '' : `${escapePart(namespace)}:`;
  const local = memory({ clock, random });
  const marks = within(namespace, options.marks ?? local.marks, namespacedMarks);
  const bus = within(namespace, options.bus ?? local.bus, namespacedBus);

  const time = new CoarseClock(clock);
  const statistics = new Statistics({ clock, enabled: options.metrics ?? true });
  statistics.listenTo(events);
  const traces = new Traces();
  const chronicle = new Chronicle();
  const { frame } = topology;
  const indexes: Indexes = new Indexes({
    system: frame,
    chainOf: (branch) => chainOf(topology, branch),
    all: (branch, type) => core.askAll(branch, type),
    byIds: (branch, type, ids) => core.askRecords(branch, undefined, type, ids),
  });
  const storeTimeoutMs = options.storeTimeoutMs ?? 1000;
  const maxStalenessMs = options.maxStalenessMs ?? 3000;
  const table = new MarkTable({
    marks,
    clock,
    time,
    random,
    events,
    timeoutMs: storeTimeoutMs,
    maxStalenessMs,
    fetch: store === null ? null : (marks.fetchFrom?.(store) ?? null),
    subjectsOf: subjectsOfEntry,
    traces,
    moves: new Moves((cell) => shapeOfBox(boxOfCell(cell, frame.extent))),
    listener: {
      changed: (subjects, changeId) => {
        if (chronicle.isKept) chronicle.heard(changeId, subjects, moment());
        indexes.heard(subjects);
        hub.changed(subjects);
        // What waits to be sent has no event yet.
        if (changeId !== '') hub.bumped(changeId, subjects);
      },
      beginning: () => {
        reports.begin();
      },
      missed: (partition, epoch) => {
        indexes.lost();
        const isIn = (topic: SubjectKey): boolean => partitionOf(topic, marks.partitions) === partition;
        if (epoch === null) hub.look(isIn);
        else hub.lost(epoch, isIn);
      },
    },
  });
  const moment = () => ({ now: clock.now(), version: table.version });
  time.onJump = () => {
    table.distrust();
  };
  const maxEntries = options.maxEntries ?? 50_000;
  const tier = new Tier(table, {
    maxEntries,
    maxBytes: options.maxBytes ?? Infinity,
    maxMarks: options.maxMarks ?? maxEntries * MARKS_PER_ENTRY,
    bytesOf: options.bytesOf ?? ((value) => codec.encode(value).length),
  });
  const tier2 =
    store === null
      ? null
      : new Tier2({
          store,
          codec,
          table,
          clock,
          time,
          events,
          calls: new Calls({ part: 'store', clock, events, timeoutMs: storeTimeoutMs, traces }),
          maxEntryBytes: options.maxEntryBytes ?? 1024 * 1024,
          namespace: prefix,
          fingerprint: fingerprintOf(topology),
          schemaOf: ({ kind, name }) =>
            kind === 'record' || kind === 'list' ? (topology.types.get(name)?.schema ?? '') : '',
        });
  const leases = tier2 === null ? null : new Leases({ tier2, clock, random, leaseMs: options.leaseMs ?? 2000 });
  const newGate = (): Gate =>
    new Gate({ atOnce: options.outageOriginCalls ?? 16, waiting: options.outageQueue ?? 1000 });
  const [gate, loadGate] = [newGate(), newGate()];
  const { freeze = true, originLagMs = 0 } = options;
  const { local: own } = options;
  const entriesFor = (space: Space, branch: string): Entries =>
    own === undefined ? new Map<unknown, Entry>() : entriesIn(own, prefix, space, branch);
  const reads = new Reads({
    table,
    entriesFor,
    tier,
    tier2,
    time,
    random,
    events,
    statistics,
    traces,
    chronicle,
    freeze,
    originLagMs,
    leases,
  });
  const closing = new AbortController();
  const deadline: Deadline = {
    clock,
    originTimeoutMs: options.originTimeoutMs ?? 10_000,
    closing: closing.signal,
    aborts: new Aborts(),
  };
  const origin = options.origin as Readonly<Record<string, AnyEntityOrigin | undefined>>;
  const { maxBatchSize = 1000 } = options;
  const batches = new Batches({ reads, topology, origin, deadline, gate, maxBatchSize });
  let reloaded = { at: -Infinity, told: 0 };
  /** While nothing can be heard of marks, an index counts as long as a value does, or until an event tells of a change. */
  const unheard = (known: boolean): void => {
    const { told } = table;
    if (!known && told === reloaded.told && time.now() - reloaded.at < maxStalenessMs) return;
    reloaded = { at: time.now(), told };
    indexes.lost();
  };
  const lifetimeOf = (kind: Space['kind']): Lifetime => lifetime(options, kind);
  const fields = new ModelFields(options.rules ?? { source: [] }, { topology, clock, events });
  const core: Core = new Core({
    topology,
    reads,
    batches,
    deadline,
    gate: loadGate,
    demand: demandOf(options, ANYTHING),
    lifetimeOf,
    fields,
    map: mapQuestions({
      frame,
      finder:
        options.spatial === undefined
          ? indexes
          : outside({
              spatial: options.spatial,
              system: frame,
              chainOf: (branch) => chainOf(topology, branch) ?? [branch],
              byIds: (branch, type, ids) => core.askRecords(branch, undefined, type, ids),
            }),
      planOf: (type) => planOf(topology, type),
      unheard,
    }),
  });
  const keyed = new KeyedValues(core, lifetimeOf('key'), random);
  const onError = (error: Error, where: string): void => {
    events.emit('error', { error, where });
  };
  const revocations = new Revocations({
    ...{ bus, clock, codec, onError, maxStalenessMs },
    timeoutMs: storeTimeoutMs,
    newId: () => randomId(random),
  });
  const hub = createHub({
    ...{ bus, clock, codec, onError, revocations },
    ringSize: options.ringSize ?? 1024,
    timeoutMs: storeTimeoutMs,
    heard: (marks) => {
      table.expect(marks);
    },
    parseId: (type, text) => topology.types.get(type)?.parseId(text) ?? text,
    computed: options.rules === undefined ? undefined : computedSource(core),
  });
  const changer = new Changer({
    topology,
    table,
    clock,
    random,
    statistics,
    events,
    traces,
    made: (changeId, planned) => {
      if (chronicle.isKept) chronicle.made(changeId, planned, moment());
    },
    placeOf: (geometry, where) => placeIn(frame, geometry, where),
    publish: (announced, marks) => hub.publish(announced, marks),
    missing: (changeId, announced) => hub.missing(changeId, announced),
  });
  const { outbox, outboxIntervalMs: intervalMs = 1000 } = options;
  const sweeper =
    outbox === undefined ? null : new Sweeper({ outbox, changer, topology, clock, events, namespace, intervalMs });
  const transactions = new Transactions({
    changer,
    log: outbox === undefined || sweeper === null ? null : { outbox, sweeper },
    clock,
    random,
    events,
    namespace,
    timeoutMs: storeTimeoutMs,
  });
  const reports: Reports = new Reports({
    ...{ clock, random, marks, store, statistics, onError, storeTimeoutMs },
    outbox: outbox ?? null,
    thresholds: options.thresholds,
    topics: options.bus === undefined ? null : bus.ephemeral,
    typeOf: (key) => tier2?.typeOf(key) ?? null,
    tier1: () => ({ entries: tier.size, bytes: tier.bytes, marks: table.size }),
    countByType: () => countByType(tier),
    unconfirmedMs: () => table.standing.unconfirmedMs,
  });
  const subjects = createSubjects(topology);
  const live = new Live({
    ...{ options, topology, subjects, hub, revocations, clock, random, onError },
    signals: bus.ephemeral && new Signals({ topics: bus.ephemeral, clock, onError }),
    keepWatch: () => {
      table.keepWatch();
    },
    assertOpen: () => {
      if (closing.signal.aborted) throw new TidemarkError('CLOSED', 'expected an open tide; close() was called.');
    },
  });
  const tide = new Tide({
    options,
    topology,
    subjects,
    live,
    core,
    fields,
    keyed,
    changer,
    transactions,
    sweeper,
    hub,
    events,
    closing,
    reports,
    clock,
    gates: [gate, loadGate],
    chronicle,
    entriesByType: () => countByType(tier),
  });
  traces.tide = tide;
  return tide;
}

function countByType(tier: Tier): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { key } of tier) {
    const type = key.slice(0, key.indexOf(':') === -1 ? undefined : key.indexOf(':'));
    counts[type] = (counts[type] ?? 0) + 1;
  }
  return counts;
}

function lifetime({ ttlMs, graceMs = 0, absentTtlMs = 60_000 }: TideOptions<AnyModel>, kind: Space['kind']): Lifetime {
  const ofKind = typeof ttlMs === 'object' ? ttlMs[kind] : ttlMs;
  return { ttlMs: ofKind ?? (kind === 'list' ? 600_000 : 300_000), graceMs, absentTtlMs };
}

function within<Part>(namespace: string | undefined, part: Part, wrap: (part: Part, namespace: string) => Part): Part {
  return namespace === undefined ? part : wrap(part, namespace);
}
