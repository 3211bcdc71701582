import * as library from '../../src/index.js';
import { PROMISES } from './check.js';
import { onPostgres, planOf } from './plan.js';
import { play } from './run.js';
import { printed, shrink } from './shrink.js';
import { Trace } from './trace.js';
import { drawn } from './draw.js';
import { writeFileSync } from 'node:fs';

// SIM_SEED=7 npm run sim: plays one seed and, if it fails, prints the least of it. SIM_SEEDS=500: that many seeds from
// there on. SIM_POSTGRES=1: all of them on a Postgres. SIM_DRAW=file: writes the picture of the least of it, or of all of it.
const { SIM_SEED: from = '1', SIM_SEEDS: count, SIM_IGNORE = '', SIM_DRAW, SIM_POSTGRES } = process.env;
const first = Number(from);
const seeds = Number(count ?? 1);
const ignored = SIM_IGNORE.split(',');
const judged = PROMISES.filter((promise) => !ignored.includes(promise));
const began = performance.now();
const cpu = process.cpuUsage();
const failures = new Map<string, { readonly seeds: number[]; readonly first: string }>();

for (let seed = first; seed < first + seeds; seed++) {
  const plan = SIM_POSTGRES === undefined ? planOf(seed) : onPostgres(planOf(seed));
  const violation = await play(library, plan, { judged });
  if (violation !== null) {
    const known = failures.get(violation.rule);
    if (known !== undefined) known.seeds.push(seed);
    else failures.set(violation.rule, { seeds: [seed], first: violation.message });
  }
  if (seeds === 1) {
    const least = violation === null ? null : await shrink(library, { plan, violation }, { judged });
    console.log(least === null ? `seed ${from} holds` : printed(least));
    if (SIM_DRAW !== undefined) {
      const trace = new Trace();
      await play(library, least?.plan ?? plan, { judged, trace });
      writeFileSync(SIM_DRAW, drawn(trace, violation?.message ?? `seed ${from}`));
    }
  }
}

const { user, system } = process.cpuUsage(cpu);
const rate = `${String(seeds)} seeds in ${(performance.now() - began).toFixed(0)} ms, ${((1e6 * seeds) / (user + system)).toFixed(0)} per second of one core`;
if (seeds > 1) console.log(rate);
for (const [rule, { seeds: of, first: message }] of failures) {
  console.log(`${rule}: ${String(of.length)} seeds (${of.slice(0, 12).join(' ')})\n    ${message}`);
}
process.exitCode = failures.size === 0 ? 0 : 1;
