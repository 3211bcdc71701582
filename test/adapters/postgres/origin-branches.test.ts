import { beforeAll, expect, test } from 'vitest';
import { pgOrigin } from '../../../src/adapters/postgres/index.js';
import { createTidemark, defineModel, entity } from '../../../src/index.js';
import { seededRandom } from '../../../src/testing/index.js';
import { describePostgis } from '../../services/postgres.js';
import { context, recorded } from './origin-world.js';

type Row = { id: string; parent: string; name: string };
const PARENTS = new Map([
  ['dev', 'main'],
  ['feature', 'dev'],
  ['other', 'main'],
]);
const ALL = ['main', ...PARENTS.keys()];
const model = defineModel({
  entities: { folder: entity<{ id: string }>()({}), file: entity<Row>()({ parents: { folder: 'parent' } }) },
  branches: { parentOf: (branch) => PARENTS.get(branch) },
});
const chainOf = (branch: string): string[] => {
  const parent = PARENTS.get(branch);
  return parent === undefined ? [branch] : [branch, ...chainOf(parent)];
};

interface Stored extends Row {
  readonly branch: string;
  readonly deleted: boolean;
}
/** What a branch shows, from the rows themselves: the oracle. */
const shown = (stored: readonly Stored[], branch: string): Row[] => {
  const ids = [...new Set(stored.map(({ id }) => id))].sort();
  return ids.flatMap((id) => {
    const own = chainOf(branch).flatMap((at) => stored.filter((row) => row.id === id && row.branch === at))[0];
    return own === undefined || own.deleted ? [] : [{ id, parent: own.parent, name: own.name }];
  });
};

describePostgis('rows of the nearest branch', (database) => {
  beforeAll(async () => {
    const { pool, schema } = database();
    await pool.query(`create table ${schema}.files (id text collate "C", branch varchar(20), parent text, name text,
      deleted boolean not null default false, primary key (id, branch))`);
  });
  const origin = (sql = recorded(database().pool), pageSize = 3) =>
    pgOrigin<typeof model>({
      ...{ sql, pageSize },
      tables: {
        file: {
          ...{ schema: database().schema, table: 'files', id: 'id', branch: 'branch', deleted: 'deleted' },
          columns: { parent: 'parent', name: 'name' },
          parents: { folder: 'parent' },
        },
      },
    }).file;

  test('are those that a walk up the branches finds, by id, under a parent and all, whatever is deleted where', async () => {
    const { pool, schema } = database();
    const random = seededRandom(7);
    const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
    const file = origin();
    let hidden = 0;
    for (let round = 0; round < 12; round++) {
      const stored: Stored[] = [];
      for (const id of ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']) {
        for (const branch of ALL) {
          if (random() < 0.5) continue;
          stored.push({ id, branch, parent: pick(['p', 'q']), name: `${id} of ${branch}`, deleted: random() < 0.3 });
        }
      }
      await pool.query(`truncate ${schema}.files`);
      await pool.query(
        `insert into ${schema}.files (id, branch, parent, name, deleted)
         select id, branch, parent, name, deleted from jsonb_to_recordset($1)
           r(id text, branch text, parent text, name text, deleted boolean)`,
        [JSON.stringify(stored)],
      );
      for (const branch of ALL) {
        const asked = context({ branch, branches: chainOf(branch) });
        const expected = shown(stored, branch);
        hidden += new Set(stored.map(({ id }) => id)).size - expected.length;
        const byId = (await file?.byIds(['h', 'c', 'a', 'b', 'g', 'd', 'e', 'f', 'z'], asked)) as Row[];
        expect([...byId].sort((a, b) => (a.id < b.id ? -1 : 1))).toEqual(expected);
        const under = (await file?.childrenOf?.folder?.(['p'], asked)) as Row[];
        expect(under).toEqual(expected.filter(({ parent }) => parent === 'p'));
        const all: Row[] = [];
        for await (const row of file?.all?.(asked) ?? []) all.push(row);
        expect(all).toEqual(expected);
      }
    }
    expect(hidden).toBeGreaterThan(10);
  });

  test('a tide asks for the branches up to the root', async () => {
    const { pool, schema } = database();
    await pool.query(`truncate ${schema}.files`);
    await pool.query(`insert into ${schema}.files values ('a', 'main', 'p', 'main', false), ('a', 'dev', 'q', 'dev', false),
      ('b', 'main', 'p', 'main', false), ('b', 'feature', 'p', 'gone', true)`);
    const sql = recorded(pool);
    const tide = createTidemark({ model, origin: { file: origin(sql) as NonNullable<ReturnType<typeof origin>> } });
    const names = async (id: string): Promise<unknown[]> =>
      Promise.all(ALL.map(async (branch) => (await tide.get('file', id, { branch }))?.name));
    expect(await names('a')).toEqual(['main', 'dev', 'dev', 'main']);
    expect(await names('b')).toEqual(['main', 'main', undefined, 'main']);
    const lists = await Promise.all(
      ALL.map(async (branch) =>
        (await tide.children('file', { folder: 'p' }, { branch })).map(({ id }) => id).join(''),
      ),
    );
    expect(lists).toEqual(['ab', 'b', '', 'ab']);
    expect(sql.reads).toHaveLength(3 * ALL.length);
    await tide.close();
  });
});
