import * as library from '../../src/index.js';
import { createPlanter } from '../plant.js';
import { planOf } from './plan.js';
import { play } from './run.js';
import { Trace } from './trace.js';
const { plant, remove } = createPlanter();
const lib = await plant({ name: 'none', edits: [] });
const seed = Number(process.argv[2]);
for (const l of [library, lib, library, lib]) {
  const trace = new Trace();
  const v = await play(l as never, planOf(seed), { trace, ignored: ['P4', 'P6', 'P7'] });
  let h = 0;
  const text = JSON.stringify([trace.messages, trace.ops]);
  for (let i = 0; i < text.length; i++) h = (Math.imul(h, 31) + text.charCodeAt(i)) | 0;
  console.log(h, trace.messages.length, v?.message);
}
remove();
