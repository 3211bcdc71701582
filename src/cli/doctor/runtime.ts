import { type Finding, either, fault, fine, warning } from './finding.js';

/** A version of something that is installed beside tidemark, as its package.json says. */
export interface Installed {
  readonly name: string;
  readonly version: string;
}

export interface RuntimeFacts {
  /** process.versions.node */
  readonly node: string;
  readonly installed: readonly Installed[];
  /** By how much each server's clock is ahead of this machine's. */
  readonly clocks: readonly { readonly where: string; readonly aheadMs: number }[];
  /** Milliseconds since 1970, by this machine. */
  readonly wallMs: number;
  /** What the variables were refused with; null if they were not. */
  readonly configRefused: string | null;
  /** Sentences about variables outside their range. */
  readonly clamped: readonly string[];
}

interface Supported {
  /** What is supported, lowest first: from a version on, below a major one. */
  readonly from: readonly [major: number, minor: number];
  readonly below: number;
}

/** What tidemark works with. What the tests have of each is among it, and so is what package.json says of peers. */
export const SUPPORTED: Readonly<Record<string, Supported>> = {
  '@grpc/grpc-js': { from: [1, 14], below: 2 },
  '@nestjs/core': { from: [11, 0], below: 13 },
  express: { from: [4, 0], below: 6 },
  fastify: { from: [5, 0], below: 6 },
  graphql: { from: [16, 0], below: 18 },
  ioredis: { from: [5, 0], below: 7 },
  keyv: { from: [5, 6], below: 7 },
  'node-cache': { from: [5, 0], below: 6 },
  pg: { from: [8, 0], below: 9 },
  'socket.io': { from: [4, 0], below: 5 },
  ws: { from: [8, 0], below: 9 },
};

const NODE: Supported = { from: [22, 12], below: Infinity };
/** What receipts, tokens and logs of several machines bear. */
const APART_MS = 2_000;
/** Before tidemark was: a machine whose clock was never set. */
const NEVER_SET_MS = Date.UTC(2025, 0, 1);

export function checkRuntime(facts: RuntimeFacts): readonly Finding[] {
  return [...config(facts), node(facts), ...packages(facts), ...clock(facts)];
}

/** Below 0: older than what is supported; above: newer. */
function beside(version: string, { from, below }: Supported): number {
  const [major = 0, minor = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
  if (major >= below) return 1;
  return major < from[0] || (major === from[0] && minor < from[1]) ? -1 : 0;
}

const rangeOf = ({ from: [major, minor], below }: Supported): string =>
  `${String(major)}.${String(minor)} or later${Number.isFinite(below) ? `, below ${String(below)}` : ''}`;

function config({ configRefused, clamped }: RuntimeFacts): readonly Finding[] {
  if (configRefused !== null) {
    return [fault('environment.config', configRefused, 'Set these variables to what is expected, or unset them.')];
  }
  const mend = 'Set it to a value within the range.';
  return either(
    clamped.map((sentence) => warning('environment.config', sentence, mend)),
    fine('environment.config', 'The environment can be read.'),
  );
}

function node({ node }: RuntimeFacts): Finding {
  if (beside(node, NODE) >= 0) return fine('environment.node', `Node ${node}.`);
  return fault('environment.node', `Node is ${node}; expected ${rangeOf(NODE)}.`, 'Install Node 24.');
}

function packages({ installed }: RuntimeFacts): readonly Finding[] {
  const found = installed.map(({ name, version }) => {
    const supported = SUPPORTED[name];
    const place = supported === undefined ? 0 : beside(version, supported);
    if (supported === undefined || place === 0) return null;
    const what = `${name} is ${version}; expected ${rangeOf(supported)}.`;
    const mend = `npm install ${name}@${String(supported.below - 1)}`;
    return place < 0 ? fault('environment.packages', what, mend) : warning('environment.packages', what, mend);
  });
  const named = installed.map(({ name, version }) => `${name} ${version}`).join(', ');
  return either(found, fine('environment.packages', named === '' ? 'Nothing is installed here.' : `${named}.`));
}

function clock({ clocks, wallMs }: RuntimeFacts): readonly Finding[] {
  const mend = 'Let both keep time by NTP: timedatectl set-ntp true, or chrony.';
  const found = [
    wallMs < NEVER_SET_MS
      ? fault('environment.clock', `This machine says it is ${new Date(wallMs).toISOString()}.`, mend)
      : null,
    ...clocks.map(({ where, aheadMs }) => {
      if (Math.abs(aheadMs) <= APART_MS) return null;
      const apart = `${(Math.abs(aheadMs) / 1000).toFixed(1)} s ${aheadMs > 0 ? 'ahead of' : 'behind'}`;
      const what = `The clock of ${where} is ${apart} this machine's: sessions and permissions end at the wrong time.`;
      return warning('environment.clock', what, mend);
    }),
  ];
  const well = clocks.length === 0 ? 'The clock was set.' : 'This machine and its servers agree about the time.';
  return either(found, fine('environment.clock', well));
}
