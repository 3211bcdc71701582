import type { Clock } from '../../contract.js';
import { DURATION_LIMITS } from '../../metrics.js';
import type { Message, Operation, TraceMessages } from '../../traces.js';
import { FAMILIES } from './families.js';
import type { Family, Labels } from './family.js';
import { listen } from './listen.js';
import { type MetricsOptions, type NamedTide, scrape } from './scrape.js';
import type { InstrumentOptions, Meter, ObservableResult } from './open-telemetry.js';

export interface MeterParts extends MetricsOptions {
  readonly named: readonly NamedTide[];
  readonly labelsOf: ReadonlyMap<object, Labels>;
  readonly clock: Clock;
}

const UNITS: Readonly<Record<string, string>> = { seconds: 's', bytes: 'By' };

/** A name of Prometheus as OpenTelemetry writes it: `tidemark_reads_total` is `tidemark.reads`, seconds and bytes are units. */
export function instrumentOf({ name, help }: Pick<Family, 'name' | 'help'>): {
  readonly name: string;
  readonly options: InstrumentOptions;
} {
  const [, stem = name, unit = ''] = /^(.*?)(?:_(seconds|bytes))?(?:_total)?$/.exec(name) ?? [];
  const of = UNITS[unit];
  return {
    name: stem.replaceAll('_', '.'),
    options: { description: help, ...(of === undefined ? {} : { unit: of }) },
  };
}

/** What is measured as it happens, since no such instrument can be observed. */
const MEASURED = {
  load: 'tidemark_load_duration_seconds',
  origin: 'tidemark_origin_call_duration_seconds',
  store: 'tidemark_store_call_duration_seconds',
} as const satisfies Partial<Record<Operation, string>>;
type MeasuredOperation = keyof typeof MEASURED;

const LABELS: { readonly [Name in MeasuredOperation]: (message: TraceMessages[Name]) => Labels } = {
  load: ({ kind }) => ({ kind }),
  origin: ({ type, method }) => ({ type, method }),
  store: ({ part, call }) => ({ part, call }),
};

/** Makes the metrics. Returns what ends it. */
export function meter(given: Meter, { named, labelsOf, rules, clock }: MeterParts): () => void {
  const instruments = new Map<string, object>();
  const histograms = new Map<string, ReturnType<Meter['createHistogram']>>();
  for (const family of FAMILIES) {
    const { name, options } = instrumentOf(family);
    if (family.type === 'histogram') {
      const advice = { explicitBucketBoundaries: [...DURATION_LIMITS] };
      histograms.set(family.name, given.createHistogram(name, { ...options, advice }));
    } else if (family.type === 'counter') instruments.set(family.name, given.createObservableCounter(name, options));
    else instruments.set(family.name, given.createObservableGauge(name, options));
  }
  const observe = async (result: ObservableResult): Promise<void> => {
    for (const { name, type, samples } of await scrape(named, { rules })) {
      const instrument = instruments.get(name);
      if (type === 'histogram' || instrument === undefined) continue;
      for (const { value, labels } of samples) result.observe(instrument as never, value, labels);
    }
  };
  const all = [...instruments.values()];
  given.addBatchObservableCallback(observe, all as never[]);
  const counting = new Map(
    [...labelsOf].filter(([tide]) => named.some((one) => one.tide === tide && one.tide.metrics().enabled)),
  );
  // Of each that begins an end is told. A WeakMap of so many that live so short costs the garbage collector dear.
  const begun = new Map<Message, number>();
  const stop = listen(
    counting,
    {
      began: (_, message) => {
        begun.set(message, clock.now());
      },
      ended: (operation, message) => {
        const since = begun.get(message);
        begun.delete(message);
        const { found = 'load' } = message as Partial<TraceMessages['load']>;
        // What was found in a tier was no load.
        if (since === undefined || found !== 'load') return;
        const measured = operation as MeasuredOperation;
        const labels = (LABELS[measured] as (message: Message) => Labels)(message);
        const seconds = (clock.now() - since) / 1000;
        histograms.get(MEASURED[measured])?.record(seconds, { ...labelsOf.get(message.tide), ...labels });
      },
    },
    Object.keys(MEASURED) as MeasuredOperation[],
  );
  return () => {
    stop();
    given.removeBatchObservableCallback(observe, all as never[]);
  };
}
