import { fileURLToPath } from 'node:url';
import { systemClock } from '../../src/clock.js';
import { runCommand } from '../../src/cli/command.js';
import type { Outcome, Surroundings } from '../../src/cli/surroundings.js';

/** Where commands run in tests: in this repository, which has ioredis and pg, without the environment of whoever runs them. */
export const here: Surroundings = {
  cwd: fileURLToPath(new URL('../..', import.meta.url)),
  env: {},
  clock: systemClock,
  node: process.versions.node,
  memoryBytes: 2 * 1024 ** 3,
  isTerminal: false,
};

/** Runs `tidemark …`. */
export const tidemark = (args: readonly string[], surroundings: Partial<Surroundings> = {}): Promise<Outcome> =>
  runCommand(args, { ...here, ...surroundings });
