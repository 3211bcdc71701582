/** What a tide says of itself: to Prometheus, to the host's registry of prom-client, and to its OpenTelemetry. */
export { DURATION_LIMITS } from '../../metrics.js';
export type { Counted, Durations, Metrics, Timed } from '../../metrics.js';
export type {
  ChangeMessage,
  LoadMessage,
  Message,
  Operation,
  OriginMessage,
  PublishMessage,
  StoreMessage,
  TraceMessages,
} from '../../traces.js';
export { type MetricsHost, type MetricsText, type ScrapeRequest, type ScrapeResponse, metricsHost } from './host.js';
export type { PromRegistry } from './registry.js';
export type { MeasuredTide, MetricsOptions, Tides } from './scrape.js';
export type {
  Histogram,
  InstrumentOptions,
  Meter,
  ObservableResult,
  Span,
  SpanContext,
  SpanOptions,
  Tracer,
} from './open-telemetry.js';
export { type Telemetry, type TelemetryOptions, openTelemetry } from './telemetry.js';
