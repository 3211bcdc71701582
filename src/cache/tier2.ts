import type { CoarseClock } from '../clock.js';
import type { Clock, Store, StoreEntry, StoredValue, SubjectKey, Token } from '../contract.js';
import { TidemarkError } from '../errors.js';
import type { Events } from '../events.js';
import { escapeGlob, globToMatcher } from '../glob.js';
import { PATTERNS, escapePart, partitionOf } from '../subject.js';
import { type Calls, wasRefused } from './calls.js';
import type { Codec } from './codec.js';
import { type StoredEntry, decodeEntry, encodeEntry } from './entry.js';
import type { Flight } from './flight.js';
import { type Held, type MarkCell, type MarkTable, sameToken } from './marks.js';
import type { Entry, Space } from './tier.js';

export interface Tier2Options {
  readonly store: Store;
  readonly codec: Codec;
  readonly table: MarkTable;
  readonly clock: Clock;
  readonly time: CoarseClock;
  readonly events: Events;
  readonly calls: Calls;
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
  /** Resolves with whether the writes of this turn are stored. */
  #written: Promise<boolean> | null = null;
  readonly #pending = new Set<Promise<unknown>>();

  constructor(options: Tier2Options) {
    this.#options = options;
  }

  get isDown(): boolean {
    return this.#options.calls.isDown;
  }

  get calls(): Calls {
    return this.#options.calls;
  }

  /** False for a store of which two replicas could both be told that they set a key first. */
  get isAtomic(): boolean {
    return this.#options.store.capabilities?.atomic !== false;
  }

  keyOf({ shelf, key }: Flight): string {
    return this.#storageKey(shelf.space, key);
  }

  leaseKeys(digest: string): { readonly lease: string; readonly note: string } {
    // In braces: in a cluster the two lie on one node, which keeps the order of writes.
    return { lease: `${this.#prefix('l')}{${digest}}`, note: `${this.#prefix('n')}{${digest}}` };
  }

  /** What the store has of these keys; null if it does not say. */
  async getMany(keys: readonly string[]): Promise<ReadonlyMap<string, StoredValue> | null> {
    const stored = await this.attempt('getMany', (store) => store.getMany(keys));
    if (stored === null) return null;
    const found = new Map<string, StoredValue>();
    for (const [i, value] of stored.entries()) if (value !== undefined) found.set(keys[i] as string, value);
    return found;
  }

  /** The value of an entry whose marks are all current; null for any other. At once if they are known here. Never rejects. */
  open(flight: Flight, stored: StoredValue, required: Requirement): Found | null | Promise<Found | null> {
    const refused = (error: unknown): null => {
      this.#options.events.emit('error', { error: error as Error, where: `tier 2: entry ${flight.key}` });
      return null;
    };
    try {
      const { fingerprint, table } = this.#options;
      const entry = decodeEntry(stored.value);
      if (entry.fingerprint !== fingerprint) return null;
      const leftMs = (stored.ttlMs ?? Infinity) - entry.graceMs;
      if (leftMs <= 0) return null;
      const held = table.hold(entry.subjects, flight.readAfter);
      const judge = (known: Held): Found | null => this.#judge(flight, { entry, held: known, leftMs, required });
      return 'then' in held ? held.then(judge).catch(refused) : judge(held);
    } catch (error) {
      return refused(error);
    }
  }

  #judge(
    flight: Flight,
    {
      entry,
      held,
      leftMs,
      required,
    }: { readonly entry: StoredEntry; readonly held: Held; readonly leftMs: number; readonly required: Requirement },
  ): Found | null {
    const { table, codec, time } = this.#options;
    const { cells } = held;
    flight.own(cells);
    if (!held.known || !table.trusts(cells, time.now(), flight.readAfter)) return null;
    if (table.globs.deletedAfter(entry.globs.epoch, entry.globs.position, flight.key)) return null;
    if (!areAll(cells, entry.tokens)) return null;
    const value = codec.decode(entry.payload);
    if (!carriesAll(entry.subjects, required(flight, value, entry.absent))) return null;
    flight.capture(held);
    return { value, absent: entry.absent, cells, leftMs };
  }

  /** Refuses early what {@link fill} could not encode: CYCLIC_VALUE or UNENCODABLE. */
  check(value: unknown): void {
    this.#options.codec.encode(value);
  }

  /**
   * Stores what tier 1 now holds. Writes of one turn go out together; readers do not wait for them. Resolves with whether
   * it is stored.
   */
  async fill(entry: Entry, flight: Flight, lifeMs: number, absent: boolean): Promise<boolean> {
    const { codec, fingerprint, maxEntryBytes, events, clock } = this.#options;
    const at = flight.applied?.[partitionOf(PATTERNS, flight.applied.length)];
    const tokens = entry.cells.map((cell) => cell.token);
    if (at?.epoch == null || tokens.includes(null)) return false;
    let bytes: Uint8Array;
    try {
      const early = new Set(flight.early);
      const late = entry.cells.filter((cell) => !early.has(cell));
      const cells = [...late, ...entry.cells.filter((cell) => early.has(cell))];
      bytes = encodeEntry({
        subjects: cells.map(({ subject }) => subject),
        tokens: cells.map(({ token }) => token as Token),
        late: late.length,
        globs: { epoch: at.epoch, position: at.applied },
        fingerprint,
        graceMs: entry.shelf.space.lifetime.graceMs,
        absent,
        payload: codec.encode(entry.value),
      });
    } catch (error) {
      events.emit('error', {
        error: error as Error,
        where: `tier 2: ${entry.key} not stored`,
      });
      return false;
    }
    if (bytes.length > maxEntryBytes) {
      const message = `expected at most ${String(maxEntryBytes)} bytes, got ${String(bytes.length)}: kept in tier 1 only.`;
      events.emit('error', {
        error: new TidemarkError('UNENCODABLE', message),
        where: `tier 2: ${entry.key} not stored`,
      });
      return false;
    }
    const ttlMs = lifeMs === Infinity ? undefined : Math.ceil(lifeMs + entry.shelf.space.lifetime.graceMs);
    const key = this.#storageKey(entry.shelf.space, entry.key);
    if (entry.shelf.space.kind === 'key') {
      // Hand-set values of two replicas may arrive in either order: the later bump's stands.
      const { token } = entry.cells.find((cell) => cell.subject.startsWith('key:')) as { token: Token };
      return (await this.attempt('setIfNewer', (store) => store.setIfNewer(key, bytes, token, ttlMs))) === true;
    }
    this.#writes.push({ key, value: bytes, ttlMs });
    this.#written ??= new Promise<boolean>((resolve) => {
      clock.defer(() => {
        const writes = this.#writes.splice(0);
        this.#written = null;
        const writing = this.attempt('setMany', (store) => store.setMany(writes).then(() => true));
        void writing.then((done) => {
          resolve(done === true);
        });
      });
    });
    return this.#written;
  }

  /** True if there was something to delete. */
  async delete(space: Space, key: string, version: Token): Promise<boolean> {
    const stored = this.#storageKey(space, key);
    const found = await this.attempt('getMany', (store) => store.getMany([stored]));
    const applied = await this.attempt('setIfNewer', (store) => store.setIfNewer(stored, null, version));
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
        const page = await this.#options.calls.run('scan', () => pages.next());
        if (page.done === true) break;
        const keys = page.value.filter((key) => matches(keyIn(key, prefix)));
        if (keys.length > 0) deleted += await this.#options.calls.run('deleteMany', () => store.deleteMany(keys));
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
    await this.#written;
    while (this.#pending.size > 0) await Promise.allSettled(this.#pending);
  }

  #storageKey(space: Space, key: string): string {
    return `${this.#prefix(space.kind === 'key' ? 'k' : 'm')}${escapePart(this.#options.schemaOf(space))}:${key}`;
  }

  #prefix(kind: string): string {
    return `${this.#options.namespace}tm1:${kind}:`;
  }

  /** The call's result, or null after an event if it failed or took too long. */
  async attempt<T>(name: string, call: (store: Store) => Promise<T>): Promise<T | null> {
    const { events, store, calls } = this.#options;
    const attempt = calls
      .run(name, () => call(store))
      .catch((error: unknown) => {
        if (!wasRefused(error)) events.emit('error', { error: error as Error, where: `tier 2: store.${name}` });
        return null;
      });
    this.#pending.add(attempt);
    void attempt.finally(() => this.#pending.delete(attempt));
    return attempt;
  }
}

/** Below this many, to compare each with each is quicker than to make a set. */
const FEW = 16;

function carriesAll(subjects: readonly SubjectKey[], required: readonly SubjectKey[]): boolean {
  if (subjects.length < FEW) return required.every((subject) => subjects.includes(subject));
  const carried = new Set<SubjectKey>(subjects);
  return required.every((subject) => carried.has(subject));
}

function areAll(cells: readonly MarkCell[], tokens: readonly Token[]): boolean {
  for (let i = 0; i < cells.length; i++) if (!sameToken(cells[i]?.token as Token, tokens[i] as Token)) return false;
  return true;
}

/** The key as people see it: after the prefix and the schema. */
function keyIn(stored: string, prefix: string): string {
  return stored.slice(stored.indexOf(':', prefix.length) + 1);
}
