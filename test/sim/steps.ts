import type { Random } from './dice.js';
import type { Config, Step, What } from './plan.js';

/** One value that several steps are about: the same numbers for all of them. */
export interface Focus {
  readonly branch: number;
  readonly entity: number;
  readonly list: number;
}

/** A plan in the making. */
export class Steps {
  readonly all: Step[] = [];
  readonly random: Random;
  readonly config: Config;

  constructor(random: Random, config: Config) {
    this.random = random;
    this.config = config;
  }

  add(at: number, what: What, a = this.nat(), b = this.nat(), c = this.nat()): void {
    this.all.push([Math.round(at * 10) / 10, what, a, b, c]);
  }

  nat(): number {
    return Math.floor(this.random() * 10_000);
  }

  chance(share: number): boolean {
    return this.random() < share;
  }

  focus(): Focus {
    return { branch: this.nat(), entity: this.nat(), list: this.nat() };
  }

  /** One replica reads it. Behind the last replica comes the first. */
  get(replica: number, at: number, { branch, entity }: Focus): void {
    this.add(at, 'get', onReplica(branch, replica % this.config.replicas), entity, 0);
  }

  /** All of them do. */
  read(at: number, { branch, entity, list }: Focus): void {
    this.add(at, 'everywhere', branch, entity, list);
  }

  /** One replica changes it, and announces that at once. */
  changeOn(replica: number, at: number, { branch, entity }: Focus): void {
    const dice = Math.floor(128 * this.random());
    this.add(at, 'change', onReplica(branch, replica % this.config.replicas), entity, dice);
  }

  /** Any of them does, perhaps later. */
  change(at: number, { branch, entity }: Focus): void {
    this.add(at, 'change', onReplica(branch, this.nat()), entity);
  }
}

/** The number of a branch with that of a replica in its lowest bits. */
export const onReplica = (branch: number, replica: number): number => (branch & ~7) | (replica & 7);
