import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { tidemark } from './surroundings.js';

const MODULE = `
import { createTidemark, defineModel, entity } from 'tidemark';
const rows = [{ id: 7, kingdomId: 'k1', name: 'Harrow' }];
const model = defineModel({
  entities: {
    kingdom: entity()({}),
    settlement: entity()({ parseId: Number, parents: { kingdom: 'kingdomId' } }),
  },
});
const origin = { settlement: { byIds: (ids) => rows.filter(({ id }) => ids.includes(id)) } };
export const tide = async () => createTidemark({ model, origin });
export const broken = 1;
`;
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tidemark-explain-'));
  writeFileSync(
    join(folder, 'tide.mjs'),
    MODULE.replace("'tidemark'", JSON.stringify(new URL('../../src/index.ts', import.meta.url).href)),
  );
  writeFileSync(join(folder, 'other.mjs'), 'export const model = {};');
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});
const explained = (...args: string[]) => tidemark(['explain', ...args], { cwd: folder });

test('says which subjects a change of an entity would mark, and why', async () => {
  const { stdout, stderr, exitCode } = await explained('settlement', '7', '--app', './tide.mjs');
  expect([stderr, exitCode]).toEqual(['', 0]);
  expect(stdout).toMatch(/^update of settlement 7: \d+ subjects/);
  expect(stdout).toMatch(/kingdom:k1/);
  expect(stdout).not.toMatch(/k2|!/);
});

test('a move touches the lists of both parents', async () => {
  const { stdout } = await explained('settlement', '7', '--app', 'tide.mjs', '--set', '{"kingdomId": "k2"}', '--json');
  const { format, isFound, subjects } = JSON.parse(stdout) as {
    format: number;
    isFound: boolean;
    subjects: { subject: string }[];
  };
  expect([format, isFound]).toEqual([1, true]);
  const named = subjects.map(({ subject }) => subject).join(' ');
  expect(named).toMatch(/k1/);
  expect(named).toMatch(/k2/);
});

test('a row that is not there is said to be, and what is not known of it', async () => {
  const { stdout, exitCode } = await explained('settlement', '8', '--app', './tide.mjs', '--op', 'delete');
  expect(exitCode).toBe(0);
  expect(stdout).toContain('The origin has no such row');
});

test.each([
  [[], 'explain: expected a type and an id, got neither.'],
  [['settlement', '7', '8'], "expected a type and an id, got 'settlement', '7', '8'."],
  [['settlement', '7'], 'explain: expected --app <module>.'],
  [['town', '7', '--app', './tide.mjs'], "expected one of the types kingdom, settlement, got 'town'."],
  [['settlement', '7', '--app', './other.mjs'], 'to export `tide`'],
  [['settlement', '7', '--app', './gone.mjs'], 'expected a module that can be loaded'],
  [
    ['settlement', '7', '--app', './tide.mjs', '--op', 'move'],
    "--op: expected create, update, delete, restore, got 'move'.",
  ],
  [['settlement', '7', '--app', './tide.mjs', '--set', 'x'], "--set: expected a JSON object of fields, got 'x'."],
])('%j is refused with exit code 2', async (args, said) => {
  const { stdout, stderr, exitCode } = await explained(...args);
  expect([stdout, exitCode]).toEqual(['', 2]);
  expect(stderr).toContain(said);
});
