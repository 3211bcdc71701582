import { createPlanter } from '../plant.js';
import { FAULTS, CONTROLS } from './faults.js';
import { planOf } from './plan.js';
import { play } from './run.js';
import { search } from './run.js';
const { plant, remove } = createPlanter();
for (const name of ['override without', 'no loose', 'before of another']) {
  const lib = await plant([...FAULTS, ...CONTROLS].find((f) => f.name.includes(name))!);
  const v = await play(lib as never, planOf(62), { ignored: ['P4', 'P6', 'P7'] });
  const w = await search(lib as never, { first: 1, seeds: 62, ignored: ['P4', 'P6', 'P7'] });
  const x = await play(lib as never, planOf(62), { ignored: ['P4', 'P6', 'P7'] });
  console.log(name, v?.message, '|', w?.seed, w?.violation.message, '|', x?.message);
}
remove();
