import assert from 'node:assert/strict';
import { seeded, shuffled } from './random.mjs';
import { startWorker } from './worker.mjs';

/**
 * Times cases side by side. Each case lives in a process of its own, so that neither its heap nor its compiled code
 * depends on the others; they take turns: each has one turn of a few samples in every round, in an order shuffled by a seeded generator.
 * What disturbs the machine then disturbs all alike, and a ratio within a round means something even where the times
 * themselves drift.
 *
 * @typedef {object} Case
 * @property {string} name
 * @property {(given: unknown) => Made | Promise<Made>} make Called once, in the case's own process, with what the
 *   question's `start` gave: where its servers are.
 *
 * @typedef {object} Made
 * @property {(from: number, to: number) => number | Promise<number>} [run] Does the operations numbered `from` to `to`,
 *   without the last; the whole call is timed.
 * @property {(n: number, watch: import('./worker.mjs').Watch) => Promise<number>} [timed] Does n operations, and starts
 *   and stops the watch itself.
 * @property {() => void | Promise<void>} verify Throws unless the case did what it claims: called before and after.
 *
 * `run` and `timed` return a checksum of the values they got: it must be the same for all cases of a group.
 *
 * @typedef {object} Group
 * @property {string} title
 * @property {string} operation What is done once, such as 'read'.
 * @property {string} reference The name of the case that the others are compared with.
 * @property {number} [checked] How many operations' checksums are compared. Default 1.
 * @property {string} [cpus] The processors that cases may run on, as taskset takes them. Default: any.
 * @property {readonly Case[]} cases
 *
 * @typedef {object} Row
 * @property {string} name
 * @property {number} min Nanoseconds per operation, as are `median` and `p90`.
 * @property {number} median
 * @property {number} p90
 * @property {number} spread (p90 − min) ÷ min
 * @property {number} ratio To the reference, by minima; the reference's is that of its two timings together.
 * @property {number} roundRatio To the reference: the median over the rounds of the ratio of the fastest samples of a turn.
 * @property {boolean} control True for the second timing of the reference.
 */

const MIN_ROUNDS = 6;
/** Two timings of the same that are within this of each other are enough; else on, as long as the budget lasts. */
const AGREEMENT = 0.02;

/**
 * @param {string} question The file name of the question, without its ending.
 * @param {Group} group
 * @param {number} number The group's place in its question.
 * @param {{ budgetMs: number, given?: unknown, seed?: number }} options The budget is what the rounds may take beyond the
 *   fewest.
 * @returns {Promise<{ title: string, operation: string, unit: 'ns', reference: string, rounds: number, rows: Row[] }>}
 */
export async function measure(question, group, number, { budgetMs, given, seed = 1 }) {
  const { title, operation, reference } = group;
  const first = group.cases.findIndex((one) => one.name === reference);
  assert.notEqual(first, -1, `${title}: no case is named '${reference}'`);
  const entrants = group.cases.map(({ name }, at) => ({ name, at, control: false, turns: [] }));
  entrants.splice(first + 1, 0, { name: `${reference} (again: noise)`, at: first, control: true, turns: [] });
  try {
    for (const one of entrants) {
      one.worker = startWorker([question, number, one.at], { given, cpus: group.cpus });
      // On one processor they would keep each other, and the server, from getting ready.
      if (group.cpus !== undefined) await one.worker.ask('ready');
    }
    await checkAlike(entrants, group);
    for (const one of entrants) one.n = await one.worker.ask('warmUp');
    const random = seeded(seed);
    const startedAt = performance.now();
    let rounds = 0;
    for (; rounds < MIN_ROUNDS || (performance.now() - startedAt < budgetMs && !isQuiet(entrants, first)); rounds++) {
      for (const one of shuffled(entrants, random)) one.turns.push(await one.worker.ask('turn', one.n));
    }
    for (const one of entrants) await one.worker.ask('verify');
    return { title, operation, unit: 'ns', reference, rounds, rows: rowsOf(entrants, first) };
  } finally {
    for (const { worker } of entrants) worker?.end();
  }
}

/** A benchmark of a path that fails is fast and worthless. */
async function checkAlike(entrants, { title, checked = 1 }) {
  const checksums = [];
  for (const { worker } of entrants) checksums.push(await worker.ask('check', checked));
  assert.ok(Number.isFinite(checksums[0]) && checksums[0] > 0, `${title}: the checksum says nothing`);
  for (const [i, { name }] of entrants.entries()) {
    assert.equal(checksums[i], checksums[0], `${title}: '${name}' gives other values than '${entrants[0].name}'`);
  }
}

/** Whether the reference and its second timing agree. Looks at nothing else: the result must not decide when to stop. */
function isQuiet(entrants, first) {
  const [a, b] = [entrants[first], entrants[first + 1]].map(({ turns }) => Math.min(...turns.flat()));
  return Math.abs(a - b) / Math.min(a, b) <= AGREEMENT;
}

/** The reference's two timings count together: the others are compared with what it can do, not with one of its days. */
export function rowsOf(entrants, first) {
  const twice = entrants.slice(first, first + 2);
  const compared = Math.min(...twice.flatMap(({ turns }) => turns.flat()));
  const best = ({ turns }, round) => Math.min(...turns[round]);
  return entrants.map((one) => {
    const ratios = one.turns.map(
      (_, round) => (2 * best(one, round)) / (best(twice[0], round) + best(twice[1], round)),
    );
    return {
      name: one.name,
      ...summary(one.turns.flat()),
      ratio: round3(Math.min(...one.turns.flat()) / compared),
      roundRatio: round3(quantile(ratios, 0.5)),
      control: one.control,
    };
  });
}

/** Minimum, median, 90th percentile and spread of samples. */
export function summary(samples) {
  const min = Math.min(...samples);
  const p90 = quantile(samples, 0.9);
  return {
    min: round3(min),
    median: round3(quantile(samples, 0.5)),
    p90: round3(p90),
    spread: round3((p90 - min) / min),
  };
}

function quantile(samples, q) {
  const sorted = [...samples].sort((a, b) => a - b);
  const at = (sorted.length - 1) * q;
  const below = sorted[Math.floor(at)];
  return below + (sorted[Math.ceil(at)] - below) * (at - Math.floor(at));
}

export const round3 = (value) => Math.round(value * 1000) / 1000;
