// npm run bench                      all questions
// npm run bench -- tier1-hit codec   these
// npm run bench -- --list            what there is
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { measure } from './measure.mjs';
import { plot } from './plot.mjs';
import { isMeasured, met, writeResults } from './results.mjs';
import { machine, versionsOf } from './versions.mjs';

/** In the order in which RESULTS.md shows them. */
export const QUESTIONS = [
  ...['tier1-hit', 'awaited-hit', 'loaders', 'graphql', 'change', 'memory', 'codec'],
  ...['stale-reads', 'redis-hits', 'redis-invalidate', 'redis-herd', 'redis-memory', 'rules', 'fields'],
  ...['spatial-invalidation', 'spatial-hit-rate', 'spatial-near', 'spatial-helper', 'outbox'],
  ...['pubsub', 'reconnect', 'stalled', 'overhead'],
];

/** Rounds of one question, all its groups together. Starting and warming up comes on top. */
const BUDGET_MS = 12_000;

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !QUESTIONS.includes(name) && name !== '--list');
if (unknown.length > 0) {
  console.error(`unknown: ${unknown.join(', ')}. There is: ${QUESTIONS.join(', ')}.`);
  process.exit(1);
}
if (asked.includes('--list')) {
  for (const name of QUESTIONS) console.log(`${name.padEnd(16)} ${(await load(name)).question}`);
} else {
  for (const name of asked.length > 0 ? asked : QUESTIONS) await run(name);
}
process.exit(); // libraries leave timers behind

/** When the code under test was built. */
function builtAt() {
  const { mtimeMs } = statSync(new URL('../dist/index.js', import.meta.url), { throwIfNoEntry: false }) ?? {};
  if (mtimeMs === undefined) throw new Error('dist/ is missing: npm run build');
  return mtimeMs;
}

async function load(name) {
  return (await import(`./${name}.mjs`)).default;
}

async function run(name) {
  const asks = await load(name);
  const startedAt = performance.now();
  const built = builtAt();
  console.log(`\n${name}: ${asks.question}`);
  const groups = [];
  for (const [number, group] of asks.groups.entries()) {
    const servers = await asks.start?.(group);
    try {
      const options = { budgetMs: BUDGET_MS / asks.groups.length, given: servers?.given };
      groups.push(await (asks.measure ?? measure)(name, group, number, options));
    } finally {
      await servers?.stop();
    }
    print(groups.at(-1));
  }
  if (builtAt() !== built)
    throw new Error('dist/ was built anew meanwhile: some cases ran the old code. Run it again.');
  const goals = asks.goals.map(({ actual, ...goal }) => ({
    ...goal,
    actual: actual(readerOf(groups, 'min')),
    byMedian: actual(readerOf(groups, 'median')),
  }));
  for (const goal of goals)
    console.log(
      `  ${met(goal) ? 'met   ' : 'MISSED'} ${goal.text}: ${goal.actual.toFixed(2)}, by median ${goal.byMedian.toFixed(2)}`,
    );
  const { title, question, setting, packages } = asks;
  const result = {
    name,
    title,
    question,
    setting,
    command: `npm run bench -- ${name}`,
    date: new Date().toISOString().slice(0, 10),
    machine: machine(),
    packages: versionsOf(packages).join(', '),
    goals,
    groups,
  };
  const folder = new URL('.', import.meta.url);
  mkdirSync(new URL('results/', folder), { recursive: true });
  mkdirSync(new URL('plots/', folder), { recursive: true });
  writeFileSync(new URL(`results/${name}.json`, folder), `${JSON.stringify(result, null, 2)}\n`);
  if (groups.some(isMeasured)) writeFileSync(new URL(`plots/${name}.svg`, folder), plot(result));
  writeResults(folder, QUESTIONS);
  console.log(`  ${((performance.now() - startedAt) / 1000).toFixed(0)} s`);
}

/** What goals are computed from: a figure, minima or medians, by group title and case name. */
function readerOf(groups, figure) {
  const find = (title, name) => {
    const group = groups.find((one) => one.title === title);
    const row = group?.rows.find((one) => one.name === name);
    if (row === undefined) throw new Error(`no case '${name}' in a group '${title}'`);
    return { group, row };
  };
  return {
    of: (title, name) => find(title, name).row[figure],
    /** To the group's reference, whose two timings count together. */
    ratio: (title, name) => {
      const { group, row } = find(title, name);
      const twice = group.rows.filter((one) => one.control || one.name === group.reference).map((one) => one[figure]);
      return row[figure] / (figure === 'min' ? Math.min(...twice) : mean(twice));
    },
    /** A table of words. */
    words: (title) => groups.find((one) => one.title === title),
    /** One case to another. */
    between: (title, name, other) => find(title, name).row[figure] / find(title, other).row[figure],
  };
}

function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function print({ title, unit, operation, rounds, rows, head }) {
  if (head !== undefined) {
    console.log(`  ${title}`);
    for (const row of rows) console.log(`    ${row.join(' | ')}`);
    return;
  }
  console.log(`  ${title} (${unit} per ${operation}, ${rounds} rounds)`);
  for (const { name, min, median, spread, ratio, roundRatio, count } of rows) {
    const cells = [
      min.toFixed(1),
      median.toFixed(1),
      `${(spread * 100).toFixed(0)} %`,
      ratio.toFixed(2),
      roundRatio.toFixed(2),
      ...(count === undefined ? [] : [count]),
    ];
    console.log(`    ${name.padEnd(48)}${cells.map((cell) => cell.padStart(12)).join('')}`);
  }
}
