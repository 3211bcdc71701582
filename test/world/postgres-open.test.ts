import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { createTables } from '../../examples/world/data/memory-tables.js';
import type { Mirror } from '../../examples/world/data/tables.js';
import { type Database, describePostgis } from '../services/postgres.js';
import { open, ownSchema, rows, servedFrom, source } from './postgres-setup.js';

const CAMPAIGN = { id: 'earth', name: 'Other', version: 1, deleted: false };
const other = (): Mirror => createTables().add('campaign', [CAMPAIGN]).build();

test('a database that cannot be reached is one line and exit code 1', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  const program = ['--import', './scripts/sources.mjs', 'examples/world/main.ts', '--world', 'demo', '--port', '0'];
  const env = { ...process.env, DATABASE_URL: `postgres://nobody@127.0.0.1:${String(port)}/world` };
  await expect(promisify(execFile)(process.execPath, program, { env })).rejects.toMatchObject({
    ...{ code: 1, stdout: '' },
    stderr: `The world could not be opened: connect ECONNREFUSED 127.0.0.1:${String(port)}\n`,
  });
});

describePostgis('opening a world in Postgres', (database: () => Database) => {
  const names = async (schema: string) => {
    const { rows: found } = await database().pool.query<{ name: string }>(
      `select name from ${schema}.settlement where branch = 'main' order by id collate "C"`,
    );
    return found.map(({ name }) => name);
  };

  test('copies it once; the second start finds what the first left, and loads nothing', async () => {
    const schema = ownSchema(database());
    const first = await open(database(), { schema });
    expect(first.found).toBe(false);
    const { query, serving } = await servedFrom(first);
    await query('mutation { edit(type: settlement, id: "t1", fields: { name: "Edited" }) { receipt } }');
    await query('mutation { remove(type: settlement, id: "p", branch: "rising-seas") { receipt } }');
    await serving.close();
    await first.close();

    const again = source();
    const second = await open(database(), { schema, of: again });
    expect([second.found, second.rows, again.loads()]).toEqual([true, first.rows + 1, 0]); // one more: an override
    const { data } = await (
      await servedFrom(second)
    ).query(
      `{ settlement(id: "t1") { name version } p: settlement(id: "p") { id } search(text: "edited") { id }
         sunk: settlement(id: "p", branch: "rising-seas") { id } }`,
    );
    const edited = { name: 'Edited', version: 2 };
    expect(data).toEqual({ settlement: edited, p: { id: 'p' }, search: [{ id: 't1' }], sunk: null });
    expect(second.tables.counts).toEqual(first.tables.counts);
  });

  test('another world is refused in words and left as it is; it gives way if that is wanted', async () => {
    const schema = ownSchema(database());
    await (await open(database(), { schema })).close();
    await expect(open(database(), { schema, of: source('other', other) })).rejects.toThrow(
      `Schema '${schema}' holds the world 'small', not 'other'; --replace puts this one in its place, and what was edited there is lost.`,
    );
    expect(await names(schema)).toHaveLength(6);
    const replaced = await open(database(), { schema, of: source('other', other), replace: true });
    expect([replaced.found, replaced.tables.counts.settlement, await names(schema)]).toEqual([false, 0, []]);
    expect((await open(database(), { schema, of: source('other', other) })).found).toBe(true);
  });

  test('what is no world is left as it is, whatever is wanted', async () => {
    const schema = ownSchema(database());
    await database().pool.query(`create schema ${schema}; create table ${schema}.kingdom (precious text)`);
    for (const replace of [false, true]) {
      await expect(open(database(), { schema, replace })).rejects.toThrow(
        `Schema '${schema}' holds what is no world; it is left as it is.`,
      );
    }
    await database().pool.query(`select precious from ${schema}.kingdom`);
  });

  test('a copy that fails leaves what was there', async () => {
    const schema = ownSchema(database());
    const broken = source('small', () =>
      createTables()
        .add('campaign', [{ ...CAMPAIGN, name: 'a NUL: \0' }])
        .build(),
    );
    await expect(open(database(), { schema, of: broken })).rejects.toThrow('invalid byte sequence');
    const { rows: schemas } = await database().pool.query('select from pg_namespace where nspname like $1', [
      `${schema}%`,
    ]);
    expect(schemas).toEqual([]);
    await (await open(database(), { schema })).close();
    await expect(open(database(), { schema, of: broken, replace: true })).rejects.toThrow('invalid byte sequence');
    expect(await names(schema)).toHaveLength(6);
  });

  test('of two that begin at once one copies, and the other finds', async () => {
    const schema = ownSchema(database());
    const both = await Promise.all([open(database(), { schema }), open(database(), { schema })]);
    expect(both.map(({ found }) => found).sort()).toEqual([false, true]);
  });

  test('a transaction that fails leaves nothing: no row, and nothing to be seen', async () => {
    const schema = ownSchema(database());
    const { tables } = await open(database(), { schema });
    const before = await names(schema);
    const failed = tables.transaction(async (write) => {
      await write('settlement', 'main', 't1', { name: 'Never' });
      throw new Error('Not today.');
    });
    await expect(failed).rejects.toThrow('Not today.');
    expect(await names(schema)).toEqual(before);
    expect(tables.byIds('settlement', 'main', ['t1'])).toEqual(rows().byIds('settlement', 'main', ['t1']));
  });

  test('an edit and its change are in one transaction: without an outbox to write to there is no edit', async () => {
    const schema = ownSchema(database());
    const { query } = await servedFrom(await open(database(), { schema }), { report: () => {} });
    const edit = 'mutation { edit(type: settlement, id: "t1", fields: { name: "New" }) { receipt } }';
    const before = await names(schema);
    await database().pool.query(`alter table ${schema}_outbox.outbox rename to hidden`);
    expect((await query(edit)).errors).toHaveLength(1);
    expect([await names(schema), (await query('{ settlement(id: "t1") { name } }')).data]).toEqual([
      before,
      { settlement: { name: 'Town t1' } },
    ]);
    await database().pool.query(`alter table ${schema}_outbox.hidden rename to outbox`);
    expect((await query(edit)).errors).toEqual([]);
    expect(await names(schema)).toContain('New');
  });

  test('an edit that expects another version is CONFLICT; of many at once one wins', async () => {
    const schema = ownSchema(database());
    const { query } = await servedFrom(await open(database(), { schema }));
    const edit = (name: string, expectedVersion: number) =>
      query(
        `mutation ($name: String, $expectedVersion: Int) {
          edit(type: settlement, id: "t1", expectedVersion: $expectedVersion, fields: { name: $name }) { receipt } }`,
        { name, expectedVersion },
      );
    expect((await edit('Wrong', 7)).errors).toEqual([
      { code: 'CONFLICT', message: "settlement 't1' is at version 1, not 7." },
    ]);
    const many = await Promise.all(['a', 'b', 'c', 'd', 'e'].map((name) => edit(name, 1)));
    const codes = many.map(({ errors }) => errors.map(({ code }) => code).join());
    expect([...codes].sort()).toEqual(['', ...new Array<string>(4).fill('CONFLICT')]);
    expect((await names(schema)).filter((name) => name === 'Wrong' || /^[a-e]$/.test(name))).toEqual([
      'abcde'[codes.indexOf('')],
    ]);
    const branch = '{ settlement(id: "t1") { version } sunk: settlement(id: "t1", branch: "rising-seas") { id } }';
    expect((await query(branch)).data).toEqual({ settlement: { version: 2 }, sunk: null });
  });
});
