import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { distanceSql, findSql, overlapsSql, tableOf } from '../../../src/adapters/postgres/index.js';
import { byIdsSql, childrenSql, pageSql, planOf } from '../../../src/adapters/postgres/origin-sql.js';
import { originTables } from '../../../src/adapters/postgres/origin-tables.js';
import type { SpatialAsk, SpatialQuestion } from '../../../src/contract.js';
import { PLANAR, ask, at, point, square } from './world.js';

const sourceOf = (file: string): string =>
  readFileSync(new URL(`../../../src/adapters/postgres/${file}`, import.meta.url), 'utf8');

/** The SQL in the comments of a file, without what explains it there, one space for any white space. */
const documentedIn = (file: string): string =>
  flat(
    [...sourceOf(file).matchAll(/\* ```sql([^]*?)```/g)]
      .map(([, sql]) => sql ?? '')
      .join('\n')
      .replaceAll(/^ *\* /gm, '')
      .replaceAll(/--.*$/gm, ''),
  );
const flat = (sql: string): string => sql.replaceAll(/\s+/g, ' ').replaceAll('( ', '(').replaceAll(' )', ')').trim();

const table = tableOf('place', { table: 'places', id: 'id', geometry: 'geom', deletedAt: 'deleted_at' });
const asked = (question: SpatialQuestion, beside: Partial<SpatialAsk> = {}): string =>
  flat(findSql(table, ask(question, beside)).text);
const region = square(0, 0, 1, 1);
const near: SpatialQuestion = { kind: 'near', point: at(1, 2), radius: 3 };

describe('the SQL that is documented', () => {
  const find = documentedIn('find.ts');

  test('is that of near', () => {
    const { text, values } = findSql(table, ask(near, { limit: 4 }));
    const numbers = [...text.matchAll(/\$(\d+)/g)].map(([, place]) => values[Number(place) - 1]);
    expect(numbers).toEqual([1, 2, 3857, 1, 2, 3857, 3, 4]);
    expect(find).toContain(flat(text));
  });

  test.each<[string, SpatialQuestion]>([
    ['inBox', { kind: 'inBox', boxes: [{ minX: 0, minY: 0, maxX: 1, maxY: 1 }] }],
    ['within', { kind: 'within', region, strict: false }],
    ['within, strict', { kind: 'within', region, strict: true }],
    ['containing', { kind: 'containing', point: at(0, 0), strict: false }],
    ['containing, strict', { kind: 'containing', point: at(0, 0), strict: true }],
  ])('is that of %s', (_, question) => {
    const condition = / where (.*?) and t\."deleted_at"/.exec(asked(question))?.[1] ?? 'none';
    expect(find).toContain(condition);
  });

  test('is that of branches', () => {
    const branched = tableOf('place', { table: 'places', id: 'id', geometry: 'geom', branch: 'branch' });
    const text = flat(findSql(branched, ask(near)).text);
    const condition = /t\."branch"::text = any.*limit 1\)/.exec(text)?.[0] ?? 'none';
    const renumbered = (sql: string): string => sql.replaceAll(/\$\d+::text\[\]/g, '$n::text[]');
    expect(renumbered(find)).toContain(renumbered(condition));
  });

  test('is that of distance and overlaps', () => {
    const shapes = documentedIn('shapes.ts');
    for (const make of [distanceSql, overlapsSql]) {
      const { text, values } = make(point(0, 0), region, PLANAR);
      expect(shapes).toContain(flat(text));
      expect(values).toEqual([JSON.stringify(point(0, 0)), 3857, JSON.stringify(region), 3857]);
    }
  });
});

describe('the SQL of pgOrigin that is documented', () => {
  const text = { typeName: 'text', category: 'S' };
  const plan = (beside: object) => {
    const settlement = {
      ...{
        table: 'settlements',
        id: 'id',
        parents: { kingdom: 'kingdom_id' },
        orderBy: [{ column: 'population', descending: true }],
      },
      columns: { name: 'name', kingdomId: 'kingdom_id' },
      ...beside,
    };
    const names = originTables({ settlement }).get('settlement');
    if (names === undefined) throw new Error('no table');
    return planOf(names, new Map(['id', 'name', 'kingdom_id', 'branch'].map((name) => [name, text])), () => 'text');
  };
  const documented = documentedIn('origin-sql.ts');
  const live = plan({ deletedAt: 'deleted_at' });

  test('is that of byIds, childrenOf and all', () => {
    const statements = [
      byIdsSql(live, ['a', 'b'], ['main']),
      childrenSql(live, { parent: 'kingdom', ids: ['k'] }, ['main']),
      pageSql(live, { after: 'a', limit: 5 }, ['main']),
    ];
    for (const statement of statements) expect(documented).toContain(flat(statement?.text ?? 'none'));
    expect(statements.map((statement) => statement?.values)).toEqual([[['a', 'b']], [['k']], ['a', 5]]);
    expect(pageSql(live, { after: undefined, limit: 5 }, ['main']).text).not.toContain('>');
  });

  test('is that of branches', () => {
    const statement = byIdsSql(plan({ branch: 'branch' }), ['a'], ['dev', 'main']);
    const condition = /and t\."branch"::text = any.*limit 1\)/.exec(flat(statement?.text ?? ''))?.[0] ?? 'none';
    expect(documented).toContain(condition);
    expect(statement?.values).toEqual([['a'], ['dev', 'main']]);
  });
});
