import { type Finding, either, fault, fine, skipped, warning } from './finding.js';
import { type PostgresFacts, type Setting, alterSystem } from './postgres-state.js';
import { sizeOf } from './figures.js';

/** Memory of the server, and what shares it. */
interface Machine {
  readonly bytes: number;
  readonly connections: number;
  readonly buffers: number;
}

interface Tuned {
  readonly name: string;
  /** What examples/production has, for any memory. */
  readonly advised: (machine: Machine) => number;
  /** What is left alone, as parts of what is advised. */
  readonly least?: number;
  readonly most?: number;
  /** What it costs to be outside. */
  readonly cost: string;
  readonly show: (value: number) => string;
}

const MB = 1024 ** 2;
const plain = (value: number): string => String(value);

/*
 * The seed's figures for 2,048 MB and 200 connections: shared_buffers 512 MB, effective_cache_size 1,536 MB,
 * maintenance_work_mem 128 MB, work_mem 2,621 kB. The same parts of any other memory are what is advised there.
 */
const OF_MEMORY: readonly Tuned[] = [
  {
    ...{ name: 'shared_buffers', least: 0.5, most: 1.6, show: sizeOf },
    advised: ({ bytes }) => bytes / 4,
    cost: 'pages are read from the system again and again, or twice in memory',
  },
  {
    ...{ name: 'effective_cache_size', least: 0.5, most: 1.34, show: sizeOf },
    advised: ({ bytes }) => (bytes * 3) / 4,
    cost: 'the planner misjudges what an index costs',
  },
  {
    ...{ name: 'maintenance_work_mem', least: 0.25, show: sizeOf },
    advised: ({ bytes }) => Math.min(bytes / 16, 2048 * MB),
    cost: 'indexes are made, and rows cleared away, in small pieces',
  },
  {
    ...{ name: 'work_mem', least: 0.125, show: sizeOf },
    advised: ({ bytes, buffers, connections }) => (bytes - buffers) / (3 * connections),
    cost: 'sorts go to the disk',
  },
];

const OF_ANY: readonly Tuned[] = [
  {
    ...{ name: 'checkpoint_completion_target', least: 0.78, show: plain },
    advised: () => 0.9,
    cost: 'checkpoints write in bursts',
  },
  { name: 'wal_buffers', least: 0.25, show: sizeOf, advised: () => 16 * MB, cost: 'commits wait for each other' },
  {
    ...{ name: 'default_statistics_target', least: 1, show: plain },
    advised: () => 100,
    cost: 'the planner knows too little of uneven columns',
  },
  {
    ...{ name: 'random_page_cost', most: 2, show: plain },
    advised: () => 1.1,
    cost: 'that is for turning disks, and GiST indexes are passed over',
  },
  {
    ...{ name: 'effective_io_concurrency', least: 0.08, show: plain },
    advised: () => 200,
    cost: 'pages of a bitmap scan are read one after the other',
  },
  { name: 'min_wal_size', least: 0.5, show: sizeOf, advised: () => 1024 * MB, cost: 'files of the log are made anew' },
  { name: 'max_wal_size', least: 0.5, show: sizeOf, advised: () => 4096 * MB, cost: 'checkpoints come too often' },
];

export function checkSettings({ settings, memoryBytes }: PostgresFacts): readonly Finding[] {
  const valueOf = (name: string): number => settings.get(name)?.value ?? 0;
  const machine: Machine | null =
    memoryBytes === null
      ? null
      : { bytes: memoryBytes, connections: valueOf('max_connections') || 100, buffers: valueOf('shared_buffers') };
  const tuned = [...(machine === null ? [] : OF_MEMORY), ...OF_ANY];
  const found = tuned.map((one) => outside(one, settings.get(one.name), machine));
  const well = `${String(tuned.length)} settings are about what examples/production has.`;
  return [...fits(machine, valueOf), ...either(found, fine('postgres.settings', well))];
}

function outside(
  { name, advised, least = 0, most = Infinity, cost, show }: Tuned,
  setting: Setting | undefined,
  machine: Machine | null,
): Finding | null {
  if (setting?.value == null) return null;
  const better = advised(machine ?? { bytes: 0, connections: 1, buffers: 0 });
  if (setting.value >= better * least * 0.99 && setting.value <= better * most * 1.01) return null;
  const what = `${name} is ${setting.shown}, and about ${show(better)} is advised here: ${cost}.`;
  return warning('postgres.settings', what, alterSystem(name, show(better), setting));
}

/** One sort for each connection, and one worker for each that clears away, is what a busy moment takes. */
function fits(machine: Machine | null, valueOf: (name: string) => number): readonly Finding[] {
  if (machine === null) {
    return [
      skipped(
        'postgres.memory',
        'How much memory the database has is not known here: shared_buffers, effective_cache_size, maintenance_work_mem and work_mem were not compared.',
        '--database-memory 2GB',
      ),
    ];
  }
  const { bytes, buffers, connections } = machine;
  const workers = valueOf('autovacuum_max_workers') * valueOf('maintenance_work_mem');
  const busy = buffers + connections * valueOf('work_mem') + workers;
  const sum = `shared_buffers, work_mem of ${String(connections)} connections and maintenance_work_mem`;
  if (busy <= bytes) return [fine('postgres.memory', `${sum} take ${sizeOf(busy)} of ${sizeOf(bytes)}.`)];
  const advised = sizeOf(Math.max(64 * 1024, (bytes * 0.75) / (3 * connections)));
  return [
    fault(
      'postgres.memory',
      `${sum} can take ${sizeOf(busy)}, and there are ${sizeOf(bytes)}: the system ends the server under load.`,
      `alter system set work_mem = '${advised}'; select pg_reload_conf(); and shared_buffers about ${sizeOf(bytes / 4)}, fewer max_connections`,
    ),
  ];
}
