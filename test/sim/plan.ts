import { type Random, randomOf, weighted } from './dice.js';

/** What one seed stands for: a configuration, and steps at their times. Any subset of the steps is a plan too. */
export interface Plan {
  readonly seed: number;
  readonly config: Config;
  readonly steps: readonly Step[];
}

export interface Config {
  readonly replicas: number;
  readonly partitions: number;
  /** The replica that is configured for one partition where there are more, and must be refused; -1: none. */
  readonly stranger: number;
  readonly comparesRunId: boolean;
  /** Of the origin's read replica; 0: there is none. */
  readonly lagMs: number;
  readonly maxEntries: number;
  readonly ttlMs: number;
  readonly graceMs: number;
  readonly slowShare: number;
  readonly slowMs: number;
  /** By replica. */
  readonly resends: readonly boolean[];
  readonly schemas: readonly number[];
  readonly rates: readonly number[];
}

/** Numbers are dice: they choose among what there is. */
export type Step = readonly [atMs: number, what: What, a: number, b: number, c: number];

const READERS = {
  get: 12,
  children: 8,
  view: 6,
  keyed: 2,
  scopeRead: 8,
  newScope: 1,
  peek: 3,
  afterRead: 6,
  strongRead: 3,
  box: 2,
  near: 1,
  everywhere: 3,
} as const;
const WRITERS = {
  change: 16,
  transact: 2,
  bulk: 1,
  delPattern: 1,
  setKey: 3,
  getKey: 4,
  delKey: 1,
  reparent: 1,
} as const;
const SUBSCRIBERS = { subscribe: 2, resume: 1 } as const;
/** Faults, each with what belongs to it. */
const FAULTS = {
  pause: 3,
  suspend: 2,
  wall: 1,
  cut: 4,
  halfOpen: 4,
  stall: 3,
  evict: 1,
  evictMarks: 2,
  flush: 2,
  full: 1,
  refuse: 2,
  restore: 4,
  failover: 4,
  split: 4,
  outage: 3,
  crash: 3,
  originSlow: 2,
  originFails: 2,
} as const;

export type What =
  keyof typeof READERS | keyof typeof WRITERS | keyof typeof SUBSCRIBERS | keyof typeof FAULTS | 'snapshot' | 'herd';

const nat = (random: Random): number => Math.floor(random() * 10_000);

export function planOf(seed: number): Plan {
  const random = randomOf(seed, 'plan');
  const config = configOf(random);
  const steps: Step[] = [];
  const add = (at: number, what: What, a = nat(random), b = nat(random), c = nat(random)): void => {
    steps.push([Math.round(at * 10) / 10, what, a, b, c]);
  };
  const faults = random() < 0.2 ? 0 : 1 + Math.floor(random() * 3);
  const calm = 15 + Math.floor(random() * 20);
  let at = 5;
  const step = (): void => {
    if (random() < 0.2) clash(at, { random, add });
    else add(at, weighted({ ...READERS, ...WRITERS, ...SUBSCRIBERS }, random));
    at += gap(random);
  };
  if (random() < 0.4) clash(at, { random, add });
  add(at, 'subscribe');
  for (let i = 0; i < 6; i++) step();
  for (let fault = 0; fault < faults; fault++) {
    for (let i = 0; i < calm / (faults + 1); i++) step();
    at = disaster(at, weighted(FAULTS, random), { random, add });
  }
  for (let i = 0; i < calm / (faults + 1); i++) step();
  if (random() < 0.3) add(at + 9000, 'herd');
  return { seed, config, steps: steps.sort(([a], [b]) => a - b) };
}

/** The same without anything that goes wrong: only delays are left. */
export const withoutFaults = (plan: Plan): Plan => ({
  ...plan,
  config: { ...plan.config, lagMs: 0, stranger: -1 },
  steps: plan.steps.filter(([, what]) => !(what in FAULTS)),
});

function configOf(random: Random): Config {
  const replicas = 2 + Math.floor(random() * random() * 4);
  const each = <T>(make: () => T): T[] => Array.from({ length: replicas }, make);
  const partitions = Number(weighted({ '1': 3, '4': 2, '16': 1 }, random));
  return {
    replicas,
    partitions,
    stranger: partitions > 1 && random() < 0.1 ? replicas - 1 : -1,
    comparesRunId: random() < 0.9,
    lagMs: random() < 0.15 ? 20 + Math.floor(random() * 600) : 0,
    maxEntries: random() < 0.3 ? 4 : 100,
    ttlMs: random() < 0.3 ? 800 : 60_000,
    graceMs: random() < 0.3 ? 2000 : 0,
    slowShare: random() < 0.5 ? 0.15 : 0.03,
    slowMs: random() < 0.5 ? 30 : 300,
    resends: each(() => random() < 0.5),
    schemas: each(() => (random() < 0.1 ? 2 : 1)),
    rates: each(() => 1 + (random() - 0.5) * 0.004),
  };
}

function gap(random: Random): number {
  const dice = random();
  if (dice < 0.6) return 4 * random();
  if (dice < 0.85) return 5 + 40 * random();
  if (dice < 0.97) return 50 + 500 * random();
  return 1000 + 4000 * random();
}

type Add = (at: number, what: What, ...dice: number[]) => void;

/** One value read everywhere while it changes, by several replicas, and again at once. */
function clash(at: number, { random, add }: { readonly random: Random; readonly add: Add }): void {
  const [branch, entity, list] = [nat(random), nat(random), nat(random)];
  const length = random() < 0.7 ? 12 : 60;
  for (let i = 0; i < 5; i++) add(at + length * random(), 'everywhere', branch, entity, list);
  for (let i = 0; i < 2; i++) add(at + length * random() * 0.7, 'change', nat(random), entity);
  if (random() < 0.3) add(at + length * random() * 0.7, 'delPattern');
  add(at + length + 20 * random(), 'everywhere', branch, entity, list);
}

/** A fault with changes and reads around it: left alone, few would meet. Returns when it goes on. */
function disaster(
  from: number,
  what: keyof typeof FAULTS,
  { random, add }: { readonly random: Random; readonly add: Add },
): number {
  const lasts = 200 + 5000 * random() * random();
  if (what === 'restore' || what === 'failover') {
    // What is written between the copy and the fault is forgotten.
    add(from, 'snapshot');
    for (let i = 0; i < 3; i++) add(from + 1 + lasts * 0.2 * random(), random() < 0.7 ? 'change' : 'setKey');
    for (let i = 0; i < 3; i++) add(from + 1 + lasts * 0.2 * random(), 'everywhere');
    from += lasts * 0.2 + 10 * random();
  }
  add(from, what, nat(random), nat(random), Math.floor(lasts));
  for (let i = 0; i < 6; i++) {
    const at = from + 1 + lasts * 1.3 * random();
    add(at, random() < 0.5 ? 'change' : weighted({ ...WRITERS, subscribe: 1, resume: 1 }, random));
    add(at + 20 * random(), weighted(READERS, random));
    add(from + lasts * (0.2 + 1.2 * random()), 'everywhere');
  }
  add(from + lasts + 20 + 50 * random(), 'everywhere');
  add(from + lasts + 1500 * random(), 'everywhere');
  return from + lasts * (0.5 + random());
}
