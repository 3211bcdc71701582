import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { amount } from './amount.mjs';

export const met = ({ actual, limit, atLeast = false }) => (atLeast ? actual >= limit : actual <= limit);

/** False for a table of words. */
export const isMeasured = ({ head }) => head === undefined;

/** Writes RESULTS.md anew from the results of all questions that were ever run. */
export function writeResults(folder, names) {
  const files = names.map((name) => new URL(`results/${name}.json`, folder)).filter((file) => existsSync(file));
  const results = files.map((file) => JSON.parse(readFileSync(file, 'utf8')));
  const load = new URL('results/world-load.json', folder);
  const loads = existsSync(load) ? [loadSection(JSON.parse(readFileSync(load, 'utf8')))] : [];
  writeFileSync(new URL('RESULTS.md', folder), page(results, loads));
}

function page(results, loads) {
  return `${[HEAD, overview(results), ...results.map(section), ...loads].join('\n\n')}\n`;
}

/** What `world-load.mjs` found: figures of one server, with nothing to compare them to. */
function loadSection({ name, title, question, setting, command, date, machine, packages, goals, tier1, rows }) {
  const ms = (value) => `${value.toFixed(1)} ms`;
  const cells = rows.map((row) => [
    ...[row.name, String(row.count), row.perSecond.toFixed(0)],
    ...[ms(row.p50), ms(row.p99), ms(row.max)],
  ]);
  return [
    `## ${name}`,
    `**${title}.** ${question}`,
    [`\`${command}\``, date, machine, packages].join(' · '),
    setting,
    table(['what', 'answers', 'a second', 'p50', 'p99', 'most'], cells, 'lrrrrr'),
    `Tier 1: ${(tier1.hitRate * 100).toFixed(1)} % hits of ${tier1.hits + tier1.misses} reads; ${tier1.originCalls} origin calls; ${tier1.entries} entries held.`,
    ...goals.map(({ text, actual, limit }) => `${text}; got ${actual}${actual > limit ? ': **missed**' : ''}.`),
  ].join('\n\n');
}

const HEAD = `# Benchmarks

Written by \`npm run bench\`; do not edit. \`npm run bench -- tier1-hit\` asks one question alone and renews its section only.

Each case of a table runs in a process of its own. They take turns, in a new shuffled order each round, each after a warm-up and a
garbage collection. Time in which another process had the processor is not counted where Linux tells how much that was. Every case
checks its values and counts its origin's calls before and after it is timed.

- **min** is the fastest sample, **spread** how far the 90th percentile lies above it.
- **× by min** compares minima, **× by round** is the median of the ratios within each round.
- **again: noise** is the reference timed a second time: how far the two lie apart is what the machine cannot tell. The others are
  compared with both together.

Absolute times say little about another machine; ratios do.`;

function overview(results) {
  const rows = results.flatMap(({ name, goals }) => goals.map((goal) => [`[${name}](#${name})`, ...goalCells(goal)]));
  return ['## Goals', table(['question', 'goal', 'by min', 'by median', ''], rows, 'llrrl')].join('\n\n');
}

function goalCells(goal) {
  return [goal.text, goal.actual.toFixed(2), goal.byMedian.toFixed(2), met(goal) ? 'met' : '**missed**'];
}

function section({ name, title, question, setting, command, date, machine, packages, goals, groups }) {
  return [
    `## ${name}`,
    `**${title}.** ${question}`,
    [`\`${command}\``, date, machine, packages].filter((text) => text !== '').join(' · '),
    setting,
    table(
      ['goal', 'by min', 'by median', ''],
      goals.map((goal) => goalCells(goal)),
      'lrrl',
    ),
    ...(groups.some(isMeasured) ? [`![${title}](plots/${name}.svg)`] : []),
    ...groups.flatMap((group) => [
      `### ${name}: ${group.title}`,
      isMeasured(group) ? groupTable(group) : table(group.head, group.rows, 'l'.repeat(group.head.length)),
      ...(group.notes ?? []),
    ]),
  ].join('\n\n');
}

/** `counted`: what the rows count besides. */
function groupTable({ unit, operation, reference, rounds, rows, counted, roundRatioMeans = '× by round' }) {
  const head = [`per ${operation}, ${rounds} rounds`, 'min', 'median', 'spread', '× by min', roundRatioMeans];
  if (counted !== undefined) head.push(counted);
  const cells = rows.map((row) => [
    row.name === reference ? `**${row.name}**` : row.name,
    amount(row.min, unit),
    amount(row.median, unit),
    `${(row.spread * 100).toFixed(0)} %`,
    row.ratio.toFixed(2),
    row.roundRatio.toFixed(2),
    ...(counted === undefined ? [] : [row.count]),
  ]);
  return table(head, cells, 'lrrrrrr');
}

/** A table as Prettier would leave it. */
function table(head, rows, align) {
  const widths = head.map((cell, i) => Math.max(3, ...[cell, ...rows.map((row) => row[i])].map((text) => text.length)));
  const pad = (text, i) => (align[i] === 'r' ? text.padStart(widths[i]) : text.padEnd(widths[i]));
  const line = (cells) => `| ${cells.map(pad).join(' | ')} |`;
  const rule = `| ${widths.map((width, i) => (align[i] === 'r' ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width))).join(' | ')} |`;
  return [line(head), rule, ...rows.map(line)].join('\n');
}
