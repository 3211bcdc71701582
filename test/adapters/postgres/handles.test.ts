import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { knexSql, pgOrigin } from '../../../src/adapters/postgres/index.js';
import { createTidemark } from '../../../src/index.js';
import { describePostgis } from '../../services/postgres.js';
import { LIBRARIES, type Library } from './handles-world.js';
import { BIG, KINGDOMS, type Model, context, createTables, model, originOf, tablesIn } from './origin-world.js';

describePostgis('the handles of other libraries', (database) => {
  beforeAll(() => createTables(database().pool, database().schema));

  describe.each(Object.entries(LIBRARIES))('%s', (name, open) => {
    let library: Library;
    beforeAll(() => {
      library = open(database().connectionString);
    });
    afterAll(() => library.close());
    const nameOf = async (id: string): Promise<unknown> => {
      const { pool, schema } = database();
      return (await pool.query<{ name: string }>(`select name from ${schema}.settlements where key = $1`, [id])).rows[0]
        ?.name;
    };
    const inserting = (id: string): [string, unknown[]] => [
      `insert into ${database().schema}.settlements (key, name) values ($1::text, $2::text) returning key as "key_of_it"`,
      [id, name],
    ];

    test('a transaction that commits: its rows are read through it before, by others after', async () => {
      const tide = createTidemark({
        model,
        origin: pgOrigin<Model>({ sql: database().pool, tables: tablesIn(database().schema) }),
      });
      const id = `committed-${name}`;
      const seen = await library.transaction(async (via) => {
        expect((await via.query(...inserting(id))).rows).toEqual([{ key_of_it: id }]);
        const { value } = await tide.transaction(async ({ read }) => read.get('settlement', id), { via });
        return [value?.name, await nameOf(id), await tide.get('settlement', id)];
      });
      expect(seen).toEqual([name, undefined, null]);
      expect(await nameOf(id)).toBe(name);
      await tide.close();
    });

    test('a transaction that is rolled back leaves nothing', async () => {
      const id = `rolled-back-${name}`;
      const work = library.transaction(async (via) => {
        await via.query(...inserting(id));
        expect(
          (await via.query(`select 1 as "one" from ${database().schema}.settlements where key = $1::text`, [id])).rows,
        ).toHaveLength(1);
        throw new Error('no');
      });
      await expect(work).rejects.toThrow('no');
      expect(await nameOf(id)).toBeUndefined();
    });

    test('arrays, nulls, places that are repeated, more than nine of them, and what only looks like one', async () => {
      const texts = [`a?b`, `$1`, `'`, `\\?`, `{x,"y"}`, 'é\u{1F600}'];
      const many = Array.from({ length: 12 }, (_, i) => `$${String(i + 1)}::text`).join(` || `);
      const { rows } = await library.sql.query(
        `select $13::text[] as "texts", ${many} as "many", $1::text || $1::text as "twice", $14::text as "none",
           '$1 ??' as "quoted", 'it''s $2 ?' as "escaped", $q$ $3 ? $q$ as "dollars", '{"a":1}'::jsonb ? 'a' as "has", -- $4 ?
           'x' as "a$5?" /* $6 ? */, cardinality($13::text[]) as "count"`,
        [...Array.from({ length: 12 }, (_, i) => String.fromCodePoint(97 + i)), texts, null],
      );
      expect(rows).toEqual([
        {
          ...{ texts, many: 'abcdefghijkl', twice: 'aa', none: null, quoted: '$1 ??', escaped: "it's $2 ?" },
          ...{ dollars: ' $3 ? ', has: true, 'a$5?': 'x', count: 6 },
        },
      ]);
    });

    test('gives pgOrigin() the rows that pg gives it', async () => {
      const { pool, schema } = database();
      const [own, other] = [pool, library.sql].map((sql) => originOf({ sql }, schema));
      for (const [type, ids] of [
        ['campaign', [1n, BIG]],
        ['kingdom', [...KINGDOMS]],
        ['settlement', ['s1', 's2', 's3', 's4']],
        ['structure', [1, 2, BIG]],
      ] as const) {
        const expected = await own?.[type].byIds(ids, context());
        expect(expected?.length).toBeGreaterThan(1);
        expect(await other?.[type].byIds(ids, context()), type).toEqual(expected);
      }
    });

    test('an error of the database is one', async () => {
      const error = await library.sql.query('select 1 / $1::int as "x"', [0]).then(
        () => new Error('none'),
        (thrown: unknown) => thrown as Error,
      );
      // Drizzle tells what it asked, and has the database's own error as the cause.
      expect(`${error.message} ${String(error.cause)}`).toMatch(/division by zero/);
    });
  });
});

test('what knex is given has its own places, each with its value', async () => {
  const given: unknown[] = [];
  const sql = knexSql({ raw: async (...call: unknown[]) => (given.push(call), { rows: [] }) });
  await sql.query(`select $2, '$1?', a ? $1 and $11 = $2`, ['a', 'b', ...Array.from({ length: 8 }, () => 'x'), 'k']);
  expect(given).toEqual([[`select ?, '$1\\?', a \\? ? and ? = ?`, ['b', 'a', 'k', 'b']]]);
});
