import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';

/** Seeds in which nothing was wrong. */
export interface Clean {
  readonly seeds: number;
  readonly seconds: number;
  readonly changes: number;
  readonly told: number;
  readonly resyncs: number;
  readonly cursors: number;
}

/** After how many seeds a planted fault was caught, and by what. */
export interface Caught {
  readonly name: string;
  readonly seeds: number;
  readonly by: string;
}

interface Results {
  readonly machine: string;
  readonly runs: Readonly<Record<string, Clean & { readonly date: string }>>;
  readonly caught: readonly Caught[];
}

const file = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

const read = (): Results =>
  existsSync(file('results.json'))
    ? (JSON.parse(readFileSync(file('results.json'), 'utf8')) as Results)
    : { machine: '', runs: {}, caught: [] };

/** What the long command said of a fault. */
export const known = (name: string): Caught | undefined => read().caught.find((one) => one.name === name);

export function recordClean(where: string, clean: Clean): void {
  const before = read();
  write({ ...before, runs: { ...before.runs, [where]: { ...clean, date: new Date().toISOString().slice(0, 10) } } });
}

export function recordCaught(caught: readonly Caught[]): void {
  write({ ...read(), caught });
}

function write(results: Results): void {
  const [cpu] = cpus();
  const whole = {
    ...results,
    machine: `${String(cpus().length)} × ${cpu?.model ?? 'unknown'}, Node ${process.version}`,
  };
  writeFileSync(file('results.json'), `${JSON.stringify(whole, null, 1)}\n`);
  writeFileSync(file('RESULTS.md'), page(whole));
}

const count = (value: number): string => value.toLocaleString('en');

function page({ machine, runs, caught }: Results): string {
  const rows = Object.entries(runs).map(
    ([where, { seeds, seconds, changes, told, resyncs, cursors, date }]) =>
      `| ${[where, ...[seeds, changes, told, resyncs, cursors, seconds].map(count), date].join(' | ')} |`,
  );
  return [
    '# Nothing is missing without a word',
    '',
    'Written by `npm run test:long`; do not edit. `npm run test:long -- test/promise` runs it alone.',
    '',
    'Two or three replicas; five clients, one of each overflow policy, with four subscriptions each, that stall, are cut off, are banned and',
    'come back elsewhere. Meanwhile links to the server are cut, refused, held up, delayed or silently dead, and the server is wiped, restarted with',
    'an old copy or with nothing, replaced by a standby that has lost the last writes, paused, or left without room or history. A checker that sees only which',
    'changes were made and what each client was told finds nothing out of order, nothing twice, no hole without a `resync` before what follows it or at the end, no',
    'client whose idea of the present is old at the end, and nothing told to who is banned; going on from any cursor that was ever given, too.',
    '',
    `Machine: ${machine}.`,
    '',
    '| on | seeds | changes | items told | of them resync | cursors resumed from elsewhere | seconds | date |',
    '| --- | --: | --: | --: | --: | --: | --: | --- |',
    ...rows,
    '',
    'Planted faults: after how many simulated seeds each was caught, in which the library without it is right, and by what.',
    '',
    '| fault | seeds | caught by |',
    '| --- | --: | --- |',
    ...caught.map(({ name, seeds, by }) => `| ${name} | ${count(seeds)} | ${by} |`),
    '',
  ].join('\n');
}
