import { type Clock, type OriginContext, systemClock } from 'tidemark';
import type { TypeName, WorldOrigin, WorldRow } from '../model.ts';
import type { TableReads } from './tables.ts';

/** The tables as an origin: what tidemark asks when it has no fresh value. */

export interface WorldOriginOptions {
  /** What each call takes, as of a database across a network: half there, half back. Default 0. */
  readonly latencyMs?: number;
  readonly clock?: Clock;
}

export interface CountedOrigin extends WorldOrigin {
  /** Calls so far, such as `{ 'settlement.byIds': 3, 'settlement.childrenOf.kingdom': 1 }`. */
  readonly calls: Readonly<Record<string, number>>;
}

export function worldOrigin(tables: TableReads, options: WorldOriginOptions = {}): CountedOrigin {
  return new TablesOrigin(tables, options);
}

/** A class so that `calls` is no key of its own: an origin's keys are entity types. */
class TablesOrigin implements CountedOrigin {
  readonly #tables: TableReads;
  readonly #options: WorldOriginOptions;
  readonly #calls: Record<string, number> = {};

  readonly campaign = { byIds: this.#byIds('campaign'), all: this.#all('campaign') };
  readonly kingdom = {
    byIds: this.#byIds('kingdom'),
    all: this.#all('kingdom'),
    childrenOf: { campaign: this.#childrenOf('kingdom', 'campaign') },
  };
  readonly settlement = {
    byIds: this.#byIds('settlement'),
    all: this.#all('settlement'),
    childrenOf: { kingdom: this.#childrenOf('settlement', 'kingdom') },
  };
  readonly structure = {
    byIds: this.#byIds('structure'),
    all: this.#all('structure'),
    childrenOf: { settlement: this.#childrenOf('structure', 'settlement') },
  };

  constructor(tables: TableReads, options: WorldOriginOptions) {
    this.#tables = tables;
    this.#options = options;
  }

  get calls(): Readonly<Record<string, number>> {
    return { ...this.#calls };
  }

  #byIds<T extends TypeName>(type: T) {
    return (ids: readonly string[], { branch }: OriginContext): Promise<WorldRow<T>[]> =>
      this.#ask(`${type}.byIds`, () => this.#tables.byIds(type, branch, ids));
  }

  #childrenOf<T extends TypeName>(type: T, parent: TypeName) {
    return (ids: readonly string[], { branch }: OriginContext): Promise<WorldRow<T>[]> =>
      this.#ask(`${type}.childrenOf.${parent}`, () => this.#tables.childrenOf(type, branch, ids));
  }

  #all<T extends TypeName>(type: T) {
    const rowsOf = (branch: string): Promise<WorldRow<T>[]> =>
      this.#ask(`${type}.all`, () => [...this.#tables.all(type, branch)]);
    return async function* ({ branch }: OriginContext): AsyncGenerator<WorldRow<T>> {
      yield* await rowsOf(branch);
    };
  }

  async #ask<Answer>(call: string, read: () => Answer): Promise<Answer> {
    this.#calls[call] = (this.#calls[call] ?? 0) + 1;
    await this.#travel();
    const answer = read();
    await this.#travel();
    return answer;
  }

  #travel(): Promise<void> | undefined {
    const { latencyMs = 0, clock = systemClock } = this.#options;
    return latencyMs > 0 ? new Promise((resolve) => void clock.after(latencyMs / 2, resolve)) : undefined;
  }
}
