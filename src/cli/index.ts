#!/usr/bin/env node
import { totalmem } from 'node:os';
import { systemClock } from '../clock.js';
import { runCommand } from './command.js';

void runCommand(process.argv.slice(2), {
  cwd: process.cwd(),
  clock: systemClock,
  node: process.versions.node,
  // Where no container limits it, what it is limited by is no number of this world.
  memoryBytes: Math.min(totalmem(), process.constrainedMemory() || Infinity),
  isTerminal: process.stdout.isTTY,
}).then(({ stdout, stderr, exitCode }) => {
  process.stderr.write(stderr);
  // A module of the host's may have opened connections that nobody else ends.
  process.stdout.write(stdout, () => process.exit(exitCode));
});
