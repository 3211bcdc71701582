import { Client } from 'pg';
import { expect, onTestFinished, test, vi } from 'vitest';
import { inventedWorld } from '../../examples/world/data/invented.js';
import type { WorldSource } from '../../examples/world/data/tables.js';
import { type OpenOptions, type OpenWorld, openWorld } from '../../examples/world/postgres/open.js';
import { type Database, describePostgis } from '../services/postgres.js';
import { type TestServer, codesOf, startServer } from './server-setup.js';

const WORLD = inventedWorld('demo', 3);

describePostgis('the world in Postgres', (database) => {
  const open = async (
    source: WorldSource = WORLD,
    options: Partial<OpenOptions> = {},
    { connectionString, schema }: Pick<Database, 'connectionString' | 'schema'> = database(),
  ): Promise<OpenWorld> => {
    const opened = await openWorld(connectionString, source, {
      ...{ schema, progress: () => undefined, report: () => undefined },
      ...options,
    });
    onTestFinished(() => opened.close());
    return opened;
  };
  const both = async (): Promise<readonly [TestServer, TestServer]> => {
    const { tables, origin } = await open(WORLD, { replace: true });
    return [await startServer({ tables: await WORLD.load(() => undefined) }), await startServer({ tables, origin })];
  };

  test('answers every question as the embedded tables do, before and after the same edits', async () => {
    const servers = await both();
    const [embedded] = servers;
    const { tables } = embedded;
    const kingdoms = [...tables.all('kingdom', 'main')];
    const towns = [...tables.all('settlement', 'main')];
    const [town] = towns;
    const [kingdom] = kingdoms;
    if (town === undefined || kingdom === undefined) throw new Error('Expected a town and a kingdom.');
    const same = async (query: string, variables: object = {}): Promise<void> => {
      const [expected, got] = await Promise.all(
        servers.map((server) => server.query(query, { variables, token: 'cartographer' })),
      );
      expect(expected?.errors, query).toEqual([]);
      expect(got, query).toEqual(expected);
    };
    const edit = async (text: string, variables: object, codes: readonly string[] = []): Promise<void> => {
      const [expected, got] = await Promise.all(servers.map((server) => server.edit(text, variables)));
      expect(expected && codesOf(expected), text).toEqual(codes);
      expect(got, text).toEqual(expected);
    };
    const ask = async (): Promise<void> => {
      for (const branch of ['main', 'rising-seas']) {
        await same(
          `query ($branch: String) { kingdoms(branch: $branch) { id name level version settlements {
             id name population level lon lat version inherited structures { id name kind code level version } summary { population }
           } summary { people largest { id } } } }`,
          { branch },
        );
        for (const { id, lon, lat, name } of towns) {
          await same(
            `query ($id: ID!, $lon: Float!, $lat: Float!, $name: String!, $branch: String) {
               settlement(id: $id, branch: $branch) { name version kingdom { id } nearby(radius: 9) { id } }
               near(lon: $lon, lat: $lat, radius: 5, branch: $branch) { id }
               inBox(west: $lon, south: $lat, east: 180, north: 90, branch: $branch) { id }
               at(lon: $lon, lat: $lat, branch: $branch) { kingdoms { id } }
               search(text: $name, branch: $branch) { id name where }
             }`,
            { id, lon, lat, name, branch },
          );
        }
      }
      await same('{ branches { id title parent overrides own { type id name } } }');
    };
    await ask();
    const { id } = town;
    await edit(
      'mutation ($id: ID!) { edit(type: settlement, id: $id, branch: "rising-seas", fields: { name: "Atlantis" }) { settlement { name version } } }',
      { id },
    );
    await edit('mutation ($id: ID!) { move(id: $id, lon: 3, lat: 4) { settlement { lon lat version } } }', { id });
    await edit(
      'mutation ($id: ID!) { move(id: $id, lon: 1, lat: 1, expectedVersion: 9) { settlement { version } } }',
      {
        id,
      },
      ['CONFLICT'],
    );
    await ask();
    await edit('mutation ($id: ID!) { remove(type: kingdom, id: $id) { kingdom { id } } }', { id: kingdom.id });
    await same('query ($id: ID!) { settlement(id: $id) { name } }', { id });
    await ask();
    await edit('mutation ($id: ID!) { restore(type: kingdom, id: $id) { kingdom { version } } }', { id: kingdom.id });
    await ask();
    expect(servers.flatMap(({ reported }) => reported)).toEqual([]);
  });

  test('refuses another version than expected, and a transaction that fails leaves nothing', async () => {
    const { tables } = await open(WORLD, { replace: true });
    const [town] = [...tables.all('settlement', 'main')];
    const { id = '', name, version } = town ?? {};
    await expect(tables.write('settlement', 'main', id, { name: 'A' }, 7)).rejects.toMatchObject({ code: 'CONFLICT' });
    await expect(tables.write('settlement', 'main', id, { kingdomId: 'none' })).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    const { schema, pool } = database();
    const { rows } = await pool.query(`select name, version from ${schema}.settlement where id = $1`, [id]);
    expect(rows).toEqual([{ name, version }]);
  });

  test('is found again as it was left; another world is refused, unless it is to replace it', async () => {
    const first = await open(WORLD, { replace: true });
    expect(first.found).toBe(false);
    const [town] = [...first.tables.all('settlement', 'main')];
    await first.tables.write('settlement', 'main', town?.id ?? '', { name: 'Left' });
    const second = await open();
    expect(second).toMatchObject({ found: true, rows: first.rows });
    expect(second.tables.byIds('settlement', 'main', [town?.id ?? ''])[0]).toMatchObject({ name: 'Left', version: 2 });
    const other = inventedWorld('demo', 4);
    await expect(open(other)).rejects.toThrow(
      `Schema '${database().schema}' holds the world 'demo-3', not 'demo-4'; --replace puts this one in its place, and what was edited there is lost.`,
    );
    expect((await open(other, { replace: true })).found).toBe(false);
    await expect(open()).rejects.toThrow("holds the world 'demo-4', not 'demo-3'");
  });

  test('a copy that fails leaves what was there', async () => {
    await open(WORLD, { replace: true });
    const broken: WorldSource = { ...inventedWorld('demo', 5), load: () => Promise.reject(new Error('no data')) };
    await expect(open(broken, { replace: true })).rejects.toThrow('no data');
    const halfway = (step: string, share: number): void => {
      if (step === 'Copying to Postgres' && share > 0.5) throw new Error('halfway');
    };
    await expect(open(inventedWorld('demo', 6), { replace: true, progress: halfway })).rejects.toThrow('halfway');
    expect((await open()).found).toBe(true);
  });

  test('a nested query is one statement per level cold, and none warm', async () => {
    const { tables, origin } = await open(WORLD, { replace: true });
    const { query } = await startServer({ tables, origin });
    // With the first read of all the tables are compared with the catalogue.
    await query('{ campaign(id: "none") { id } }');
    const asked = vi.spyOn(Client.prototype, 'query');
    onTestFinished(() => {
      asked.mockRestore();
    });
    const nested = '{ kingdoms { id settlements { id structures { id } } } }';
    expect((await query(nested)).errors).toEqual([]);
    expect(asked).toHaveBeenCalledTimes(3);
    await query(nested);
    expect(asked).toHaveBeenCalledTimes(3);
  });
});

test('a database that nobody answers for is an error with a code', async () => {
  const opening = openWorld('postgres://localhost:1/none', WORLD, {
    progress: () => undefined,
    report: () => undefined,
  });
  await expect(opening).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});
