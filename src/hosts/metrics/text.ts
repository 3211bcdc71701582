import { DURATION_LIMITS, type Durations } from '../../metrics.js';
import type { Labels, Sample } from './family.js';
import type { Measured } from './scrape.js';

/** The text format of Prometheus, version 0.0.4. */
export const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** One line of the text: of a histogram there are several for each sample. */
export interface Line {
  readonly name: string;
  readonly labels: Labels;
  readonly value: number;
}

export function textOf(families: readonly Measured[]): string {
  const blocks = families.map((family) => {
    const { name, type, help } = family;
    const lines = linesOf(family).map((line) => `${line.name}${labelsText(line.labels)} ${numberText(line.value)}\n`);
    return `# HELP ${name} ${escaped(help)}\n# TYPE ${name} ${type}\n${lines.join('')}`;
  });
  return blocks.join('');
}

export function linesOf(family: Measured): readonly Line[] {
  const { name } = family;
  if (family.type !== 'histogram') return family.samples.map((sample) => ({ name, ...sample }));
  return family.samples.flatMap((sample) => bucketLines(name, sample));
}

function bucketLines(name: string, { labels, value: { within, sum, count } }: Sample<Durations>): readonly Line[] {
  const buckets = DURATION_LIMITS.map((limit, i) => ({ le: numberText(limit), value: within[i] ?? 0 }));
  return [
    ...[...buckets, { le: '+Inf', value: count }].map(({ le, value }) => ({
      name: `${name}_bucket`,
      labels: { ...labels, le },
      value,
    })),
    { name: `${name}_sum`, labels, value: sum },
    { name: `${name}_count`, labels, value: count },
  ];
}

function labelsText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value).replaceAll('"', '\\"')}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

const escaped = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');

function numberText(value: number): string {
  if (value === Infinity) return '+Inf';
  return value === -Infinity ? '-Inf' : String(value);
}
