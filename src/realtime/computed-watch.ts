import type { Clock, SubjectKey } from '../contract.js';
import type { Id } from '../model.js';
import { type OnError, pause, untilDone } from './retry.js';
import { type Shown, shownOf } from './told.js';
import type { Codec } from './wire.js';

/** An entity whose computed fields are watched. */
export interface ComputedTarget {
  readonly type: string;
  readonly id: Id;
  readonly branch: string;
  readonly fields: readonly string[];
}

/** What the computed fields of an entity came to. */
export interface ComputedReading {
  /** Null if there is no such entity. */
  readonly values: Readonly<Record<string, unknown>> | null;
  /** What they depend on. */
  readonly subjects: readonly SubjectKey[];
  /** False once something of that is known to have changed. */
  readonly isCurrent: () => boolean;
  /** Whether nothing of that is known to have changed since a moment of the source; false if nobody can tell. */
  readonly hasStoodSince: (moment: unknown) => boolean;
  /** Whether just this was held here then, and is older than whatever anybody looked at then. */
  readonly wasHeldAt: (moment: unknown) => boolean;
}

/** Where computed fields come from. */
export interface ComputedSource {
  /** What this replica has heard of by now, and holds of an entity. */
  moment(target: ComputedTarget): unknown;
  /**
   * The computed fields of an entity, at least as new as whatever this replica has heard of when it is called. Undefined if they
   * changed while they were read, or if it cannot be told whether they did.
   */
  read(target: ComputedTarget): Promise<ComputedReading | undefined>;
}

export interface ComputedWatchOptions {
  readonly source: ComputedSource;
  readonly clock: Clock;
  readonly codec: Codec;
  readonly onError: OnError;
}

/** Readings in a row that were old when they came, before it waits. */
const MOST_AT_ONCE = 3;
/** Between two attempts to read what changes meanwhile: doubling. */
const FIRST_PAUSE_MS = 10;
const LONGEST_PAUSE_MS = 1000;

/** One entity, watched for all its subscribers on this replica. */
export interface WatchedEntity {
  /** What its fields were when they were read last; undefined before that. */
  readonly shown: ReadonlyMap<string, Shown> | undefined;
  /** No change is known that the last reading does not have. */
  readonly isCurrent: boolean;
  /** Whether what the last reading depends on is not known to have changed since this moment. */
  hasStoodSince(moment: unknown): boolean;
  /** Whether the last reading found what was held at this moment. */
  wasHeldAt(moment: unknown): boolean;
}

export interface Watching {
  readonly entity: WatchedEntity;
  /** Nobody wakes this one any more. */
  readonly stop: () => void;
}

/**
 * The computed fields of the entities that somebody watches. Whoever hears that something changed on which they depend has
 * them read again: whatever the reason, once for all who watch, and without a word on the bus.
 */
export class ComputedWatch {
  readonly #options: ComputedWatchOptions;
  readonly #entities = new Map<string, Entity>();
  readonly #bySubject = new Map<SubjectKey, Set<Entity>>();

  constructor(options: ComputedWatchOptions) {
    this.#options = options;
  }

  moment(target: ComputedTarget): unknown {
    return this.#options.source.moment(target);
  }

  /** Watches an entity; `wake` is called after every reading. */
  follow(target: ComputedTarget, wake: () => void): Watching {
    const key = JSON.stringify([target.branch, target.type, String(target.id)]);
    let entity = this.#entities.get(key);
    if (entity === undefined) {
      entity = new Entity(target);
      this.#entities.set(key, entity);
      this.#readLater(entity);
    }
    const watched = entity;
    watched.wakes.add(wake);
    return {
      entity: watched,
      stop: () => {
        if (!watched.wakes.delete(wake) || watched.wakes.size > 0) return;
        watched.ending.abort();
        this.#entities.delete(key);
        this.#index(watched, []);
      },
    };
  }

  /** These have changed. */
  changed(subjects: readonly SubjectKey[]): void {
    if (this.#bySubject.size === 0) return;
    for (const subject of subjects) for (const entity of this.#bySubject.get(subject) ?? []) this.#outdated(entity);
  }

  /** Changes of any of these may have been missed. */
  missed(mayLack: (subject: SubjectKey) => boolean): void {
    for (const entity of this.#entities.values()) {
      if (entity.subjects === undefined || entity.subjects.some(mayLack)) this.#outdated(entity);
    }
  }

  close(): void {
    for (const entity of this.#entities.values()) entity.ending.abort();
    this.#entities.clear();
    this.#bySubject.clear();
  }

  #outdated(entity: Entity): void {
    entity.isOutdated = true;
    this.#readLater(entity);
  }

  /** At the end of the turn: many changes at once are one reading. */
  #readLater(entity: Entity): void {
    if (entity.isBusy) return;
    entity.isBusy = true;
    this.#options.clock.defer(() => {
      void this.#readUntilCurrent(entity);
    });
  }

  async #readUntilCurrent(entity: Entity): Promise<void> {
    let stale = 0;
    do {
      // What is old each time it is read must not be read without end.
      if (stale > MOST_AT_ONCE) await pause(FIRST_PAUSE_MS, this.#options.clock, entity.ending.signal);
      entity.isOutdated = false;
      const reading = await this.#read(entity);
      if (reading === undefined) break;
      stale = reading.isCurrent() ? 0 : stale + 1;
      if (stale > 0) entity.isOutdated = true;
      this.#index(entity, reading.subjects);
      entity.reading = reading;
      entity.wake();
    } while (entity.isOutdated);
    entity.isBusy = false;
  }

  /** Undefined if nobody watches it any more. */
  #read(entity: Entity): Promise<ShownReading | undefined> {
    const { source, clock, codec, onError } = this.#options;
    const { target, ending } = entity;
    const { signal } = ending;
    const attempt = async () => {
      for (let pauseMs = FIRST_PAUSE_MS; !signal.aborted; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
        const reading = await source.read(target);
        if (reading !== undefined) return { ...reading, shown: shownOf(reading.values, target.fields, codec) };
        await pause(pauseMs, clock, signal);
      }
      return undefined;
    };
    const where = `computed fields of ${target.type} '${String(target.id)}'`;
    return untilDone(attempt, { clock, onError, where, signal });
  }

  #index(entity: Entity, subjects: readonly SubjectKey[]): void {
    for (const subject of entity.subjects ?? []) {
      const entities = this.#bySubject.get(subject);
      entities?.delete(entity);
      if (entities?.size === 0) this.#bySubject.delete(subject);
    }
    if (entity.ending.signal.aborted) return;
    entity.subjects = subjects;
    for (const subject of subjects) {
      const entities = this.#bySubject.get(subject);
      if (entities === undefined) this.#bySubject.set(subject, new Set([entity]));
      else entities.add(entity);
    }
  }
}

interface ShownReading extends ComputedReading {
  readonly shown: ReadonlyMap<string, Shown>;
}

class Entity implements WatchedEntity {
  readonly target: ComputedTarget;
  readonly ending = new AbortController();
  readonly wakes = new Set<() => void>();
  reading: ShownReading | undefined;
  subjects: readonly SubjectKey[] | undefined;
  /** Something that it depends on has changed since it was read, or while it is. */
  isOutdated = true;
  /** It is being read, or is going to be. */
  isBusy = false;

  constructor(target: ComputedTarget) {
    this.target = target;
  }

  get shown(): ReadonlyMap<string, Shown> | undefined {
    return this.reading?.shown;
  }

  get isCurrent(): boolean {
    return !this.isOutdated && !this.isBusy;
  }

  hasStoodSince(moment: unknown): boolean {
    return this.reading?.hasStoodSince(moment) === true;
  }

  wasHeldAt(moment: unknown): boolean {
    return this.reading?.wasHeldAt(moment) === true;
  }

  wake(): void {
    for (const wake of [...this.wakes]) wake();
  }
}
