import { readFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { Client } from 'pg';
import { expect, onTestFinished, test, vi } from 'vitest';
import { postgres } from '../../../src/adapters/postgres/index.js';
import { entitySubject } from '../../../src/subject.js';
import { besideEntries } from '../../contract/beside.js';
import { type SharedDatabase, describeReplicas } from '../../services/replicas.js';

// docs/protocol.md, In Postgres, against what is really there.

const text = readFileSync(new URL('../../../docs/protocol.md', import.meta.url), 'utf8');
const section = text.split(/^## /m).find((part) => part.startsWith('In Postgres')) ?? '';

function rowsOf(first: string): readonly string[][] {
  const table = section.split('\n\n').find((block) => new RegExp(`^\\| ${first} +\\|`).test(block)) ?? '';
  const lines = table.trim().split('\n').slice(2);
  return lines.map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}
const name = (cell = ''): string => cell.replace(/^`(.*)`$/, '$1');

const FORMATS: Readonly<Record<string, string>> = {
  '<number>': '\\d{1,16}',
  '<epoch>': '[0-9a-f]{32}\\.\\d{16}',
  '<nonce>': '[\\w.-]{0,64}\\.\\d{16}',
  '<text>': '[ -~]{1,7600}',
};
const formatOf = (cell = ''): RegExp => new RegExp(`^${name(cell).replace(/<\w+>/g, (one) => FORMATS[one] ?? one)}$`);

describeReplicas('docs/protocol.md, In Postgres', (shared: () => SharedDatabase) => {
  test('names the tables and their columns, and none that is not there', async () => {
    let table = '';
    const documented = rowsOf('table').map(([of, column]) => {
      table = name(of) || table;
      return [table, name(column)] as const;
    });
    const { here, schema } = shared();
    const { rows } = await here.query<{ table: string; column: string; unlogged: boolean }>(
      `select relname as table, attname as column, relpersistence = 'u' as unlogged from pg_class c
       join pg_attribute a on a.attrelid = c.oid and a.attnum > 0
       where relnamespace = $1::regnamespace and relkind = 'r' order by relname, attnum`,
      [schema],
    );
    const found = rows.map((row) => [row.table, row.column]);
    const others = ['name', 'made_at']; // said beside the version
    expect(documented.toSorted().join('\n')).toBe(
      found
        .filter(([of, column]) => of !== 'migration' || !others.includes(column ?? ''))
        .toSorted()
        .join('\n'),
    );
    const unlogged = new Set(rows.filter((row) => row.unlogged).map((row) => row.table));
    expect([...unlogged].sort()).toEqual(['entry', 'mark', 'message', 'partition', 'topic']);
  });

  test('names the functions that are statements', async () => {
    const { here, schema } = shared();
    const { rows } = await here.query<{ name: string }>(
      'select proname as name from pg_proc where pronamespace = $1::regnamespace',
      [schema],
    );
    const there = rows.map((row) => row.name);
    for (const [statement] of rowsOf('statement'))
      if (statement?.startsWith('`') === true) expect(there).toContain(name(statement));
  });

  test('says what is announced, on which channel, and what rows hold', async () => {
    const { here, there, schema, reset } = shared();
    await reset();
    const digest = createHash('sha256').update(`["${schema}","marks",""]`).digest('hex');
    const spy = new Client({ connectionString: there.options.connectionString });
    await spy.connect();
    onTestFinished(() => spy.end());
    const messages: string[] = [];
    spy.on('notification', ({ payload = '' }) => messages.push(payload));
    await spy.query(`listen "tm_${digest.slice(0, 40)}"`);
    const { store, marks } = postgres({ pool: here, schema });
    onTestFinished(() => marks.close());
    const subjects = Array.from({ length: 300 }, (_, i) => entitySubject('settlement', `Zürich ${String(i)}`, 'main'));
    await marks.bump(subjects, { changeId: 'é', nonce: 'a b' });
    await store.setMany([{ key: 'entry', value: besideEntries.entry(subjects.slice(0, 2)) }]);
    const said = rowsOf('message').map(([format]) => formatOf(format));
    await vi.waitFor(() => {
      expect(messages.length).toBeGreaterThanOrEqual(3); // an epoch, and a bump in parts
    });
    const used = messages.map((message) => said.filter((format) => format.test(message)));
    expect(used.map(({ length }) => length)).toEqual(messages.map(() => 1));
    expect(new Set(used.flat()).size).toBe(said.length);
    const json = messages.slice(1).map((message) => message.slice(message.indexOf('\n') + 1));
    expect(JSON.parse(json.join(''))).toEqual({ s: subjects, c: 'é', g: [] });

    const { rows } = await here.query<{ epoch: string; nonce: string; epoch_id: string; run: string }>(
      `select * from ${schema}.partition`,
    );
    const [row = expect.fail('a partition')] = rows;
    expect(row.epoch).toMatch(formatOf('<epoch>'));
    expect(row.nonce).toMatch(/^a_b\.\d{16}$/);
    expect(BigInt.asUintN(64, BigInt(row.epoch_id)).toString(16).padStart(16, '0')).toBe(row.epoch.slice(0, 16));
    expect(row.run).toMatch(/^\d{16}\.\d+\.\d+\.\d+$/);
    const { rows: entries } = await here.query<{ subjects: Buffer[] }>(`select subjects from ${schema}.entry`);
    expect(entries[0]?.subjects.map(String)).toEqual(subjects.slice(0, 2));
  });
});
