import { createPlanter } from '../plant.js';
import { FAULTS, CONTROLS } from './faults.js';
import { planOf } from './plan.js';
import { play } from './run.js';
import { printed, shrink } from './shrink.js';
import { Trace } from './trace.js';
import { drawn } from './draw.js';
import { writeFileSync } from 'node:fs';
const { plant, remove } = createPlanter();
const [name, seed, tries = '1500'] = process.argv.slice(2);
const ignored = ['P4', 'P6', 'P7'];
const fault = [...FAULTS, ...CONTROLS].find((f) => f.name.includes(name!))!;
const lib = await plant(fault);
const plan = planOf(Number(seed));
const v = await play(lib as never, plan, { ignored, rules: fault.rules });
if (v === null) console.log('holds');
else {
  const least = await shrink(lib as never, { plan, violation: v }, { ignored, rules: fault.rules }, Number(tries));
  console.log(printed(least));
  const trace = new Trace();
  await play(lib as never, least.plan, { ignored, rules: fault.rules, trace });
  writeFileSync('/tmp/simout/d4.svg', drawn(trace, least.violation.message));
}
remove();
