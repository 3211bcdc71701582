import type { DeletedByPattern, Reader } from '../api.js';
import type { Subject } from '../subject.js';
import { randomId } from '../clock.js';
import type { Bump, SubjectKey } from '../contract.js';
import { TidemarkError, messageOf } from '../errors.js';
import { escapeGlob } from '../glob.js';
import type { AnyModel } from '../model.js';
import { PATTERNS, keySubject } from '../subject.js';
import type { Core, ReadContext } from './core.js';
import { ANYTHING } from './demand.js';
import { Flight } from './flight.js';
import { find, look } from './look.js';
import { type Lifetime, type Place, type Shelf, type Space, checkTtl, isExpired } from './tier.js';

/** The cache by key: values that the host stores and loads under keys of its own. */
export class KeyedValues {
  readonly #core: Core;
  readonly #random: () => number;
  readonly #shelf: Shelf;

  constructor(core: Core, lifetime: Lifetime, random: () => number) {
    this.#core = core;
    this.#random = random;
    const space: Space = {
      kind: 'key',
      name: 'key',
      counter: core.reads.statistics.counter('key'),
      lifetime,
      keyOf: (_, id) => id as string,
      shelves: new Map(),
    };
    this.#shelf = core.reads.shelfOf(space, '', true);
  }

  place(key: string): Place {
    if (typeof key !== 'string' || key.trim() === '') {
      throw new TidemarkError(
        'INVALID_KEY',
        `key: expected non-blank text, got ${typeof key === 'string' ? JSON.stringify(key) : typeof key}.`,
      );
    }
    return { shelf: this.#shelf, id: key };
  }

  async get(key: string): Promise<unknown> {
    const place = this.place(key);
    const held = this.#core.held(place.shelf, place.id);
    if (held !== undefined) return held.value;
    const { reads } = this.#core;
    const flight = new Flight(place, reads.table, ANYTHING, { at: reads.time.now() });
    const looked = await look(reads, [flight], []);
    flight.own(looked.held.cells);
    const found = await find(reads, flight, looked, () => [keySubject(key)]);
    flight.land();
    reads.count(flight);
    return found?.value;
  }

  async set(key: string, value: unknown, ttlMs: number | undefined): Promise<void> {
    const place = this.place(key);
    const { reads } = this.#core;
    checkTtl(ttlMs, `key ${JSON.stringify(key)}`);
    const sealed = reads.seal(value);
    reads.tier2?.check(sealed);
    const subject = keySubject(key);
    const bumps = await reads.table.bump([subject], { changeId: randomId(this.#random) });
    // While the marks cannot be reached nothing is kept: nobody could tell which of two values stands.
    if (bumps === 'queued') return;
    const flight = new Flight(place, reads.table, ANYTHING, { at: reads.time.now() });
    const applied = reads.table.applied();
    const held = await reads.table.hold([subject]);
    flight.captureHeld(held);
    flight.ask(applied);
    // A set that was accepted later has moved the mark on: that one stands.
    const [bump] = bumps;
    const token = held.cells[0]?.token;
    const stands = bump !== undefined && token?.position === bump.position && token.epoch === bump.epoch;
    if (stands) reads.settle(flight, sealed, { ttlMs });
    flight.land();
  }

  async del(key: string): Promise<boolean> {
    const { shelf, id } = this.place(key);
    const entry = shelf.entries.get(id);
    const there =
      entry !== undefined && this.#core.reads.tier.isFresh(entry) && !isExpired(entry, this.#core.reads.time.now());
    const changeId = randomId(this.#random);
    const subject = keySubject(key);
    const bumps = await this.#core.reads.table.bump([subject, PATTERNS], { changeId, globs: [escapeGlob(key)] });
    const held = shelf.entries.get(id);
    if (held !== undefined && !this.#core.reads.tier.isFresh(held)) this.#core.reads.tier.remove(held);
    if (bumps === 'queued') return there;
    const version = bumps.find(({ subjects }) => subjects.includes(subject)) as Bump;
    const stored = (await this.#core.reads.tier2?.delete(shelf.space, key, version)) ?? false;
    if (there || stored) shelf.space.counter.deletes++;
    return there || stored;
  }

  /** The bump comes first: a load that began before it is dead even if its fill comes after the scan. */
  async delPattern(glob: string): Promise<DeletedByPattern> {
    const { reads } = this.#core;
    if (typeof glob !== 'string' || glob === '') {
      throw new TidemarkError(
        'INVALID_KEY',
        `pattern: expected a glob such as 'settlements:*', got ${JSON.stringify(glob)}.`,
      );
    }
    reads.statistics.patternDeletes++;
    let keysDeleted = 0;
    try {
      const now = reads.time.now();
      const live = [...reads.tier].filter((entry) => reads.tier.isFresh(entry) && !isExpired(entry, now));
      const bumps = await reads.table.bump([PATTERNS], { changeId: randomId(this.#random), globs: [glob] });
      for (const entry of live) {
        // What went stale meanwhile for another reason is not this deletion's doing, but is gone all the same.
        if (reads.tier.isFresh(entry) || !reads.tier.remove(entry)) continue;
        entry.shelf.space.counter.deletes++;
        keysDeleted++;
      }
      if (bumps === 'queued') return { success: false, keysDeleted, error: 'queued: the marks cannot be reached' };
      keysDeleted = Math.max(keysDeleted, (await reads.tier2?.deletePattern(glob)) ?? 0);
      return { success: true, keysDeleted };
    } catch (error) {
      reads.events.emit('error', { error: error as Error, where: `delPattern ${JSON.stringify(glob)}` });
      return { success: false, keysDeleted, error: messageOf(error) };
    }
  }

  async getOrLoad(
    context: ReadContext,
    key: string,
    what: { readonly ttlMs?: number | undefined; readonly dependsOn?: readonly Subject[] | undefined },
    load: (reader: Reader<AnyModel>) => unknown,
  ): Promise<unknown> {
    const also = (): readonly SubjectKey[] => [keySubject(key)];
    const { branch, demand, into } = context;
    const { dependsOn, ttlMs } = what;
    checkTtl(ttlMs, `key ${JSON.stringify(key)}`);
    const loadable = this.#core.derived(branch, this.place(key), { dependsOn, also, ttlMs: () => ttlMs, load });
    return (await this.#core.outcome(this.#core.request(loadable, demand, into))).value;
  }
}
