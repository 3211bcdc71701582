import { expect, test } from 'vitest';
import { pgWorldOrigin } from '../../examples/world/postgres/origin.js';
import { type Database, describePostgis } from '../services/postgres.js';
import { open, ownSchema, rows, served, servedFrom } from './postgres-setup.js';
import { type EventReader, type ServerEvent, follow } from './server-events.js';

const NESTED = `query ($branch: String) {
  campaign(id: "earth", branch: $branch) {
    name kingdoms { id name level settlements { id name population lon lat version inherited structures { id name code } } }
  }
}`;
const QUESTIONS = [
  NESTED,
  `query ($branch: String) { kingdom(id: "IS", branch: $branch) { settlements { id } summary { people largest { id } } } }`,
  `query ($branch: String) { kingdom(id: "gone", branch: $branch) { name settlements { id } } }`,
  `query ($branch: String) { settlement(id: "beneath", branch: $branch) { name structures { id } } }`,
  `query ($branch: String) { structure(id: "lost", branch: $branch) { name } deep: structure(id: "deep", branch: $branch) { name } }`,
  `query ($branch: String) { settlement(id: "t:*", branch: $branch) { nearby(radius: 9) { id name } } }`,
  `query ($branch: String) { near(lon: -18, lat: 64.5, radius: 2.5, branch: $branch) { id name version } }`,
  `query ($branch: String) { inBox(west: -180, south: -90, east: 180, north: 90, branch: $branch) { id } }`,
  `query ($branch: String) { drawn(polygon: [[-21, 64], [-14, 64], [-14, 65], [-21, 65], [-21, 64]], branch: $branch) { settlements { id } } }`,
  `query ($branch: String) { at(lon: -20, lat: 64, branch: $branch) { kingdoms { id } } }`,
  `query ($branch: String) { search(text: "town", branch: $branch) { id name } branches { id overrides own { id what } } }`,
];

/** Without what is another with every run, and lists of fields in one order: that of a row's columns is not promised. */
function settled(answer: unknown): unknown {
  const text = JSON.stringify(answer, (key, value: unknown) => {
    if (/^(receipt|changeId|modifiedAt)$/.test(key)) return key;
    return key === 'fields' && Array.isArray(value) ? [...(value as readonly string[])].sort() : value;
  });
  return JSON.parse(text.replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}/g, 'uuid'));
}

/** How many changes a stream of each branch tells of in the test below. */
const TOLD = [
  { branch: 'main', changes: 6 },
  { branch: 'rising-seas', changes: 2 },
  { branch: 'open-skies', changes: 1 },
] as const;

/** Of all that a stream tells. */
async function changes(stream: EventReader, count: number): Promise<ServerEvent['data'][]> {
  const found: ServerEvent['data'][] = [];
  for (let event; found.length < count && (event = await stream.next()) !== undefined;) {
    if (event.event === 'change' && 'op' in event.data) found.push(event.data);
  }
  return found;
}

describePostgis('a world in Postgres', (database: () => Database) => {
  const both = async () => {
    const inMemory = await served(rows());
    const inPostgres = await servedFrom(await open(database(), { schema: ownSchema(database()) }));
    const same = async (query: string, variables: object = {}): Promise<unknown> => {
      const expected = await inMemory.query(query, variables);
      const got = await inPostgres.query(query, variables);
      expect([query, variables, settled(got)]).toEqual([query, variables, settled(expected)]);
      return expected;
    };
    const everything = async () => {
      for (const query of QUESTIONS)
        for (const branch of ['main', 'rising-seas', 'open-skies']) await same(query, { branch });
    };
    return { inMemory, inPostgres, same, everything };
  };

  test('answers as the one in memory does, in every branch, also beneath what is deleted', async () => {
    const { inPostgres, everything } = await both();
    await everything();
    const { data, errors } = await inPostgres.query(
      `{ settlement(id: "t0") { name } p: settlement(id: "p") { name } deep: structure(id: "deep") { id }
         back: structure(id: "deep", branch: "open-skies") { id } sunk: structure(id: "t1/1", branch: "rising-seas") { id } }`,
    );
    expect([data, errors]).toEqual([
      {
        settlement: { name: 'a\ttab, a\nnew line, a \\ and a \\N' },
        ...{ p: { name: '\\N' }, deep: null, back: { id: 'deep' }, sunk: null },
      },
      [],
    ]);
  });

  test('is edited as the one in memory is: the same rows, and the same events', async () => {
    const { inMemory, inPostgres, same, everything } = await both();
    await everything();
    const streams = await Promise.all(
      TOLD.flatMap(({ branch }) => [inMemory, inPostgres].map(({ url }) => follow(url, { branch }))),
    );
    const edits = [
      `edit(type: settlement, id: "t0", fields: { name: "Reykjavík", kingdomId: "FR" }) { settlement { name version } receipt }`,
      `edit(type: settlement, id: "t0", branch: "rising-seas", fields: { level: 9 }) { settlement { name level version } }`,
      `edit(type: kingdom, id: "IS", fields: { name: "Ísland" }) { kingdom { name version } changed { subjects { subject why } } }`,
      `move(id: "t:*", lon: -14.5, lat: 64.25) { settlement { lon lat version } }`,
      `remove(type: settlement, id: "t1") { settlement { id } }`,
      `restore(type: settlement, id: "removed") { settlement { id version } }`,
      `restore(type: settlement, id: "t1", branch: "rising-seas") { settlement { id version inherited } }`,
      `addStructure(settlementId: "p", name: "Pier", kind: "harbour", branch: "open-skies") { structure { name version } }`,
      `remove(type: kingdom, id: "FR") { kingdom { id } }`,
      `edit(type: settlement, id: "p", fields: { name: "x" }) { receipt }`,
      `edit(type: settlement, id: "t0", expectedVersion: 1, fields: { name: "x" }) { receipt }`,
      `addStructure(settlementId: "beneath", name: "x", kind: "x") { receipt }`,
      `edit(type: settlement, id: "t:*", fields: { kingdomId: "gone" }) { receipt }`,
    ];
    const answers: unknown[] = [];
    for (const edit of edits) {
      answers.push(await same(`mutation { ${edit} }`));
    }
    await everything();
    const refused = answers.map((answer) => (answer as { readonly errors: readonly unknown[] }).errors.length > 0);
    expect(refused).toEqual(edits.map((_, at) => at >= 9));
    const told = await Promise.all(streams.map((stream, at) => changes(stream, TOLD[at >> 1]?.changes ?? 0)));
    for (const [at, { branch }] of TOLD.entries()) {
      expect([branch, settled(told[2 * at + 1])]).toEqual([branch, settled(told[2 * at])]);
    }
  });

  test('asks one statement for each level of a nested query, and none once that is known', async () => {
    const schema = ownSchema(database());
    const { tables } = await open(database(), { schema });
    const { pool } = database();
    const asked: string[] = [];
    const sql = {
      query: (text: string, values?: readonly unknown[]) => {
        asked.push(text);
        return pool.query<object>(text, [...(values ?? [])]);
      },
    };
    const { query } = await served(tables, { origin: pgWorldOrigin({ sql, schema, mirror: rows() }) });
    await query('{ structure(id: "none") { id } }'); // asks for the types of the columns, too
    asked.splice(0);
    const cold = await query(NESTED);
    const tablesOf = asked.splice(0).map((text) => /from "\w+"\."(\w+)" t\b/.exec(text)?.[1]);
    expect(tablesOf).toEqual(['campaign', 'kingdom', 'settlement', 'structure']);
    expect(await query(NESTED)).toEqual(cold);
    expect(asked).toEqual([]);
    expect(cold.data['campaign']?.['kingdoms']).toHaveLength(2);
  });
});
