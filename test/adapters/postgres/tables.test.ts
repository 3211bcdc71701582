import { describe, expect, test } from 'vitest';
import { type PostgisTable, postgis } from '../../../src/adapters/postgres/index.js';
import type { Sql } from '../../../src/contract.js';

const whole: PostgisTable = { table: 'places', id: 'id', geometry: 'geom' };
const sql: Sql = { query: async () => ({ rows: [] }) };
const made = (place: unknown) => postgis({ sql, tables: { place: place as PostgisTable } });
const refusal = (place: unknown): unknown => {
  try {
    made(place);
  } catch (error) {
    return error;
  }
  return undefined;
};

const NAMES = 'expected a name of letters, digits and _, that does not begin with a digit, of at most 63';

describe('the options of postgis()', () => {
  test('are accepted whole', () => {
    const all = {
      schema: '_s',
      idType: 'uuid',
      deletedAt: 'a',
      deleted: 'b',
      branch: 'c',
      columns: { 'any field': 'd' },
    };
    expect(refusal({ ...whole, ...all })).toBeUndefined();
    expect(refusal({ ...whole, table: `T${'x'.repeat(62)}` })).toBeUndefined();
  });

  test.each([
    [null, 'tables.place: expected an object, got null.'],
    [[whole], 'tables.place: expected an object, got an array.'],
    ['places', 'tables.place: expected an object, got "places".'],
    [{ ...whole, table: undefined }, `tables.place.table: ${NAMES}, got undefined.`],
    [{ ...whole, id: '' }, `tables.place.id: ${NAMES}, got "".`],
    [{ ...whole, geometry: '1st' }, `tables.place.geometry: ${NAMES}, got "1st".`],
    [{ ...whole, geometry: 7 }, `tables.place.geometry: ${NAMES}, got 7.`],
    [{ ...whole, schema: 'a.b' }, `tables.place.schema: ${NAMES}, got "a.b".`],
    [{ ...whole, branch: null }, `tables.place.branch: ${NAMES}, got null.`],
    [{ ...whole, deletedAt: 'größe' }, `tables.place.deletedAt: ${NAMES}, got "größe".`],
    [{ ...whole, table: 'x'.repeat(64) }, `tables.place.table: ${NAMES}, got "${'x'.repeat(64)}".`],
    [{ ...whole, columns: ['kind'] }, 'tables.place.columns: expected an object, got an array.'],
    [{ ...whole, columns: { kind: 'my kind' } }, `tables.place.columns.kind: ${NAMES}, got "my kind".`],
    [{ ...whole, idType: 'int' }, 'tables.place.idType: expected one of text, number, bigint, uuid, got "int".'],
    [
      { ...whole, deletedAT: 'deleted_at' },
      'tables.place.deletedAT: expected one of table, id, geometry, schema, deletedAt, deleted, branch, idType, columns, parents, orderBy, got an option of that name.',
    ],
  ])('are refused by name if wrong: %j', (place, message) => {
    expect(refusal(place)).toMatchObject({ code: 'INVALID_OPTION', message });
  });

  test('are read once: what happens to them later changes nothing', async () => {
    const asked: string[] = [];
    const listening: Sql = { query: async (text) => ({ rows: (asked.push(text), []) }) };
    const place = { ...whole, columns: { kind: 'kind' } };
    const spatial = postgis({ sql: listening, tables: { place } });
    place.geometry = place.columns.kind = 'x"; drop table places; --';
    await spatial.find({
      type: 'place',
      system: { srid: 3857, distance: 'planar' },
      branches: ['main'],
      question: { kind: 'near', point: { x: 0, y: 0 }, radius: 1 },
      where: [{ field: 'kind', oneOf: ['a'] }],
      limit: undefined,
      signal: new AbortController().signal,
    });
    expect(asked.join()).not.toMatch(/drop table/);
  });
});
