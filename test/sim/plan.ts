import { type Random, randomOf, weighted } from './dice.js';
import { disaster } from './disasters.js';
import {
  clash,
  crossing,
  emptying,
  family,
  interruption,
  joining,
  lag,
  mapping,
  regraft,
  ruling,
  start,
  sweeping,
  writing,
} from './meetings.js';
import { Steps } from './steps.js';

/** What one seed stands for: a configuration, and steps at their times. Any subset of the steps is a plan too. */
export interface Plan {
  readonly seed: number;
  readonly config: Config;
  readonly steps: readonly Step[];
}

export interface Config {
  /** Marks, store and bus are in one like Postgres. */
  readonly postgres: boolean;
  readonly replicas: number;
  readonly partitions: number;
  /** The replica that is configured for one partition where there are more, and must be refused; -1: none. */
  readonly stranger: number;
  /** Marks and values come in one round trip. */
  readonly fetches: boolean;
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
  /** How much later than the database each knows where a branch hangs. */
  readonly treeLagsMs: readonly number[];
  /** What the first word takes on each one's subscriber connection. */
  readonly startsMs: readonly number[];
}

/** Numbers are dice: they choose among what there is. */
export type Step = readonly [atMs: number, what: What, a: number, b: number, c: number];

/** What clients do, and how often when nothing else is arranged. */
export const CLIENTS = {
  get: 8,
  children: 5,
  view: 5,
  keyed: 2,
  scopeRead: 6,
  newScope: 1,
  peek: 3,
  afterRead: 6,
  strongRead: 3,
  box: 2,
  near: 1,
  everywhere: 3,
  change: 14,
  transact: 2,
  bulk: 1,
  delPattern: 1,
  setKey: 3,
  getKey: 4,
  delKey: 1,
  reparent: 1,
  subscribe: 2,
  resume: 1,
} as const;

/** What goes wrong, and how often. */
export const FAULTS = {
  pause: 3,
  suspend: 3,
  wall: 1,
  cut: 4,
  halfOpen: 4,
  stall: 4,
  lose: 3,
  slowReplies: 4,
  lostReply: 4,
  evict: 1,
  evictMarks: 2,
  flush: 2,
  full: 1,
  refuse: 2,
  restore: 4,
  failover: 4,
  split: 6,
  outage: 4,
  crash: 3,
  originSlow: 2,
  originFails: 2,
} as const;

export type Fault = keyof typeof FAULTS;
export type What =
  keyof typeof CLIENTS | Fault | 'snapshot' | 'herd' | 'fields' | 'editRules' | 'where' | 'redraw' | 'write';

/** How many of the worlds have all in a Postgres. */
const POSTGRES_SHARE = 0.25;

export function planOf(
  seed: number,
  { writes = true, sweeps = true, postgres = randomOf(seed, 'server')() < POSTGRES_SHARE } = {},
): Plan {
  const random = randomOf(seed, 'plan');
  const config = configOf(random, postgres);
  const steps = new Steps(random, config);
  const shape = weighted({ start: 1, brief: 9, full: 10 }, random);
  const end = shape === 'start' ? start(steps, 5) : shape === 'brief' ? brief(steps) : full(steps);
  if (steps.chance(0.15)) steps.add(end + 9000, 'herd');
  const more = [...rulings(seed, config, end), ...mappings(seed, config, end)];
  if (writes) more.push(...writings(seed, config, end));
  if (sweeps) more.push(...sweepings(seed, config, end));
  if (postgres) more.push(...delays(seed, config, end));
  return { seed, config, steps: [...steps.all, ...more].sort(([a], [b]) => a - b) };
}

/** By dice of their own: the rest of a world is what it would be without them. */
function rulings(seed: number, config: Config, end: number): readonly Step[] {
  const steps = new Steps(randomOf(seed, 'rulings'), config);
  for (let share = 0.3; steps.chance(share); share = 0.5) ruling(steps, 25 + end * steps.random());
  return steps.all;
}

const isRuling = ([, what]: Step): boolean => what === 'fields' || what === 'editRules';

/** Whether there are rules in it at all. */
export const isRuled = ({ steps }: Plan): boolean => steps.some(isRuling);

/** The same without rules and those who look at what they say. */
export const withoutRulings = (plan: Plan): Plan => ({ ...plan, steps: plan.steps.filter((step) => !isRuling(step)) });

/** The same for who asks where things are, and redraws the map. */
function mappings(seed: number, config: Config, end: number): readonly Step[] {
  const steps = new Steps(randomOf(seed, 'mappings'), config);
  for (let share = 0.25; steps.chance(share); share = 0.5) mapping(steps, 25 + end * steps.random());
  return steps.all;
}

const isMapping = ([, what]: Step): boolean => what === 'where' || what === 'redraw';

/** Whether there are provinces in it. */
export const isMapped = ({ steps }: Plan): boolean => steps.some(isMapping);

/** The same without provinces and those who ask where things are. */
export const withoutMappings = (plan: Plan): Plan => ({
  ...plan,
  steps: plan.steps.filter((step) => !isMapping(step)),
});

/** The same for who writes changes down in the transactions of their data. */
function writings(seed: number, config: Config, end: number): readonly Step[] {
  const steps = new Steps(randomOf(seed, 'writings'), config);
  for (let share = 0.2; steps.chance(share); share = 0.6) writing(steps, 25 + end * steps.random());
  return steps.all;
}

/** The same for who deletes by pattern while something is loaded. */
function sweepings(seed: number, config: Config, end: number): readonly Step[] {
  const steps = new Steps(randomOf(seed, 'sweepings'), config);
  for (let share = 0.15; steps.chance(share); share = 0.5) sweeping(steps, 25 + end * steps.random());
  return steps.all;
}

/** The same for what a Postgres may do to a change: its transaction ends later than another, or not at all. */
function delays(seed: number, config: Config, end: number): readonly Step[] {
  const steps = new Steps(randomOf(seed, 'delays'), config);
  for (let share = 0.9; steps.chance(share); share = 0.5) {
    const meet = { crossing, interruption, emptying }[
      weighted({ crossing: 4, interruption: 3, emptying: 1 }, steps.random)
    ];
    meet(steps, 45 + end * steps.random());
  }
  return steps.all;
}

/** Whether its database has an outbox. */
export const isLedgered = ({ steps }: Plan): boolean => steps.some(([, what]) => what === 'write');

/** The same world as it was drawn before deletions by pattern met loads. */
export const withoutSweeps = ({ seed, config: { postgres } }: Plan): Plan => planOf(seed, { sweeps: false, postgres });

/** The same from before there was an outbox, and what is arranged around its writers. */
export const withoutWritings = ({ seed, config: { postgres } }: Plan): Plan =>
  planOf(seed, { writes: false, sweeps: false, postgres });

/** The same world on a Redis, whatever it was drawn with. */
export const onRedis = ({ seed }: Plan): Plan => planOf(seed, { postgres: false });

export const onPostgres = ({ seed }: Plan): Plan => planOf(seed, { postgres: true });

/** One disaster after the other. Returns when it ends. */
function brief(steps: Steps): number {
  steps.add(5, 'subscribe');
  let at = 50;
  for (let fault = 0; fault < 2; fault++) at = disaster(steps, at, weighted(FAULTS, steps.random));
  return at;
}

/** Calm stretches with a disaster between two of them, or none. Returns when it ends. */
function full(steps: Steps): number {
  const { random, config } = steps;
  const faults = steps.chance(0.2) ? 0 : 1 + Math.floor(random() * 2);
  const calm = 8 + Math.floor(random() * 14);
  steps.add(5, 'subscribe');
  if (steps.chance(0.4)) clash(steps, 5);
  let at = 6;
  for (let fault = 0; fault <= faults; fault++) {
    for (let i = 0; i < calm; i++) {
      if (steps.chance(0.11)) clash(steps, at);
      else if (steps.chance(0.05)) family(steps, at);
      else steps.add(at, weighted(CLIENTS, random));
      at += gap(random);
    }
    if (steps.chance(0.05)) joining(steps, at);
    if (steps.chance(0.03)) regraft(steps, at);
    if (config.lagMs > 0 && steps.chance(0.3)) lag(steps, at);
    if (fault < faults) at = disaster(steps, at, weighted(FAULTS, random));
  }
  return at;
}

/** The same without anything that goes wrong: only delays are left. */
export const withoutFaults = (plan: Plan): Plan => ({
  ...plan,
  config: { ...plan.config, lagMs: 0, stranger: -1 },
  steps: plan.steps.filter(([, what]) => !(what in FAULTS)),
});

function configOf(random: Random, postgres: boolean): Config {
  const replicas = 2 + Math.floor(random() * random() * 4);
  const each = <T>(make: () => T): T[] => Array.from({ length: replicas }, make);
  const partitions = Number(weighted({ '1': 3, '4': 2, '16': 1 }, random));
  const config = {
    postgres,
    replicas,
    partitions,
    stranger: partitions > 1 && random() < 0.1 ? replicas - 1 : -1,
    fetches: random() < 0.7,
    comparesRunId: random() < 0.8,
    lagMs: random() < 0.15 ? 20 + Math.floor(random() * 600) : 0,
    maxEntries: random() < 0.3 ? 4 : 100,
    ttlMs: random() < 0.3 ? 800 : 60_000,
    graceMs: random() < 0.3 ? 2000 : 0,
    slowShare: random() < 0.5 ? 0.15 : 0.03,
    slowMs: random() < 0.5 ? 30 : 300,
    resends: each(() => random() < 0.5),
    schemas: each(() => (random() < 0.1 ? 2 : 1)),
    rates: each(() => 1 + (random() - 0.5) * 0.004),
    treeLagsMs: each(() => (random() < 0.2 ? Math.floor(random() * 500) : 0)),
    startsMs: each(() => (random() < 0.3 ? Math.floor(random() * 400) : 0)),
  };
  return postgres ? { ...config, comparesRunId: true, resends: config.resends.map(() => false) } : config;
}

function gap(random: Random): number {
  const dice = random();
  if (dice < 0.6) return 4 * random();
  if (dice < 0.85) return 5 + 40 * random();
  if (dice < 0.97) return 50 + 500 * random();
  return 1000 + 4000 * random();
}
