import type { Durations, Metrics, RemoteRulesMetrics } from '../../metrics.js';
import type { Health } from '../../report.js';

/** What a metric is, and how the numbers of one are read. */

export type Labels = Readonly<Record<string, string>>;

export interface Sample<Value> {
  readonly labels: Labels;
  readonly value: Value;
}

/** What a tide says of itself at one moment. */
export interface Reading {
  readonly metrics: Metrics;
  readonly health: Health;
  /** Of the rules service, where the host has one. */
  readonly rules: RemoteRulesMetrics | null;
  /** A kind of key of the model's own; anything else has the kind 'key'. */
  readonly kindOf: (type: string) => string;
}

interface Named {
  /** In base units: seconds, bytes. */
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
}

export interface NumberFamily extends Named {
  readonly type: 'counter' | 'gauge';
  readonly read: (reading: Reading) => readonly Sample<number>[];
}

export interface HistogramFamily extends Named {
  readonly type: 'histogram';
  readonly read: (reading: Reading) => readonly Sample<Durations>[];
}

export type Family = NumberFamily | HistogramFamily;

export const one = (value: number | null | undefined, labels: Labels = {}): readonly Sample<number>[] =>
  value === null || value === undefined ? [] : [{ labels, value }];

export const seconds = (ms: number | null | undefined): readonly Sample<number>[] => one(ms == null ? ms : ms / 1000);

/** Which of a few states it is. */
export const states = <State extends string>(
  known: readonly State[],
  state: State,
  name: string,
  labels: Labels = {},
): readonly Sample<number>[] =>
  known.map((each) => ({ labels: { ...labels, [name]: each }, value: each === state ? 1 : 0 }));

export function counts(of: readonly (Labels & { readonly count: number })[] | readonly { readonly count: number }[]) {
  return of.map(({ count, ...labels }) => ({ labels: labels, value: count }));
}

export function durations(of: readonly Durations[]): readonly Sample<Durations>[] {
  return of.map(({ within, sum, count, ...labels }) => ({
    labels: labels,
    value: { within, sum, count },
  }));
}
