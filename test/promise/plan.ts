import type { Overflow } from '../../src/watching.js';
import { type Random, pick, randomOf, weighted } from '../sim/dice.js';
import { type Fault, LINK_FAULTS, SERVER_FAULTS } from './ground.js';
import { ENTITIES, type EntityName } from './model.js';

/** What one seed stands for. */
export interface Plan {
  readonly seed: number;
  readonly replicas: number;
  readonly clients: readonly ClientPlan[];
  /** In order of their times. */
  readonly steps: readonly Step[];
}

export interface ClientPlan {
  readonly name: string;
  readonly overflow: Overflow;
  /** Whether it comes back with its cursors; else it begins anew. */
  readonly resumes: boolean;
  readonly on: number;
  /** How long a frame is on its way. */
  readonly linkMs: number;
}

export type Step = { readonly at: number } & Act;
export type Act =
  | { readonly do: 'change'; readonly entity: EntityName; readonly on: number }
  | { readonly do: 'stall' | 'drain' | 'cut' | 'pardon'; readonly who: number }
  | { readonly do: 'come' | 'ban'; readonly who: number; readonly on: number }
  | { readonly do: 'fork'; readonly who: number; readonly on: number; readonly dice: number }
  | { readonly do: 'fault'; readonly fault: Fault };

const OVERFLOWS: readonly Overflow[] = ['resync', 'replay', 'drop-oldest', 'coalesce', 'disconnect'];
const LASTS_MS = 7000;

export function planOf(seed: number): Plan {
  const random = randomOf(seed, 'plan');
  const nat = (below: number): number => Math.floor(random() * below);
  const replicas = 2 + nat(2);
  const clients = OVERFLOWS.map((overflow, i) => ({
    name: `${overflow}${String(i)}`,
    overflow,
    resumes: random() < 0.85,
    on: nat(replicas),
    linkMs: pick([1, 1, 10, 80], nat(4)),
  }));
  const steps: Step[] = [];
  for (let at = 50; at < LASTS_MS; at += 20 + 500 * random() * random()) {
    // Some changes at once, so that who does not read falls out of the ring.
    const burst = random() < 0.25 ? 4 + nat(10) : 1 + nat(2);
    const [entity, on] = [pick(ENTITIES, nat(4)), nat(replicas)];
    for (let i = 0; i < burst; i++)
      steps.push({
        at: at + i * 8 * random(),
        do: 'change',
        entity: random() < 0.6 ? entity : pick(ENTITIES, nat(4)),
        on: random() < 0.8 ? on : nat(replicas),
      });
  }
  for (let i = 10 + nat(25); i > 0; i--) steps.push({ at: LASTS_MS * random(), ...clientAct(random, replicas) });
  for (let i = nat(3); i > 0; i--) {
    const [at, who] = [LASTS_MS * 0.8 * random(), nat(clients.length)];
    steps.push({ at, do: 'ban', who, on: nat(replicas) }, { at: at + 500 + 4000 * random(), do: 'pardon', who });
  }
  for (let i = 1 + nat(4); i > 0; i--) steps.push(...faultsAt(300 + (LASTS_MS - 600) * random(), random, replicas));
  return { seed, replicas, clients, steps: steps.sort((a, b) => a.at - b.at) };
}

function clientAct(random: Random, replicas: number): Act {
  const nat = (below: number): number => Math.floor(random() * below);
  const [who, on] = [nat(OVERFLOWS.length), nat(replicas)];
  const what = weighted({ stall: 4, drain: 4, cut: 2, come: 5, fork: 3 }, random);
  if (what === 'fork') return { do: what, who, on, dice: nat(1e6) };
  return what === 'come' ? { do: what, who, on } : { do: what, who };
}

/** One fault, and what it needs before it. */
function faultsAt(at: number, random: Random, replicas: number): Step[] {
  const nat = (below: number): number => Math.floor(random() * below);
  const ms = Math.floor(random() < 0.4 ? 2500 + 1500 * random() : 40 + 1200 * random() * random());
  const one = (fault: Fault, when = at): Step => ({ at: when, do: 'fault', fault });
  if (random() < 0.6) {
    const fault: Fault = {
      ...{ what: pick(LINK_FAULTS, nat(LINK_FAULTS.length)), replica: nat(replicas), ms },
      link: random() < 0.5 ? 'client' : 'subscriber',
    };
    // Both links of a replica, at times.
    const other: Fault = { ...fault, link: fault.link === 'client' ? 'subscriber' : 'client' };
    return random() < 0.3 ? [one(fault), one(other, at + 30 * random())] : [one(fault)];
  }
  const what = pick(SERVER_FAULTS, nat(SERVER_FAULTS.length));
  const before = Math.max(50, at - 50 - 600 * random());
  if (what === 'restart' && random() < 0.7) return [one({ what: 'keep', ms }, before), one({ what, ms })];
  if (what === 'failover') return [one({ what: 'part', ms }, before), one({ what, ms })];
  return what === 'keep' || what === 'part' ? [one({ what: 'wipe', ms })] : [one({ what, ms })];
}

/** A step in a few words. */
export function said(step: Step): string {
  const at = `${String(Math.round(step.at))}:`;
  if (step.do !== 'fault') return `${at} ${Object.values(step).slice(1).join(' ')}`;
  return `${at} ${Object.values(step.fault).join(' ')}`;
}
