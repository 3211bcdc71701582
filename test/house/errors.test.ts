import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { ERROR_CODES } from '../../src/errors.ts';

const page = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8');
const [, ...sections] = page.split(/^## /m);
const documented = sections.map((section) => section.split('\n', 1)[0] ?? '');
const codes = Object.keys(ERROR_CODES);

test('docs/errors.md has a section for every error code', () => {
  expect(codes.filter((code) => !documented.includes(code)).map((code) => `docs/errors.md lacks '## ${code}'`)).toEqual(
    [],
  );
});

test('docs/errors.md has no section for a code that does not exist', () => {
  expect(documented.filter((code) => !codes.includes(code)).map((code) => `src/errors.ts lacks ${code}`)).toEqual([]);
});

test('the codes, and their sections, are in alphabetical order and named once', () => {
  expect(codes).toEqual([...codes].sort());
  expect(documented).toEqual([...new Set(documented)].sort());
});

test('each section says what happened, its usual cause and what to do', () => {
  const parts = ['**What happened.**', '**Usual cause.**', '**What to do.**'];
  const missing = sections.flatMap((section, index) =>
    parts.filter((part) => !section.includes(part)).map((part) => `${documented[index] ?? ''} lacks ${part}`),
  );
  expect(missing).toEqual([]);
});
