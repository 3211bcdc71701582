/** What is used of @opentelemetry/api, version 1: types, so that none of it is imported. */

export interface Tracer {
  startActiveSpan<Result>(name: string, options: SpanOptions, work: (span: Span) => Result): Result;
}

export interface SpanOptions {
  readonly kind?: number;
  readonly attributes?: Record<string, string | number>;
  readonly links?: { context: SpanContext }[];
}

/** As far as it is handed on. */
export interface SpanContext {
  traceId: string;
  spanId: string;
  traceFlags: number;
}

export interface Span {
  spanContext(): SpanContext;
  setAttribute(name: string, value: string | number): unknown;
  setStatus(status: { code: number; message?: string }): unknown;
  end(): void;
}

/** A Meter of it. */
export interface Meter {
  createHistogram(name: string, options: InstrumentOptions): Histogram;
  createObservableCounter(name: string, options: InstrumentOptions): object;
  createObservableGauge(name: string, options: InstrumentOptions): object;
  addBatchObservableCallback(callback: (result: ObservableResult) => Promise<void>, observables: never[]): void;
  removeBatchObservableCallback(callback: (result: ObservableResult) => Promise<void>, observables: never[]): void;
}

export interface ObservableResult {
  /** One of the observables. */
  observe(instrument: never, value: number, attributes?: Record<string, string>): void;
}

export interface InstrumentOptions {
  readonly description?: string;
  readonly unit?: string;
  readonly advice?: { explicitBucketBoundaries?: number[] };
}

export interface Histogram {
  record(value: number, attributes?: Record<string, string>): void;
}
