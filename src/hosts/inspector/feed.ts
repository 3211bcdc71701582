import { VERSION } from '../../version.js';
import type { Clock } from '../../contract.js';
import type { Inspection } from '../../inspection.js';
import type { TideEventName, TideEvents } from '../../events.js';
import type { NodeResponse } from '../sse/node.js';
import type { AnyTide } from './answers.js';
import { Roster } from './roster.js';

/** How the tiers stood: counts that only rise, and what is held. */
export interface Sample {
  /** Milliseconds of the wall clock. */
  readonly at: number;
  readonly hits: number;
  readonly misses: number;
  readonly tier2Hits: number;
  readonly originCalls: number;
  readonly entries: number;
  readonly bytes: number;
  readonly marks: number;
  /** Calls of the store and the marks, and the seconds that they took together. */
  readonly storeCalls: number;
  readonly storeSeconds: number;
}

/** Something that happened beside loads and changes. */
interface Note {
  readonly at: number;
  readonly kind: TideEventName;
  readonly text: string;
}

const TICK_MS = 500;
const TICKS_PER_SAMPLE = 2;
const TICKS_PER_ROLL = 4;
const TICKS_PER_CHECK = 120;
const SAMPLES_KEPT = 300;
const NOTES_KEPT = 100;
/** Of changes at once; those in between are left out, and the page says so. */
const MOST_CHANGES = 40;
/** The marks of one change are heard one partition after another. */
const SETTLED_MS = 200;
/** A page that does not read is left behind. */
const MOST_WAITING = 1_000_000;

interface Follower {
  readonly response: NodeResponse;
  readonly isAllowed: () => Promise<boolean>;
}

/** What pages are told as it happens: one look for all of them, twice a second. */
export class Feed {
  readonly inspection: Inspection;
  readonly #tide: AnyTide;
  readonly #clock: Clock;
  readonly #roster: Roster;
  readonly #followers = new Set<Follower>();
  readonly #samples: Sample[] = [];
  readonly #notes: Note[] = [];
  readonly #unlisten: readonly (() => void)[];
  #cancel: () => void = () => undefined;
  #ticks = 0;
  #told = 0;
  #toldNotes = 0;
  #closed = false;

  constructor(tide: AnyTide, clock: Clock) {
    this.inspection = tide.inspect();
    this.#tide = tide;
    this.#clock = clock;
    this.#roster = new Roster(tide, clock, this.inspection.bounds.maxStalenessMs);
    this.#unlisten = [...listeners(tide, (kind, text) => this.#note(kind, text))];
    this.#samples.push(this.#sample());
    this.#tickLater();
  }

  /** Tells a response from now on, beginning with what has been. */
  follow(response: NodeResponse, isAllowed: () => Promise<boolean>): void {
    if (this.#closed) {
      response.end();
      return;
    }
    const follower = { response, isAllowed };
    this.#followers.add(follower);
    response.on('close', () => {
      this.#followers.delete(follower);
    });
    write(response, 'hello', this.#hello());
    void this.#roll();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#cancel();
    for (const stop of this.#unlisten) stop();
    this.inspection.close();
    for (const { response } of this.#followers) response.end();
    this.#followers.clear();
  }

  // ── As it happens ─────────────────────────────────────────────────────────────────────────────────────────────

  #tickLater(): void {
    this.#cancel = this.#clock.after(TICK_MS, () => {
      this.#tick();
      this.#tickLater();
    });
  }

  #tick(): void {
    this.#ticks++;
    if (this.#ticks % TICKS_PER_SAMPLE === 0) {
      const sample = this.#sample();
      this.#samples.push(sample);
      if (this.#samples.length > SAMPLES_KEPT) this.#samples.shift();
      if (this.#followers.size > 0) this.#send('sample', { sample, ...this.#standing() });
    }
    if (this.#followers.size === 0) return;
    this.#tellChanges();
    this.#tellNotes();
    if (this.#ticks % TICKS_PER_ROLL === 0) void this.#roll();
    if (this.#ticks % TICKS_PER_CHECK === 0) void this.#check();
  }

  #tellChanges(): void {
    const before = this.#clock.wallNow() - SETTLED_MS;
    const changes = this.inspection.changes(this.#told).filter(({ at }) => at.getTime() <= before);
    if (changes.length === 0) return;
    this.#told = changes.at(-1)?.number ?? this.#told;
    this.#send('changes', { changes: changes.slice(-MOST_CHANGES), left: Math.max(0, changes.length - MOST_CHANGES) });
  }

  #tellNotes(): void {
    const fresh = this.#notes.slice(this.#toldNotes);
    this.#toldNotes = this.#notes.length;
    if (fresh.length > 0) this.#send('notes', fresh);
  }

  async #roll(): Promise<void> {
    try {
      const replicas = await this.#roster.call();
      if (!this.#closed) this.#send('replicas', replicas);
    } catch {
      // The tide is closed.
    }
  }

  /** A permission may have been taken back since. */
  async #check(): Promise<void> {
    for (const follower of [...this.#followers]) {
      if (await follower.isAllowed()) continue;
      this.#followers.delete(follower);
      follower.response.end();
    }
  }

  #send(event: string, data: unknown): void {
    for (const { response } of this.#followers) {
      if (response.writableLength < MOST_WAITING) write(response, event, data);
    }
  }

  // ── What is told ──────────────────────────────────────────────────────────────────────────────────────────────

  #hello() {
    const { topology } = this.#tide.model;
    const changes = this.inspection.changes().slice(-MOST_CHANGES);
    this.#told = Math.max(this.#told, changes.at(-1)?.number ?? 0);
    return {
      version: VERSION,
      bounds: this.inspection.bounds,
      branches: topology.parentOf !== undefined,
      root: topology.root,
      types: [...topology.types.values()].map(({ type, computed, geometryOf }) => ({
        type,
        computed: Object.keys(computed),
        located: geometryOf !== undefined,
      })),
      samples: this.#samples,
      standing: this.#standing(),
      changes,
      notes: this.#notes,
    };
  }

  #sample(): Sample {
    const { byType, tier1, origin, stores } = this.#tide.metrics();
    const sum = (of: 'hits' | 'misses' | 'tier2Hits'): number =>
      Object.values(byType).reduce((all, counter) => all + counter[of], 0);
    return {
      at: this.#clock.wallNow(),
      hits: sum('hits'),
      misses: sum('misses'),
      tier2Hits: sum('tier2Hits'),
      originCalls: origin.calls.reduce((all, { count }) => all + count, 0),
      entries: tier1.entries,
      bytes: tier1.bytes,
      marks: tier1.marks,
      storeCalls: stores.calls.reduce((all, { count }) => all + count, 0),
      storeSeconds: stores.calls.reduce((all, one) => all + one.sum, 0),
    };
  }

  #standing() {
    const { enabled, byType, marks, changes, tier1, leases, realtime, stores } = this.#tide.metrics();
    const { evictions } = tier1;
    return { enabled, byType, marks, changes, evictions, leases, realtime, open: stores.open };
  }

  #note(kind: TideEventName, text: string): void {
    this.#notes.push({ at: this.#clock.wallNow(), kind, text });
    if (this.#notes.length <= NOTES_KEPT) return;
    this.#notes.shift();
    this.#toldNotes = Math.max(0, this.#toldNotes - 1);
  }
}

const WORDS: { readonly [Name in TideEventName]?: (event: TideEvents[Name]) => string } = {
  error: ({ error, where }) => `${where}: ${error.message}`,
  gap: ({ partition }) => `partition ${String(partition)}: messages may have been missed; its marks are read again`,
  trusted: ({ partition }) => `partition ${String(partition)}: its marks are trusted again`,
  outage: ({ part, state }) =>
    state === 'begun' ? `${part}: not asked for a while, as calls failed` : `${part}: answers again`,
  queued: ({ changeId, waiting }) => `change ${changeId} waits to be written, with ${String(waiting - 1)} before it`,
  sent: ({ changeId, waiting }) => `change ${changeId} is written; ${String(waiting)} still wait`,
  stale: ({ key, ageMs }) => `${key}: served ${String(Math.round(ageMs))} ms old, as the origin failed`,
};

function* listeners(tide: AnyTide, note: (kind: TideEventName, text: string) => void): Iterable<() => void> {
  for (const kind of Object.keys(WORDS) as (keyof typeof WORDS)[]) {
    const say = WORDS[kind] as (event: unknown) => string;
    yield tide.on(kind, (event) => {
      note(kind, say(event));
    });
  }
}

function write(response: NodeResponse, event: string, data: unknown): void {
  response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
}
