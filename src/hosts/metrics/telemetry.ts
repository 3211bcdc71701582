import { systemClock } from '../../clock.js';
import type { Clock } from '../../contract.js';
import { TidemarkError } from '../../errors.js';
import type { Labels } from './family.js';
import { meter } from './meter.js';
import { type MeasuredTide, type MetricsOptions, namedTides } from './scrape.js';
import type { Meter, Tracer } from './open-telemetry.js';
import { spans } from './spans.js';

export interface TelemetryOptions extends MetricsOptions {
  /** Default: no spans. */
  readonly tracer?: Tracer | undefined;
  /** Default: no metrics. */
  readonly meter?: Meter | undefined;
  /** Measures durations. Default: this machine's. */
  readonly clock?: Clock | undefined;
}

export interface Telemetry {
  /** Ends it. Spans under way are ended as they come to an end. Idempotent. */
  close(): void;
  [Symbol.dispose](): void;
}

/**
 * Spans and metrics of one tide, or of several by name, by what the host's OpenTelemetry hands out. A span begins where the host's own
 * context is, so that what is loaded for a request is beneath that request's span, and what the origin asks of a database beneath the
 * origin's. No span and no metric has an id, a key or a branch. Throws INVALID_OPTION without `tracer` and `meter`.
 *
 * @example
 * const telemetry = openTelemetry(tide, { tracer: trace.getTracer('tidemark'), meter: metrics.getMeter('tidemark') });
 */
export function openTelemetry(
  tides: MeasuredTide | Readonly<Record<string, MeasuredTide>>,
  { tracer, meter: given, rules, clock = systemClock }: TelemetryOptions,
): Telemetry {
  if (tracer === undefined && given === undefined)
    throw new TidemarkError('INVALID_OPTION', 'openTelemetry: expected a tracer or a meter, got neither.');
  const named = namedTides(tides);
  const labelsOf = new Map<object, Labels>(named.map(({ tide, labels }) => [tide, labels]));
  const ends = [
    ...(tracer === undefined ? [] : [spans(tracer, labelsOf)]),
    ...(given === undefined ? [] : [meter(given, { named, labelsOf, rules, clock })]),
  ];
  const close = (): void => {
    for (const end of ends.splice(0)) end();
  };
  return { close, [Symbol.dispose]: close };
}
