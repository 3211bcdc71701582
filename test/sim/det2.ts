import * as library from '../../src/index.js';
import { createPlanter } from '../plant.js';
import { search } from './run.js';
const { plant, remove } = createPlanter();
const lib = await plant({ name: 'none', edits: [] });
for (const [n, l] of [
  ['base', library],
  ['lib', lib],
] as const)
  for (const first of [62, 61, 50, 1]) {
    const f = await search(l as never, { first, seeds: 63 - first, ignored: ['P4', 'P6', 'P7'] });
    console.log(n, first, f?.seed, f?.violation.message);
  }
remove();
