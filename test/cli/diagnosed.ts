import { systemClock } from '../../src/clock.js';
import type { Finding } from '../../src/cli/doctor/finding.js';
import type { Surroundings } from '../../src/cli/surroundings.js';
import { tidemark } from './surroundings.js';

export interface Diagnosed {
  readonly findings: readonly (Finding & { readonly where: string })[];
  readonly exitCode: number;
}

/** On a machine that is busy with other tests a ping takes any time. */
const clock = { ...systemClock, now: () => 0 };

/** What `tidemark doctor --json …` says. */
export async function diagnosed(args: readonly string[], surroundings: Partial<Surroundings> = {}): Promise<Diagnosed> {
  const { stdout, stderr, exitCode } = await tidemark(['doctor', '--json', ...args], { clock, ...surroundings });
  if (stderr !== '') throw new Error(stderr);
  const { findings } = JSON.parse(stdout) as Diagnosed;
  return { findings, exitCode };
}

export const troubles = (findings: Diagnosed['findings']): Diagnosed['findings'] =>
  findings.filter(({ level }) => level === 'error' || level === 'warning');
