/** One sample of the text format. */
export interface Line {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"(?:,|$)/y;
const ESCAPES: Readonly<Record<string, string>> = { '\\n': '\n', '\\"': '"', '\\\\': '\\' };

/**
 * The samples of a text in the format of Prometheus, histograms line by line: the parser from npm has no labels of these.
 * Written from the specification of the format; throws at what is not of it.
 */
export function linesIn(text: string): readonly Line[] {
  const seen = new Set<string>();
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return lines.map((line) => {
    const [, name, inside = '', number = ''] = SAMPLE.exec(line) ?? [];
    if (name === undefined) throw new Error(`no sample: ${line}`);
    const labels = labelsIn(inside);
    const value = Number(number.replace(/^([+-])Inf$/, '$1Infinity'));
    const identity = JSON.stringify([name, Object.entries(labels).sort()]);
    if (seen.has(identity)) throw new Error(`twice: ${line}`);
    seen.add(identity);
    return { name, labels, value };
  });
}

function labelsIn(inside: string): Record<string, string> {
  const labels: Record<string, string> = {};
  LABEL.lastIndex = 0;
  while (LABEL.lastIndex < inside.length) {
    const at = LABEL.lastIndex;
    const [, name, value] = LABEL.exec(inside) ?? [];
    if (name === undefined || value === undefined) throw new Error(`no labels from ${String(at)}: ${inside}`);
    labels[name] = value.replaceAll(/\\[n"\\]/g, (escape) => ESCAPES[escape] as string);
  }
  return labels;
}
