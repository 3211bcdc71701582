import type { Tidemark } from '../../api.js';
import type { AnyModel } from '../../model.js';
import type { RemoteRulesMetrics } from '../../metrics.js';
import { FAMILIES } from './families.js';
import type { Family, Labels, Reading } from './family.js';

/** What is needed of a tide. */
export type MeasuredTide = Pick<Tidemark<AnyModel>, 'model' | 'metrics' | 'health'>;

/** One, or several by name: then everything that is said of one of them has its name as `tide`. */
export type Tides = MeasuredTide | Readonly<Record<string, MeasuredTide>>;

export interface MetricsOptions {
  /** What `remoteRules()` made, if the host asks a rules service. */
  readonly rules?: { metrics(): RemoteRulesMetrics } | undefined;
}

export interface NamedTide<Tide = MeasuredTide> {
  readonly labels: Labels;
  readonly tide: Tide;
}

export function namedTides<Tide extends MeasuredTide>(
  tides: Tide | Readonly<Record<string, Tide>>,
): readonly NamedTide<Tide>[] {
  if (typeof tides.metrics === 'function') return [{ labels: {}, tide: tides as Tide }];
  return Object.entries(tides as Readonly<Record<string, Tide>>).map(([name, tide]) => ({
    labels: { tide: name },
    tide,
  }));
}

/** A family with what it says at one moment. */
export type Measured = Family extends infer Each
  ? Each extends Family
    ? Omit<Each, 'read'> & { readonly samples: ReturnType<Each['read']> }
    : never
  : never;

/** What all tides say now, family by family; those of which nothing is said are left out. Asks the stores how they are. */
export async function scrape(tides: readonly NamedTide[], { rules }: MetricsOptions): Promise<readonly Measured[]> {
  const readings = await Promise.all(
    tides.map(async ({ labels, tide }) => ({ labels, reading: await readingOf(tide, rules?.metrics() ?? null) })),
  );
  return FAMILIES.map(({ read, ...family }): Measured => {
    const samples = readings
      .filter(({ reading: { metrics } }) => metrics.enabled || family.type === 'gauge')
      .flatMap(({ labels, reading }) =>
        read(reading).map((sample) => ({ ...sample, labels: { ...labels, ...sample.labels } })),
      );
    return { ...family, samples } as Measured;
  }).filter(({ samples }) => samples.length > 0);
}

async function readingOf(tide: MeasuredTide, rules: RemoteRulesMetrics | null): Promise<Reading> {
  const { types } = tide.model.topology;
  const own = new Set(['spatial', 'computed-fields', 'rules', 'view', 'key']);
  for (const { type, plural } of types.values()) own.add(type).add(plural);
  const health = await tide.health();
  return { metrics: tide.metrics(), health, rules, kindOf: (type) => (own.has(type) ? type : 'key') };
}
