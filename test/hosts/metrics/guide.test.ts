import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { FAMILIES } from '../../../src/hosts/metrics/families.js';
import { OPERATIONS } from '../../../src/traces.js';

const guide = readFileSync(new URL('../../../docs/guides/metrics.md', import.meta.url), 'utf8');

const rows = guide
  .split('\n')
  .filter((line) => line.startsWith('| `tidemark_'))
  .map((line) =>
    line
      .slice(1, -1)
      .split(/(?<!\\)\|/)
      .map((cell) => cell.trim()),
  );

test('the guide has a row for each metric, in their order, with its kind, labels and help', () => {
  const named = rows.map(([name = '', type, labels, help]) => ({ name: name.slice(1, -1), type, labels, help }));
  expect(named).toEqual(
    FAMILIES.map(({ name, type, labels, help }) => ({ name, type, labels: labels.join(', '), help })),
  );
});

test('each row says what is normal or when to worry', () => {
  for (const row of rows) expect(row[4], row[0]).toMatch(/\w.*\.$/);
});

test('the guide names every label', () => {
  const labels = new Set(FAMILIES.flatMap((family) => family.labels));
  const explained = rows.map((row) => row[4]).join(' ');
  for (const label of labels)
    if (label !== 'address' && label !== 'type') expect(explained + guide).toContain(`\`${label}\``);
});

test('the guide names every channel', () => {
  const channels = [...guide.matchAll(/^\| `tidemark:(\w+)`/gm)].map(([, operation]) => operation);
  expect(channels).toEqual([...OPERATIONS]);
});
