import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { plot } from '../../bench/plot.mjs';
import type { Kind } from './services.js';
import type { Measured } from './traffic.js';

export interface Row {
  readonly kind: Kind;
  readonly warmMs: readonly number[];
  readonly measured: Measured;
  readonly early: readonly number[];
  readonly late: readonly number[];
  readonly stalestMs: number;
  /** How often a client saw what was promised to nobody by the one built by hand. */
  readonly violations: number;
}

export interface Compared {
  /** Of Express that does nothing but answer, in milliseconds. */
  readonly bareMs: readonly number[];
  readonly rows: readonly Row[];
}

const NAMES: Readonly<Record<Kind, string>> = {
  express: 'tidemark, example on Express',
  nest: 'tidemark, example on Nest',
  byHand: 'by hand',
};
const at = (all: readonly number[], share: number): number =>
  all[Math.min(all.length - 1, Math.floor(all.length * share))] ?? 0;
const file = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** Writes RESULTS.md and its plot. */
export function record(compared: Compared): void {
  const { rows } = compared;
  writeFileSync(file('RESULTS.md'), page(compared));
  const group = (title: string, msOf: (row: Row) => readonly number[]) => ({
    title,
    unit: 'ms',
    operation: 'request',
    reference: NAMES.byHand,
    rows: rows.map((row) => {
      // Events may come before the answer; a logarithmic axis has no zero.
      const [p50, p99] = [0.5, 0.99].map((share) => Math.max(0.01, at(msOf(row), share))) as [number, number];
      const reference = Math.max(0.01, at(msOf(rows.find(({ kind }) => kind === 'byHand') as Row), 0.5));
      return { name: NAMES[row.kind], min: p50, p90: p99, ratio: p50 / reference, control: row.kind === 'byHand' };
    }),
  });
  const groups = [
    group('Nested read, warm, one at a time', ({ warmMs }) => warmMs),
    group('Nested read under reads, writes and subscriptions', ({ measured }) => measured.nestedMs),
    group('Write', ({ measured }) => measured.writeMs),
    group('From the answer to a write to its event', ({ measured }) => measured.lagMs),
  ];
  writeFileSync(
    file('plot.svg'),
    plot({ title: 'The whole service: three replicas, Redis, PostGIS (bar: median, whisker: p99)', groups }),
  );
}

function page({ bareMs, rows }: Compared): string {
  const [cpu] = cpus();
  const machine = `${String(cpus().length)} × ${cpu?.model ?? 'unknown'}, Node ${process.version}`;
  const number = (value: number): string => value.toFixed(value < 10 ? 2 : 0);
  const times = (all: readonly number[]): string => [0, 0.5, 0.99].map((share) => number(at(all, share))).join(' / ');
  const lines = rows.map(({ kind, warmMs, measured: { nestedMs, writeMs, lagMs, seconds }, stalestMs, violations }) =>
    [
      NAMES[kind],
      times(warmMs),
      number(nestedMs.length / seconds),
      `${number(at(nestedMs, 0.5))} / ${number(at(nestedMs, 0.99))}`,
      `${number(at(writeMs, 0.5))} / ${number(at(writeMs, 0.99))}`,
      `${number(at(lagMs, 0.5))} / ${number(at(lagMs, 0.99))}`,
      number(stalestMs),
      String(violations),
    ].join(' | '),
  );
  const hand = rows.find(({ kind }) => kind === 'byHand');
  const [ours] = rows;
  /** How many times as long it takes by hand, of so much of each request. */
  const ratio = (share: number, withoutMs = 0): string =>
    ((at(hand?.warmMs ?? [], share) - withoutMs) / (at(ours?.warmMs ?? [], share) - withoutMs)).toFixed(1);
  const bare = at(bareMs, 0);
  return [
    '# The whole service',
    '',
    'Written by `npm run test:long -- test/service`; do not edit. Three replicas over one Redis and one PostGIS, everything on one machine with',
    `the clients: ${machine}, ${new Date().toISOString().slice(0, 10)}. Milliseconds, median and p99; the nested read has 4 kingdoms, 20 settlements and 200 structures.`,
    '',
    `A warm nested read is ${ratio(0)} × as fast as by hand by the fastest of 3,000, ${ratio(0.5)} × by the median, whole request and HTTP included; the`,
    `goal was 4. Express that answers with the same object, held in memory, takes ${number(bare)} ms at least: without that it is ${ratio(0, bare)} ×. All were asked in turn.`,
    '',
    '| | warm min / p50 / p99 | reads/s under load | read | write | told after | stalest read | violations |',
    '|---|---|---|---|---|---|---|---|',
    ...lines.map((line) => `| ${line} |`),
    `| Express alone | ${times(bareMs)} | | | | | | |`,
    '',
    '![plot](plot.svg)',
    '',
  ].join('\n');
}
