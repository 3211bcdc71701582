import { describeOwn } from '../services/own.js';
import { cases } from './cases.js';
import { failovers, slotMoves } from './failover.js';
import { herds } from './herd.js';
import { links } from './links.js';
import { memoryFaults } from './memory-faults.js';
import { processes } from './process-faults.js';
import { restarts } from './restart.js';
import { serverFaults } from './server-faults.js';
import { versions } from './versions.js';

/*
 * Replicas in processes of their own, on real servers, with every link through a proxy that can break it; what they saw is
 * judged by a checker that knows histories only. In one file, so that a process that has been a replica becomes another.
 */
describeOwn('a fault', () => {
  failovers();
  slotMoves();
  restarts();
  memoryFaults();
  serverFaults();
  links();
  processes();
  cases();
  herds();
  versions();
});
