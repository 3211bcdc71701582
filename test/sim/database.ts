import type { OriginContext, RuleSource } from '../../src/index.js';
import type { Random } from './dice.js';
import type { Engine } from './engine.js';
import type { Process } from './process.js';
import { type Row, type Type, TYPES, type World, rulesOf } from './world.js';

export interface DatabaseParts {
  readonly engine: Engine;
  readonly world: World;
  readonly random: Random;
  /** How far the read replica is behind; 0: reads go to the primary. */
  readonly lagMs: number;
  readonly note: (what: string, from: string, to: string, since: number) => void;
}

/** The origin as the replicas reach it: it may be slow, fail, or answer from a copy that lags. */
export class Database {
  slowUntil = 0;
  slowMs = 0;
  failsUntil = 0;
  /** When the last answer comes that was slow or a failure: whoever joined that load is concerned. */
  faultyUntil = 0;
  readonly #parts: DatabaseParts;

  constructor(parts: DatabaseParts) {
    this.#parts = parts;
  }

  get world(): World {
    return this.#parts.world;
  }

  /** What one replica is given as its origin. */
  originFor(process: Process) {
    const of = (type: Type) => ({
      byIds: (ids: readonly string[], context: OriginContext) =>
        this.ask(process, `${type} ${ids.join(',')}`, context, (number) =>
          ids.flatMap((id) => this.world.record(type, id, context.branch, number) ?? []),
        ),
      all: async function* (this: void, context: OriginContext): AsyncGenerator<Row> {
        yield* await ask(`every ${type}`, context, (number) => world.all(type, context.branch, number));
      },
      childrenOf: Object.fromEntries(
        (type === 'settlement'
          ? (['kingdom'] as const)
          : type === 'structure'
            ? (['settlement', 'guild'] as const)
            : []
        ).map((parent) => [
          parent,
          (ids: readonly string[], context: OriginContext) =>
            this.ask(process, `${type}<${ids.join(',')}`, context, (number) =>
              ids.flatMap((id) => this.world.children(type, parent, id, context.branch, number)),
            ),
        ]),
      ),
    });
    const { world } = this;
    const ask = <T>(label: string, context: OriginContext, read: (number: number) => T): Promise<T> =>
      this.ask(process, label, context, read);
    return Object.fromEntries([...TYPES, 'province' as const].map((type) => [type, of(type)]));
  }

  /** Where a replica's rules come from: always the newest that is committed. */
  rulesFor(process: Process): RuleSource {
    return () => this.ask(process, 'rules', { recentlyChanged: true }, (number) => rulesOf(this.world.edition(number)));
  }

  /** One query: it sees what is committed when it arrives, and its answer is heard of later. */
  ask<T>(
    process: Process,
    label: string,
    context: Pick<OriginContext, 'recentlyChanged' | 'via'>,
    read: (number: number) => T,
    atLeastMs = 0,
  ): Promise<T> {
    const { engine, random, note } = this.#parts;
    const sent = engine.now;
    return new Promise((resolve, reject) => {
      engine.at(
        engine.now + 0.2 + 2 * random(),
        () => {
          note(label, process.name, 'origin', sent);
          const arrived = engine.now;
          const fails = arrived < this.failsUntil;
          const answer = fails
            ? null
            : read(this.#seenAt(arrived, context.recentlyChanged || context.via !== undefined));
          const takes =
            atLeastMs +
            0.2 +
            4 * random() +
            (random() < 0.1 ? 40 * random() : 0) +
            (arrived < this.slowUntil ? this.slowMs * random() : 0);
          const isFaulty = fails || arrived < this.slowUntil;
          if (isFaulty) this.faultyUntil = Math.max(this.faultyUntil, arrived + takes);
          engine.at(arrived + takes, () => {
            process.receive('origin', () => {
              note(`${label} ✓`, 'origin', process.name, arrived);
              // A process that stood still hears of it late, and by then others have joined the load.
              if (isFaulty) this.faultyUntil = Math.max(this.faultyUntil, engine.now);
              if (fails) reject(new Error('the database is down'));
              else resolve(answer as T);
            });
          });
        },
        true,
      );
    });
  }

  /** The last commit that a query of now sees. A host asks the primary for what changed recently and in transactions. */
  #seenAt(now: number, fromPrimary: boolean): number {
    const { world, lagMs } = this.#parts;
    if (lagMs === 0 || fromPrimary) return world.last;
    return world.lastAt(now - lagMs);
  }
}
