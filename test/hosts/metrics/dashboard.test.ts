import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { FAMILIES } from '../../../src/hosts/metrics/families.js';
import { hasPromtool, promtool } from './promtool.js';
import { faultsIn, familyOf, labelsOf, usesIn } from './expressions.js';

const read = (path: string): string =>
  readFileSync(fileURLToPath(new URL(`../../../${path}`, import.meta.url)), 'utf8');

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
}
const dashboard = JSON.parse(read('docs/grafana/tidemark.json')) as {
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly query: unknown }[] };
};
const panels = dashboard.panels.filter(({ type }) => type !== 'row');
const targets = panels.flatMap(({ title, targets: all = [] }) => all.map((target) => ({ title, ...target })));

const rules = read('docs/prometheus/alerts.yaml')
  .split('\n')
  .flatMap((line) => /^\s+expr: (.*)$/.exec(line)?.[1] ?? []);

/** Metrics that are not on the dashboard, and why. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  tidemark_tier1_marks: 'beside tidemark_marks_held it matters only to who sets maxMarks',
};

describe('the Grafana dashboard', () => {
  test.each(targets)('$title: $legendFormat', ({ expr, legendFormat }) => {
    expect(faultsIn(expr, FAMILIES)).toEqual([]);
    const named = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = '']) => label);
    expect(labelsOf(expr, FAMILIES)).toEqual(expect.arrayContaining(named));
    // A replica and a job can be chosen for every line.
    for (const { labels } of usesIn(expr)) expect(labels).toEqual(expect.arrayContaining(['job', 'instance']));
  });

  test('shows every metric, but for those with a reason', () => {
    const shown = new Set(
      targets.flatMap(({ expr }) => usesIn(expr)).map(({ name }) => familyOf(name, FAMILIES)?.name),
    );
    const missing = FAMILIES.map(({ name }) => name).filter((name) => !shown.has(name));
    expect(missing).toEqual(Object.keys(LEFT_OUT));
  });

  test('asks for nothing but variables that it has, and metrics that there are', () => {
    const names = dashboard.templating.list.map(({ name }) => name);
    const used = [...JSON.stringify(dashboard).matchAll(/\$\{?(\w+)/g)].map(([, name = '']) => name);
    expect(used.filter((name) => !names.includes(name) && !['__rate_interval', '__all'].includes(name))).toEqual([]);
    const asked = JSON.stringify(dashboard.templating).match(/tidemark_\w+/g) ?? [];
    for (const name of asked) expect(FAMILIES.map((family) => family.name)).toContain(name);
  });

  test('has panels that say what they show, and do not cover each other', () => {
    const cells = new Set<string>();
    for (const { title, description, gridPos } of panels) {
      expect(description, title).toMatch(/\.$/);
      expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++)
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          const cell = `${String(x)},${String(y)}`;
          expect(cells.has(cell), `${title} at ${cell}`).toBe(false);
          cells.add(cell);
        }
    }
    const ids = dashboard.panels.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test.skipIf(!hasPromtool)('has expressions that promtool parses', () => {
    const folder = mkdtempSync(join(tmpdir(), 'tidemark-rules-'));
    const file = join(folder, 'rules.json');
    const records = targets.map(({ expr }, i) => ({
      record: `panel:${String(i)}`,
      expr: expr.replaceAll('$__rate_interval', '1m').replaceAll('$job', '.*').replaceAll('$instance', '.*'),
    }));
    writeFileSync(file, JSON.stringify({ groups: [{ name: 'dashboard', rules: records }] }));
    try {
      promtool(['check', 'rules', file]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('the alert rules', () => {
  test.each(rules)('%s', (expr) => {
    expect(faultsIn(expr, FAMILIES)).toEqual([]);
  });

  test('are as many as there are alerts, each with a severity, a summary and a description', () => {
    const text = read('docs/prometheus/alerts.yaml');
    const alerts = text.match(/^\s+- alert: \w+$/gm) ?? [];
    expect(alerts.length).toBeGreaterThan(10);
    expect(new Set(alerts).size).toBe(alerts.length);
    expect(rules).toHaveLength(alerts.length);
    for (const part of [
      /^\s+labels: \{ severity: (critical|warning|info) \}$/gm,
      /^\s+summary: /gm,
      /^\s+description: /gm,
    ])
      expect(text.match(part)).toHaveLength(alerts.length);
  });
});

test.skipIf(!hasPromtool)('promtool accepts the alert rules', () => {
  const file = fileURLToPath(new URL('../../../docs/prometheus/alerts.yaml', import.meta.url));
  expect(() => {
    promtool(['check', 'rules', file]);
  }).not.toThrow();
});

describe('the checker', () => {
  test.each([
    ['rate(tidemark_reeds_total[1m])', 'tidemark_reeds_total: there is no such metric.'],
    ['sum by (key) (rate(tidemark_reads_total[1m]))', "tidemark_reads_total: it has no label 'key'."],
    ['rate(tidemark_reads_total{branch="main"}[1m])', "tidemark_reads_total: it has no label 'branch'."],
    ['tidemark_reads_total', 'tidemark_reads_total: what only rises says nothing without rate().'],
    ['rate(tidemark_tier1_entries[1m])', 'tidemark_tier1_entries: a gauge has no rate().'],
    ['rate(tidemark_load_duration_seconds[1m])', 'tidemark_load_duration_seconds: there is no such metric.'],
    ['up == 0', 'up == 0: no metric of tidemark.'],
  ])('finds what is wrong with %s', (expr, fault) => {
    expect(faultsIn(expr, FAMILIES)).toEqual([fault]);
  });
});
