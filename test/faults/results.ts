import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { findPostgres } from '../../scripts/postgres.mjs';
import { findRedis } from '../../scripts/redis.mjs';

/** Named numbers of one run. */
export type Measured = Readonly<Record<string, number>>;

export interface Runs {
  readonly name: string;
  readonly measured: readonly Measured[];
  readonly failures: readonly unknown[];
}

interface Row {
  readonly name: string;
  readonly runs: number;
  readonly failed: readonly string[];
  readonly date: string;
  readonly figures: Readonly<Record<string, { readonly median: number; readonly most: number }>>;
}

interface Results {
  readonly machine: string;
  readonly rows: readonly Row[];
}

const file = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** Adds what a fault came to, and writes RESULTS.md anew. Faults that were not run this time keep their rows. */
export function record({ name, measured, failures }: Runs): void {
  const known: Results = existsSync(file('results.json'))
    ? (JSON.parse(readFileSync(file('results.json'), 'utf8')) as Results)
    : { machine: '', rows: [] };
  const row: Row = {
    name,
    runs: measured.length + failures.length,
    failed: failures.map((failure) => String(failure).slice(0, 500)),
    date: new Date().toISOString().slice(0, 10),
    figures: figuresOf(measured),
  };
  const rows = [...known.rows.filter((one) => one.name !== name), row].sort((a, b) => (a.name < b.name ? -1 : 1));
  const results: Results = { machine: machine(), rows };
  writeFileSync(file('results.json'), `${JSON.stringify(results, null, 1)}\n`);
  writeFileSync(file('RESULTS.md'), page(results));
}

function figuresOf(measured: readonly Measured[]): Row['figures'] {
  const names = [...new Set(measured.flatMap((one) => Object.keys(one)))];
  return Object.fromEntries(
    names.map((name) => {
      const values = measured.flatMap((one) => one[name] ?? []).sort((a, b) => a - b);
      return [name, { median: values[Math.floor(values.length / 2)] ?? 0, most: values.at(-1) ?? 0 }];
    }),
  );
}

function machine(): string {
  const [cpu] = cpus();
  const redis = versionOf(findRedis().paths?.['redis-server'], /v=(\S+)/);
  const database = versionOf(findPostgres().paths?.['postgres'], /\) (\S+)/);
  return `${String(cpus().length)} × ${(cpu?.model ?? process.arch).trim()}, Node ${process.version}, Redis ${redis}, PostgreSQL ${database}`;
}

function versionOf(program: unknown, pattern: RegExp): string {
  if (typeof program !== 'string') return 'unknown';
  return pattern.exec(execFileSync(program, ['--version'], { encoding: 'utf8' }))?.[1] ?? 'unknown';
}

/** Figures that every fault under load has; what else one has is told beside it. */
const COLUMNS = ['reads', 'changes', 'queued', 'stalestMs', 'p99Ms', 'longestMs', 'heard', 'resyncs'];

const number = (value: number): string =>
  String(Math.abs(value) < 10 && !Number.isInteger(value) ? Number(value.toFixed(2)) : Math.round(value));

function page({ machine: where, rows }: Results): string {
  const head = ['fault', 'runs', 'failed', ...COLUMNS, 'also', 'date'];
  const cells = rows.map(({ name, runs, failed, figures, date }) => {
    const shown = (key: string): string => {
      const figure = figures[key];
      return figure === undefined ? '' : `${number(figure.median)} / ${number(figure.most)}`;
    };
    const others = Object.keys(figures).filter((key) => !COLUMNS.includes(key));
    return [
      ...[name, String(runs), failed.length === 0 ? '0' : `**${String(failed.length)}**`],
      ...COLUMNS.map(shown),
      ...[others.map((key) => `${key} ${shown(key)}`).join(', '), date],
    ];
  });
  const lines = [head, head.map((_, i) => (i === 0 || i >= head.length - 2 ? '---' : '--:')), ...cells];
  const total = rows.reduce((sum, { runs }) => sum + runs, 0);
  const failed = rows.reduce((sum, row) => sum + row.failed.length, 0);
  return `# Faults

Written by \`npm run test:long\`; do not edit. \`npm run test:long -- test/faults\` runs these alone.

${String(total)} runs of ${String(rows.length)} faults, ${String(failed)} failed. Machine: ${where}.

A run starts replicas in processes of their own on a real Redis, or Postgres, every link through a proxy; while they read, change and
listen, one thing goes wrong; then it is whole again, and everything has to be right. An outside checker judges what was seen: it knows
histories only. Figures are the median of all runs / the most of any; times are milliseconds.

- **stalestMs** is the most by which a read was older than what the store had accepted before it began. Replicas run with
  \`maxStalenessMs\` 1,500. Where it is 0, no read was.
- **p99Ms**, **longestMs**: reads, the origin's 5 ms included.
- **queued**: changes whose receipt said so. **resyncs**: items that told a subscriber that it may have missed something.
- **mostOriginCalls**: of one replica at once.
- **writers**: killed by SIGKILL, while one replica watches (test/outbox). All that was committed was told once, as an event or, by the sweeper, as a
  resync; nothing of what was rolled back was told or seen.

${lines.map((line) => `| ${line.join(' | ')} |`).join('\n')}
`;
}
