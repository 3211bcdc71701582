import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { NOT_PLANTED } from './faults/index.js';

/** After how many worlds a planted fault was caught, and by which promise. */
export interface Caught {
  readonly name: string;
  readonly promise: string;
  readonly seeds: number;
}

interface Results {
  readonly machine: string;
  readonly date: string;
  /** Worlds in which nothing was found, and how long they took. */
  readonly clean?: { readonly seeds: number; readonly seconds: number; readonly date: string } | undefined;
  readonly caught: readonly Caught[];
}

const file = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

function read(): Results {
  return existsSync(file('results.json'))
    ? (JSON.parse(readFileSync(file('results.json'), 'utf8')) as Results)
    : { machine: '', date: '', caught: [] };
}

/** What the last long command said of a fault. */
export const known = (name: string): Caught | undefined => read().caught.find((one) => one.name === name);

/** Writes what the long command found, of all faults or of some, and RESULTS.md anew. */
export function record(caught: readonly Caught[]): void {
  const before = read();
  const found = new Map([...before.caught, ...caught].map((one) => [one.name, one]));
  write({ ...before, caught: [...found.values()] });
}

export function recordClean(seeds: number, seconds: number): void {
  write({ ...read(), clean: { seeds, seconds, date: today() } });
}

const today = (): string => new Date().toISOString().slice(0, 10);

function write(results: Results): void {
  const [cpu] = cpus();
  const machine = `${String(cpus().length)} × ${cpu?.model ?? 'unknown'}, Node ${process.version}`;
  const whole = { ...results, machine, date: today() };
  writeFileSync(file('results.json'), `${JSON.stringify(whole, null, 1)}\n`);
  writeFileSync(file('RESULTS.md'), page(whole));
}

function page({ machine, date, clean, caught }: Results): string {
  const rows = caught.map(({ name, promise, seeds }) => `| ${name} | ${promise} | ${String(seeds)} |`);
  const others = Object.entries(NOT_PLANTED).map(([name, why]) => `| ${name} | | ${why} |`);
  const worlds =
    clean === undefined
      ? []
      : [
          `${clean.seeds.toLocaleString('en')} worlds without a planted fault: no promise broken, ${String(clean.seconds)} s (${clean.date}).`,
          '',
        ];
  return [
    '# The simulation',
    '',
    'Written by `npm run test:long`; do not edit. `npm run test:long -- test/sim` runs it alone.',
    '',
    ...worlds,
    `Planted faults: after how many worlds each was caught, and by which promise. A catch counts only in a world in which the`,
    `library without the fault keeps the promises that it breaks. Machine: ${machine}, ${date}.`,
    '',
    '| fault | caught by | after worlds |',
    '| --- | --- | --: |',
    ...rows,
    ...others,
    '',
  ].join('\n');
}
