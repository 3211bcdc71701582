import { inTime } from '../clock.js';
import type { Clock, Store, StoreEntry, StoredValue, SubjectKey, Token } from '../contract.js';
import { TidemarkError, isTidemarkError } from '../errors.js';
import type { Events } from '../events.js';
import { escapeGlob, globToMatcher } from '../glob.js';
import { PATTERNS, escapePart, partitionOf } from '../subject.js';
import type { Codec } from './codec.js';
import { decodeEntry, encodeEntry } from './entry.js';
import type { Flight } from './flight.js';
import { type MarkTable, sameToken } from './marks.js';
import type { Entry, Space } from './tier.js';

export interface Tier2Options {
  readonly store: Store;
  readonly codec: Codec;
  readonly table: MarkTable;
  readonly clock: Clock;
  readonly events: Events;
  readonly storeTimeoutMs: number;
  /** Larger entries are not stored. */
  readonly maxEntryBytes: number;
  /** Before every key: tides with different namespaces share a store and nothing else. */
  readonly namespace: string;
  readonly fingerprint: string;
  /** The part of a space's keys that changes with the shape of its rows. */
  readonly schemaOf: (space: Space) => string;
}

/** A value found in tier 2 whose marks are all current; its flight has captured them. */
export interface Found {
  readonly value: unknown;
  readonly absent: boolean;
  readonly cells: Entry['cells'];
  /** Milliseconds left before it expires; Infinity if unknown. */
  readonly leftMs: number;
}

/** The marks that an entry must carry for this flight, as the model itself says, whatever the writer thought. */
export type Requirement = (flight: Flight, value: unknown, absent: boolean) => readonly SubjectKey[];

/**
 * Tier 2: values as bytes in a shared store, each with its marks. A failing store is a miss and an event, never an
 * error for the reader, and no call outlives `storeTimeoutMs`.
 */
export class Tier2 {
  readonly #options: Tier2Options;
  #writes: StoreEntry[] = [];
  readonly #pending = new Set<Promise<unknown>>();

  constructor(options: Tier2Options) {
    this.#options = options;
  }

  /** One read of the store for all flights; then the marks of what was found that are not held yet. */
  async find(flights: readonly Flight[], required: Requirement): Promise<Map<Flight, Found>> {
    const found = new Map<Flight, Found>();
    if (flights.length === 0) return found;
    try {
      await this.#options.table.start(); // what an entry's marks are compared with
    } catch (error) {
      this.#options.events.emit('error', { error: error as Error, where: 'tier 2: marks' });
      return found;
    }
    const keys = flights.map(({ shelf, key }) => this.#storageKey(shelf.space, key));
    const stored = await this.#attempt('getMany', (store) => store.getMany(keys));
    for (const [i, flight] of flights.entries()) {
      const value = stored?.[i];
      if (value === undefined) continue;
      const one = await this.#open(flight, value, required).catch((error: unknown) => {
        this.#options.events.emit('error', { error: error as Error, where: `tier 2: entry ${flight.key}` });
        return null;
      });
      if (one !== null) found.set(flight, one);
    }
    return found;
  }

  async #open(flight: Flight, stored: StoredValue, required: Requirement): Promise<Found | null> {
    const { table, fingerprint, codec } = this.#options;
    const entry = decodeEntry(stored.value);
    if (entry.fingerprint !== fingerprint) return null;
    if (table.globs.deletedAfter(entry.globs.epoch, entry.globs.position, flight.key)) return null;
    const leftMs = (stored.ttlMs ?? Infinity) - entry.graceMs;
    if (leftMs <= 0) return null;
    const cells = await table.hold(entry.marks.map(([subject]) => subject));
    flight.captureOwned({ cells, stamp: table.version });
    const current = cells.every(
      (cell, i) => cell.usable && sameToken(cell.token as Token, (entry.marks[i] as [SubjectKey, Token])[1]),
    );
    if (!current) {
      flight.forgetLast();
      return null;
    }
    const value = codec.decode(entry.payload);
    const carried = new Set<SubjectKey>(entry.marks.map(([subject]) => subject));
    if (!required(flight, value, entry.absent).every((subject) => carried.has(subject))) {
      flight.forgetLast();
      return null;
    }
    return { value, absent: entry.absent, cells, leftMs };
  }

  /** Refuses early what {@link fill} could not encode: CYCLIC_VALUE or UNENCODABLE. */
  check(value: unknown): void {
    this.#options.codec.encode(value);
  }

  /** Stores what tier 1 now holds. Writes of one turn go out together; nobody waits for them. */
  fill(entry: Entry, flight: Flight, lifeMs: number, absent: boolean): void {
    const { codec, fingerprint, maxEntryBytes, events, clock } = this.#options;
    const at = flight.applied?.[partitionOf(PATTERNS, flight.applied.length)];
    const tokens = entry.cells.map((cell) => cell.token);
    if (at?.epoch == null || tokens.includes(null)) return;
    let bytes: Uint8Array;
    try {
      bytes = encodeEntry({
        marks: entry.cells.map((cell) => [cell.subject, cell.token as Token]),
        globs: { epoch: at.epoch, position: at.applied },
        fingerprint,
        graceMs: entry.shelf.space.lifetime.graceMs,
        absent,
        payload: codec.encode(entry.value),
      });
    } catch (error) {
      events.emit('error', {
        error: isTidemarkError(error) ? error : (error as Error),
        where: `tier 2: ${entry.key} not stored`,
      });
      return;
    }
    if (bytes.length > maxEntryBytes) {
      const message = `expected at most ${String(maxEntryBytes)} bytes, got ${String(bytes.length)}: kept in tier 1 only.`;
      events.emit('error', {
        error: new TidemarkError('UNENCODABLE', message),
        where: `tier 2: ${entry.key} not stored`,
      });
      return;
    }
    const ttlMs = lifeMs === Infinity ? undefined : Math.ceil(lifeMs + entry.shelf.space.lifetime.graceMs);
    const key = this.#storageKey(entry.shelf.space, entry.key);
    if (entry.shelf.space.kind === 'key') {
      // Hand-set values of two replicas may arrive in either order: the later bump's stands.
      const { token } = entry.cells.find((cell) => cell.subject.startsWith('key:')) as { token: Token };
      void this.#attempt('setIfNewer', (store) => store.setIfNewer(key, bytes, token, ttlMs));
      return;
    }
    if (this.#writes.length === 0) {
      clock.defer(() => {
        const writes = this.#writes.splice(0);
        void this.#attempt('setMany', (store) => store.setMany(writes));
      });
    }
    this.#writes.push({ key, value: bytes, ttlMs });
  }

  /** True if there was something to delete. */
  async delete(space: Space, key: string, version: Token): Promise<boolean> {
    const stored = this.#storageKey(space, key);
    const found = await this.#attempt('getMany', (store) => store.getMany([stored]));
    const applied = await this.#attempt('setIfNewer', (store) => store.setIfNewer(stored, null, version));
    return applied === true && found?.[0] !== undefined;
  }

  /** Deletes in pages what the scan finds; returns how many keys. Rejects if the store fails. */
  async deletePattern(glob: string): Promise<number> {
    const { store } = this.#options;
    const matches = globToMatcher(glob);
    let deleted = 0;
    for (const kind of ['m', 'k']) {
      const prefix = this.#prefix(kind);
      const pages = store.scan(`${escapeGlob(prefix)}*`)[Symbol.asyncIterator]();
      for (;;) {
        const page = await this.#inTime('scan', () => pages.next());
        if (page.done === true) break;
        const keys = page.value.filter((key) => matches(keyIn(key, prefix)));
        if (keys.length > 0) deleted += await this.#inTime('deleteMany', () => store.deleteMany(keys));
      }
    }
    return deleted;
  }

  /** What a key of the store counts as: the text before the first ':' of the key as people see it. */
  typeOf(stored: string): string | null {
    const prefix = ['m', 'k'].map((kind) => this.#prefix(kind)).find((known) => stored.startsWith(known));
    return prefix === undefined ? null : (keyIn(stored, prefix).split(':', 1)[0] as string);
  }

  /** Waits for the writes under way. */
  async close(): Promise<void> {
    while (this.#pending.size > 0) await Promise.allSettled(this.#pending);
  }

  #storageKey(space: Space, key: string): string {
    return `${this.#prefix(space.kind === 'key' ? 'k' : 'm')}${escapePart(this.#options.schemaOf(space))}:${key}`;
  }

  #prefix(kind: string): string {
    return `${this.#options.namespace}tm1:${kind}:`;
  }

  /** The call's result, or null after an event if it failed or took too long. */
  async #attempt<T>(name: string, call: (store: Store) => Promise<T>): Promise<T | null> {
    const { events, store } = this.#options;
    const attempt = this.#inTime(name, () => call(store)).catch((error: unknown) => {
      events.emit('error', { error: error as Error, where: `tier 2: store.${name}` });
      return null;
    });
    this.#pending.add(attempt);
    void attempt.finally(() => this.#pending.delete(attempt));
    return attempt;
  }

  #inTime<T>(name: string, call: () => Promise<T>): Promise<T> {
    const { clock, storeTimeoutMs } = this.#options;
    return inTime(
      clock,
      storeTimeoutMs,
      call,
      () =>
        new TidemarkError(
          'STORE_TIMEOUT',
          `store.${name}: expected an answer within ${String(storeTimeoutMs)} ms, got none.`,
        ),
    );
  }
}

/** The key as people see it: after the prefix and the schema. */
function keyIn(stored: string, prefix: string): string {
  return stored.slice(stored.indexOf(':', prefix.length) + 1);
}
