import { createPlanter } from '../plant.js';
import { CONTROLS, FAULTS } from './faults.js';
import { withoutFaults } from './plan.js';
import { search } from './run.js';
const [only = '', max = '400'] = process.argv.slice(2);
const { plant, remove } = createPlanter();
for (const fault of [...FAULTS, ...CONTROLS.map((c) => ({ ...c, name: 'CONTROL ' + c.name }))]) {
  if (!fault.name.includes(only)) continue;
  const began = Date.now();
  try {
    const lib = await plant(fault);
    const found = await search(lib, {
      first: 1,
      seeds: Number(max),
      ignored: (process.env.SIM_IGNORE ?? '').split(','),
      ...(fault.rules && { rules: fault.rules }),
      ...(fault.calm && { change: withoutFaults }),
    });
    console.log(
      found === null ? 'NOT FOUND' : String(found.seeds).padStart(5),
      found?.violation.rule,
      fault.name,
      Date.now() - began,
      'ms',
      process.env.SIM_V ? found?.violation.message : '',
    );
  } catch (e) {
    console.log('ERROR', fault.name, String(e));
  }
}
remove();
