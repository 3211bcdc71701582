import { expect, test } from 'vitest';
import { defineModel, entity } from '../../src/index.js';
import { decodeRow, encodeRow } from '../../src/cache/outbox-rows.js';

const { topology } = defineModel({
  entities: {
    kingdom: entity<{ id: bigint }>()({ parseId: BigInt }),
    settlement: entity<{ id: number; kingdomId: bigint; at: Date }>()({
      parseId: Number,
      parents: { kingdom: 'kingdomId' },
    }),
  },
});

test('a change comes back as it was, whatever is in its rows', () => {
  const row = {
    id: 7,
    at: new Date(0),
    big: 2n ** 70n,
    nothing: null,
    absent: undefined,
    not: NaN,
    minus: -0,
    bytes: new Uint8Array([0, 255]),
    tags: new Set(['a']),
    by: new Map([[1, { deep: new Date(1) }]]),
    text: 'NUL \u0000, half \ud800, tower 🏰, quote \' " \\',
    ['__proto__']: 'a field',
  };
  const change = {
    type: 'settlement',
    id: 7,
    op: 'update',
    before: row,
    after: { ...row, at: new Date(5) },
    by: 'ada',
  };
  const text = encodeRow(change, undefined);
  expect(decodeRow(text, topology, undefined)).toEqual(change);
  // What Postgres keeps in a column of text.
  expect(text).not.toContain('\u0000');
  expect(text).not.toMatch(/[\ud800-\udfff]/u);
});

test('subjects come back by their keys', () => {
  const subject = { kind: 'type', type: 'settlement', branch: 'main', key: 'type:settlement:main', toString: () => '' };
  const text = encodeRow({ subjects: [subject] } as never, 'a');
  expect(decodeRow(text, topology, 'a')).toMatchObject({ subjects: [{ key: 'type:settlement:main' }] });
});

test('a row of a trigger has ids and links as the model has them, and values as they were', () => {
  const links = { kingdomId: 'kingdom' };
  const image = {
    ...{ kingdomId: ['j', '12345678901234567890'], at: ['t', 1000], big: ['n', '12345678901234567890'] },
    ...{ small: ['n', '5'], always: ['b', '5'], none: null, json: ['j', { a: [1] }] },
  };
  const row = { type: 'settlement', op: 'create', id: '7', branch: null, links, before: null, after: image };
  expect(decodeRow(JSON.stringify({ v: 1, row }), topology, undefined)).toEqual({
    ...{ type: 'settlement', id: 7, op: 'create', branch: 'main', before: null },
    after: {
      ...{ id: 7, kingdomId: 12345678901234567890n, at: new Date(1000), big: 12345678901234567890n },
      ...{ small: 5, always: 5n, none: null, json: { a: [1] } },
    },
  });
});

test('an image that lacks what the model looks at is none: nobody knows what the write moved or deleted', () => {
  const { topology: placed } = defineModel({
    entities: {
      town: entity<{ id: string; gone: boolean; x: number; y: number }>()({
        deleted: ({ gone }) => gone,
        geometry: ({ x, y }) => ({ x, y }),
      }),
      house: entity<{ id: string; townId: string }>()({ parents: { town: 'townId' } }),
    },
  });
  const whole = { gone: ['j', false], x: ['j', 1], y: ['j', 2] };
  const decoded = (after: object, op: string, type = 'town'): unknown => {
    const row = { type, op, id: '1', links: {}, before: after, after };
    return decodeRow(JSON.stringify({ v: 1, row }), placed, undefined);
  };
  const named = { type: 'town', id: '1', branch: 'main' };
  const image = { id: '1', gone: false, x: 1, y: 2 };
  expect(decoded(whole, 'update')).toEqual({ ...named, op: 'update', before: image, after: image });
  for (const field of Object.keys(whole)) {
    const part = Object.fromEntries(Object.entries(whole).filter(([name]) => name !== field));
    // Towns have houses, which may have come into sight or gone out of it.
    expect(decoded(part, 'update')).toEqual({ ...named, op: 'restore' });
    expect(decoded(part, 'delete')).toEqual({ ...named, op: 'delete' });
  }
  expect(decoded({}, 'update', 'house')).toEqual({ ...named, type: 'house', op: 'update' });
});

test.each([
  ['', 'no JSON'],
  ['null', 'nothing'],
  ['[]', 'an array'],
  ['{"v":2,"change":{}}', 'a later version'],
  ['{"v":1}', 'nothing of it'],
  ['{"v":1,"truncated":"village"}', 'a type that there is not'],
  [
    '{"v":1,"row":{"type":"settlement","op":"update","id":"7","links":{},"before":null,"after":{"at":["?",1]}}}',
    'a kind',
  ],
])('%s is refused: %s', (text) => {
  expect(() => decodeRow(text, topology, undefined)).toThrow();
});
