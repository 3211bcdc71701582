import type { Library } from '../plant.js';
import type { Violation } from './check.js';
import type { Config, Plan, Step } from './plan.js';
import { type RunOptions, play } from './run.js';

export interface Shrunk {
  readonly plan: Plan;
  readonly violation: Violation;
}

/** Simpler worlds to try: each is kept if the same promise still breaks in it. */
const SIMPLER: readonly ((config: Config) => Config)[] = [
  (config) => ({ ...config, slowShare: 0 }),
  (config) => ({ ...config, partitions: 1, stranger: -1 }),
  (config) => ({ ...config, fetches: true }),
  (config) => ({ ...config, lagMs: 0 }),
  (config) => ({ ...config, graceMs: 0 }),
  (config) => ({ ...config, ttlMs: 60_000 }),
  (config) => ({ ...config, maxEntries: 100 }),
  (config) => ({ ...config, comparesRunId: true }),
  (config) => ({ ...config, rates: config.rates.map(() => 1) }),
  (config) => ({ ...config, schemas: config.schemas.map(() => 1) }),
  (config) => ({ ...config, resends: config.resends.map(() => false) }),
];

/**
 * The least of a failing plan that still breaks the same promise: steps are left out in ever smaller groups until none
 * can be spared (Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", 2002).
 */
export async function shrink(library: Library, found: Shrunk, options: RunOptions = {}, tries = 600): Promise<Shrunk> {
  let best = found;
  let left = tries;
  const keeps = async (plan: Plan): Promise<boolean> => {
    if (left-- <= 0) return false;
    const violation = await play(library, plan, options);
    if (violation?.rule !== found.violation.rule) return false;
    best = { plan, violation };
    return true;
  };
  await sparing(best.plan.steps, (steps) => keeps({ ...best.plan, steps }));
  for (const simpler of SIMPLER) await keeps({ ...best.plan, config: simpler(best.plan.config) });
  await sparing(best.plan.steps, (steps) => keeps({ ...best.plan, steps }));
  return best;
}

async function sparing(steps: readonly Step[], keeps: (steps: readonly Step[]) => Promise<boolean>): Promise<void> {
  let now = steps;
  for (let size = Math.ceil(now.length / 2); size >= 1;) {
    let spared = false;
    for (let at = 0; at < now.length;) {
      const fewer = [...now.slice(0, at), ...now.slice(at + size)];
      if (fewer.length < now.length && (await keeps(fewer))) {
        now = fewer;
        spared = true;
      } else at += size;
    }
    if (!spared || size > now.length) size = size === 1 ? 0 : Math.ceil(size / 2);
    if (size === 0) break;
  }
}

/** A plan as text that says everything: what a failing test prints. */
export function printed({ plan, violation }: Shrunk): string {
  const steps = plan.steps.map(([at, what, ...dice]) => `    [${[at, `'${what}'`, ...dice].join(', ')}],`);
  return [
    `${violation.message}`,
    `replay: SIM_SEED=${String(plan.seed)} npm run sim      draw: npm run sim:draw -- ${String(plan.seed)}`,
    `the least of it: ${JSON.stringify(plan.config)}`,
    ...steps,
  ].join('\n');
}
