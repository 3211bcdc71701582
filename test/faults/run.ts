import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { Fleet, type FleetOptions } from './fleet.js';
import type { Ground } from './ground.js';

/** Named numbers of one run. */
export type Measured = Readonly<Record<string, number>>;

const LONG = process.env['TIDEMARK_LONG'] !== undefined;
/** `npm run test:long` repeats every fault so often. */
const RUNS = Number(process.env['TIDEMARK_FAULT_RUNS'] ?? (LONG ? 50 : 1));

/** In the long command, seconds are what they are; in every other one they are shortened. */
export const seconds = (long: number, short: number): number => (LONG ? long : short) * 1000;

/**
 * A fault as a test: once, or many times in the long command, whose result is written to a file. A run that throws does
 * not keep the others from being made; the test fails all the same.
 */
export function fault(name: string, run: () => Promise<Measured>): void {
  test.concurrent(name, { timeout: 120_000 * RUNS }, async () => {
    const measured: Measured[] = [];
    const failures: unknown[] = [];
    for (let i = 0; i < RUNS; i++) {
      try {
        measured.push(await run());
      } catch (failure) {
        if (RUNS === 1) throw failure;
        failures.push(failure);
      }
    }
    if (LONG) write(name, measured, failures);
    expect(failures).toEqual([]);
  });
}

/** A run on servers and processes of its own. */
export async function onFleet<G extends Ground>(
  ground: Promise<G>,
  run: (fleet: Fleet<G>) => Promise<Measured>,
  options: FleetOptions = {},
): Promise<Measured> {
  const fleet = await Fleet.on(await ground, options);
  try {
    return await run(fleet);
  } finally {
    await fleet.close();
  }
}

function write(name: string, measured: readonly Measured[], failures: readonly unknown[]): void {
  const folder = fileURLToPath(new URL('results', import.meta.url));
  mkdirSync(folder, { recursive: true });
  const names = [...new Set(measured.flatMap((one) => Object.keys(one)))];
  const figures = Object.fromEntries(
    names.map((key) => {
      const values = measured.flatMap((one) => one[key] ?? []).sort((a, b) => a - b);
      return [key, { median: values[Math.floor(values.length / 2)], most: values.at(-1) }];
    }),
  );
  const result = {
    name,
    runs: measured.length + failures.length,
    failures: failures.map(String),
    date: new Date().toISOString().slice(0, 10),
    figures,
  };
  const slug = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 80);
  writeFileSync(`${folder}/${slug}.json`, `${JSON.stringify(result, null, 2)}\n`);
}
