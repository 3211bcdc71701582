import * as library from '../../src/index.js';
import { planOf } from './plan.js';
import { play } from './run.js';

const [first = 1, seeds = 200] = process.argv.slice(2).map(Number);
const began = performance.now();
const rules = new Map<string, number[]>();
const shown = new Map<string, string>();
for (let seed = first; seed < first + seeds; seed++) {
  const violation = await play(library, planOf(seed));
  if (violation === null) continue;
  rules.set(violation.rule, [...(rules.get(violation.rule) ?? []), seed]);
  if (!shown.has(violation.rule)) shown.set(violation.rule, `${String(seed)}: ${violation.message}`);
}
const took = performance.now() - began;
console.log(`${String(seeds)} seeds in ${took.toFixed(0)} ms: ${((1000 * seeds) / took).toFixed(0)} seeds/s`);
for (const [rule, found] of rules)
  console.log(rule, found.length, found.slice(0, 12).join(' '), '\n   ', shown.get(rule));
