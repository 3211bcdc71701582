import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { type Command, SharedTables } from '../../examples/scaled/shared-tables.js';
import { smallWorld } from '../world/server-setup.js';

function file(): { readonly path: string; readonly open: (heard?: Command[]) => SharedTables } {
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-tables-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const path = join(directory, 'writes');
  const open = (heard?: Command[]): SharedTables => {
    const tables = new SharedTables(smallWorld(), path, (command) => heard?.push(command));
    onTestFinished(() => tables.close());
    return tables;
  };
  return { path, open };
}
const nameIn = (tables: SharedTables): unknown => tables.byIds('settlement', 'main', ['t0'])[0]?.name;

test('what one writes, the others read at once, also those that come later', () => {
  const { open } = file();
  const heard: Command[] = [];
  const [here, there] = [open(), open(heard)];
  const { before, after } = here.write('settlement', 'main', 't0', { name: 'Þorp' });
  expect([before?.name, after.name, after.version]).toEqual(['Town 0', 'Þorp', 2]);
  expect([nameIn(there), nameIn(open())]).toEqual(['Þorp', 'Þorp']);
  expect(there.search('þorp', 'main', 5).map(({ id }) => id)).toEqual(['t0']);
  expect(heard).toMatchObject([{ id: 't0', fields: { name: 'Þorp' } }]);
});

test('of two that expect the same version, the second is refused, and everybody agrees which', () => {
  const { open } = file();
  const [here, there] = [open(), open()];
  here.write('settlement', 'main', 't0', { name: 'First' }, 1);
  expect(() => there.write('settlement', 'main', 't0', { name: 'Second' }, 1)).toThrow('is at version 2, not 1');
  expect([here, there, open()].map(nameIn)).toEqual(['First', 'First', 'First']);
});

test('a line that is still being written is left for later', () => {
  const { path, open } = file();
  const tables = open();
  const command = { nonce: 'n', at: 0, type: 'settlement', branch: 'main', id: 't0', fields: { name: 'Whole' } };
  const line = `${JSON.stringify(command)}\n`;
  appendFileSync(path, line.slice(0, 20));
  expect(nameIn(tables)).toBe('Town 0');
  appendFileSync(path, line.slice(20));
  expect(nameIn(tables)).toBe('Whole');
});
