import { BACK_ENDS, suiteCases } from './suites.js';

/** Prints what each back end gives for each shared case. */

let evalIsRefused = false;
try {
  (0, eval)('1');
} catch {
  evalIsRefused = true;
}
const cases = suiteCases();
const outcomes = Object.fromEntries(
  Object.entries(BACK_ENDS).map(([name, outcomeOf]) => [name, cases.map(({ rule, data }) => outcomeOf(rule, data))]),
);
console.log(JSON.stringify({ evalIsRefused, outcomes }));
