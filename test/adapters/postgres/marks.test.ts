import { Pool } from 'pg';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { pgMarks, postgres } from '../../../src/adapters/postgres/index.js';
import { messageReader } from '../../../src/adapters/postgres/marks-wire.js';
import type { Bump, Head, Marks, SubjectKey } from '../../../src/contract.js';
import { entitySubject, keySubject } from '../../../src/subject.js';
import { besideEntries } from '../../contract/beside.js';
import { type SharedDatabase, describeReplicas, recording } from '../../services/replicas.js';

const ankh = entitySubject('settlement', 'ankh', 'main');
const many = (count: number, name = ''): SubjectKey[] =>
  Array.from({ length: count }, (_, i) => entitySubject('settlement', `${name}${String(i)}`, 'main'));
const change = { changeId: 'change', nonce: 'nonce' };

describeReplicas('marks in Postgres beyond the contract', (shared: () => SharedDatabase) => {
  async function open(options: object = {}): Promise<Marks> {
    await shared().reset();
    return openMore(options);
  }
  function openMore(options: object = {}): Marks {
    const { here: pool, schema } = shared();
    const marks = pgMarks({ pool, schema, ...options });
    onTestFinished(() => marks.close());
    return marks;
  }
  const rows = async (text: string): Promise<readonly Record<string, unknown>[]> =>
    (await shared().here.query<Record<string, unknown>>(text.replaceAll('$', shared().schema))).rows;

  async function watched(marks: Marks): Promise<{ readonly bumps: Bump[]; readonly gaps: (number | undefined)[] }> {
    const [bumps, gaps]: [Bump[], (number | undefined)[]] = [[], []];
    await marks.watch({ onBump: (bump) => bumps.push(bump), onGap: (partition) => gaps.push(partition) });
    return { bumps, gaps };
  }

  test('a message longer than NOTIFY takes comes whole, whatever its characters, and in its place', async () => {
    const marks = await open({ partitions: 4 });
    const { bumps, gaps } = await watched(marks);
    const names = Array.from({ length: 1500 }, (_, i) =>
      keySubject(`Zürich 🏰 \u007f \ud800 ${'x'.repeat(i % 40)} ${String(i)}`),
    );
    const made = [
      ...(await marks.bump([ankh], { ...change, changeId: 'before' })),
      ...(await marks.bump(names, { changeId: 'é'.repeat(9000), nonce: 'ü '.repeat(5000) })),
      ...(await marks.bump([ankh], { ...change, changeId: 'after' })),
    ];
    await vi.waitFor(() => {
      expect(bumps).toHaveLength(made.length);
    });
    expect(bumps).toEqual(made);
    expect(made.flatMap(({ subjects }) => subjects)).toHaveLength(1502);
    expect(gaps).toEqual([]);
  });

  test('subjects longer than an index takes are kept apart', async () => {
    const marks = await open();
    const { here: pool, schema } = shared();
    const { store, marks: beside } = postgres({ pool, schema });
    onTestFinished(() => beside.close());
    const random = Array.from({ length: 4000 }, (_, i) => String.fromCharCode(33 + ((i * i * 31 + i * 7) % 90))).join(
      '',
    );
    const long = [1020, 1021, 1022, 3000, 4000].flatMap((size) => [
      keySubject(`${random.slice(0, size)}a`),
      keySubject(`${random.slice(0, size)}b`),
    ]);
    for (const [i, subject] of long.entries()) {
      await marks.bump([subject], change);
      expect((await marks.read(long)).tokens.map(({ position }) => position > 0)).toEqual(long.map((_, j) => j <= i));
    }
    await store.setMany([{ key: 'entry', value: besideEntries.entry(long) }]);
    const fetched = await beside.fetchFrom?.(store)?.(['entry'], [], () => []);
    const { tokens } = await marks.read(long);
    expect(new Map(fetched?.subjects.map((subject, i) => [subject, fetched.read.tokens[i]]))).toEqual(
      new Map(long.map((subject, i) => [subject, tokens[i]])),
    );
  });

  test('what a namespace appends to subjects is appended to those that entries name', async () => {
    const marks = await open();
    const { here: pool, schema } = shared();
    const { store, marks: beside } = postgres({ pool, schema });
    onTestFinished(() => beside.close());
    const named = `${ankh}:tenant` as SubjectKey;
    const [bump] = await marks.bump([named], change);
    await store.setMany([{ key: 'entry', value: besideEntries.entry([ankh]) }]);
    const fetched = await beside.fetchFrom?.(store, ':tenant')?.(['entry'], [], () => []);
    expect(fetched?.subjects).toEqual([named]);
    expect(fetched?.read.tokens).toMatchObject([{ position: bump?.position }]);
  });

  describe('a partition that holds more subjects than it may', () => {
    test('starts another epoch, which comes from all of the one before', async () => {
      const marks = await open({ maxMarks: 10 });
      const [first] = await marks.bump(many(10), change);
      const [again] = await marks.bump([], change);
      expect(again).toBeUndefined();
      const [second] = await marks.bump(many(10), change);
      expect([first?.epoch === second?.epoch, second?.position]).toEqual([false, 1]);
      expect((await marks.heads())[0]?.from).toEqual({ epoch: first?.epoch, head: 1 });
    });

    test('counts a subject once, however often it is bumped', async () => {
      const marks = await open({ maxMarks: 12 });
      for (let i = 0; i < 20; i++) await marks.bump(many(6), change);
      expect((await marks.heads())[0]).toMatchObject({ head: 20, from: null });
      expect(await rows('select marks from $.partition')).toEqual([{ marks: 6 }]);
    });

    test('sweeps the marks of epochs that are over in pages behind later bumps', async () => {
      const marks = await open({ maxMarks: 1000 });
      const counts = async (): Promise<unknown> =>
        (await rows('select (select count(*)::int from $.mark) as rows, dead from $.partition')).map(
          ({ rows: n, dead }) => [n, (dead as unknown[]).length],
        );
      await marks.bump(many(1000), change);
      await marks.bump(many(1, 'second'), change);
      const { epoch, partition } = (await marks.heads())[0] as Head;
      await marks.newEpoch(partition, epoch);
      await marks.bump([ankh], change);
      const left: unknown[] = [await counts()];
      for (let i = 0; i < 4; i++) {
        await marks.bump([ankh], change);
        left.push(await counts());
      }
      // The bump that began the second epoch swept a page, each of the next ones too; the last mark is of the second.
      expect(left).toEqual([[[402, 2]], [[102, 2]], [[2, 1]], [[1, 0]], [[1, 0]]]);
      expect((await marks.read([ankh])).tokens[0]?.position).toBe(5);
    });

    test('sweeps more than it adds, however large bumps are', async () => {
      const marks = await open({ maxMarks: 1000 });
      for (let i = 0; i < 12; i++) await marks.bump(many(900, String(i)), change);
      const [{ n } = { n: 0 }] = await rows('select count(*)::int as n from $.mark');
      expect(n).toBeLessThanOrEqual(1800);
    });
  });

  test('a read looks at the subjects that it asks for, whatever else has been bumped', async () => {
    const { pool: recorded, texts } = recording(shared().here);
    const marks = await open({ pool: recorded });
    for (let i = 0; i < 300; i++) await marks.bump(many(1000).slice(i * 3, i * 3 + 20), change);
    await marks.read(many(20));
    const { here } = shared();
    const asked = many(20).map((subject) => Buffer.from(subject));
    const explained = `explain (analyze, buffers, format json) ${texts.at(-1) ?? ''}`;
    const { rows: plans } = await here.query<{ 'QUERY PLAN': [{ Plan: { 'Shared Hit Blocks': number } }] }>(explained, [
      [0],
      asked,
      asked.map(() => 0),
    ]);
    expect(plans[0]?.['QUERY PLAN'][0].Plan['Shared Hit Blocks']).toBeLessThan(20 * 12);
  });

  test('bumps of several partitions at once wait for each other, and never in a circle', async () => {
    const { pool, failures } = recording(shared().there);
    const marks = await open({ pool, partitions: 8 });
    const peer = openMore({ pool, partitions: 8 });
    const made = await Promise.all(
      Array.from({ length: 60 }, (_, i) => (i % 2 ? marks : peer).bump(i % 3 ? many(30) : many(30).reverse(), change)),
    );
    expect(made.flat()).toHaveLength(60 * 8);
    expect((await marks.heads()).map(({ head }) => head)).toEqual(Array.from({ length: 8 }, () => 60));
    expect(failures).toEqual([]);
  });

  test('a bump is rolled back whole with its announcement if it fails in one of its partitions', async () => {
    const marks = await open({ partitions: 4 });
    const { bumps } = await watched(marks);
    await marks.bump(many(40), change);
    const { here, schema } = shared();
    await here.query(`alter table ${schema}.partition add constraint stuck check (number < 3 or head < 2) not valid`);
    await expect(marks.bump(many(40), change)).rejects.toThrow(/stuck/);
    await here.query(`alter table ${schema}.partition drop constraint stuck`);
    expect((await marks.heads()).map(({ head }) => head)).toEqual([1, 1, 1, 1]);
    const [after] = await marks.bump([ankh], change);
    await vi.waitFor(() => {
      expect(bumps.at(-1)).toEqual(after);
    });
    expect(bumps).toHaveLength(5);
  });

  describe('is refused', () => {
    test('a database without the tables, and told what makes them', async () => {
      const { here: pool } = shared();
      const { store, marks } = postgres({ pool, schema: 'none' });
      onTestFinished(() => marks.close());
      const missing = {
        code: 'NOT_MIGRATED',
        message: expect.stringContaining('npx tidemark migrate --print') as string,
      };
      await expect(marks.heads()).rejects.toMatchObject(missing);
      await expect(marks.bump([ankh], change)).rejects.toMatchObject(missing);
      await expect(marks.newEpoch(0, 'e')).rejects.toMatchObject(missing);
      await expect(marks.watch({ onBump: () => {}, onGap: () => {} })).rejects.toMatchObject(missing);
      await expect(store.getMany(['key'])).rejects.toMatchObject(missing);
      await expect(store.setMany([{ key: 'key', value: new Uint8Array() }])).rejects.toMatchObject(missing);
    });

    test('a pool whose transactions do not see what they waited for', async () => {
      const { schema, here } = shared();
      await open();
      const options = `-c default_transaction_isolation=repeatable\\ read`;
      const { connectionString } = here.options;
      const pool = new Pool({ connectionString, options });
      onTestFinished(() => pool.end());
      const refused = { code: 'INVALID_OPTION', message: expect.stringContaining('read committed') as string };
      await expect(pgMarks({ pool, schema }).bump([ankh], change)).rejects.toMatchObject(refused);
    });

    test('what is no pool, and a schema that is no name', () => {
      const { here: pool } = shared();
      expect(() => pgMarks({ pool: {} as never })).toThrow(/pool: expected a Pool of pg/);
      for (const schema of ['a"b', 'a b', '', '1a', 'x'.repeat(64)])
        expect(() => postgres({ pool, schema }), schema).toThrow(/schema: expected a name/);
    });
  });
});

describe('messages', () => {
  const whole = (position: number): string =>
    `0 e.1 ${String(position - 1)} ${String(position)} n.1 1/1\n{"s":[],"c":"c","g":[]}`;
  const part = (n: number): string =>
    `0 e.1 0 1 n.1 ${String(n)}/3\n${['{"s":', '[],"c":', '"c","g":[]}'][n - 1] ?? ''}`;
  const readAll = (...payloads: readonly string[]): unknown[] => {
    const { read } = messageReader();
    return payloads.map((payload) => {
      const told = read(payload);
      return told === null ? null : 'gap' in told ? ['gap', told.gap] : told.bump.position;
    });
  };

  test.each<[string, string[], unknown[]]>([
    ['a bump in one part', [whole(1), whole(2)], [1, 2]],
    ['a bump in parts', [part(1), part(2), part(3), whole(2)], [null, null, 1, 2]],
    ['another epoch', ['3 e.1'], [['gap', 3]]],
    [
      'parts without the first',
      [part(2), part(3)],
      [
        ['gap', 0],
        ['gap', 0],
      ],
    ],
    ['a part missing', [part(1), part(3)], [null, ['gap', 0]]],
    ['something else between parts', [part(1), whole(2), part(2)], [null, ['gap', undefined], ['gap', 0]]],
    ['a part twice', [part(1), part(1)], [null, ['gap', 0]]],
    [
      'nothing that can be read',
      ['', 'x', '1', whole(1).replace('{', '')],
      [
        ['gap', undefined],
        ['gap', undefined],
        ['gap', undefined],
        ['gap', 0],
      ],
    ],
  ])('%s', (_, payloads, expected) => {
    expect(readAll(...payloads)).toEqual(expected);
  });
});
