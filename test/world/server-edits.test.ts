import { describe, expect, test } from 'vitest';
import { type Answer, type Data, codesOf, smallWorld, startServer } from './server-setup.js';

const WHAT_CHANGED = `changed {
  subjects { subject why }
  stale { key label kind ageMs because }
  stayed { key label kind ageMs }
  advice
}`;
const RENAME = `mutation ($type: EntityType!, $id: ID!, $branch: String, $expectedVersion: Int, $fields: Fields!) {
  edit(type: $type, id: $id, branch: $branch, expectedVersion: $expectedVersion, fields: $fields) {
    campaign { name version } kingdom { name level version } structure { name level version }
    settlement { name population level version kingdom { id } }
    receipt
  }
}`;
/** Fills tier 1 with both kingdoms and all that hangs beneath. */
const EVERYTHING = `query ($branch: String) {
  campaign(id: "earth", branch: $branch) { kingdoms { summary { people } settlements { summary { population } structures { name } } } }
  a: settlement(id: "t0", branch: $branch) { name kingdom { name } }
  b: settlement(id: "p", branch: $branch) { name kingdom { name } }
  iceland: near(lon: -20, lat: 64, radius: 0.5, branch: $branch) { id }
  france: near(lon: 2, lat: 49, radius: 0.5, branch: $branch) { id }
}`;
const labels = (values: Data | undefined): string[] =>
  (values as unknown as readonly { readonly label: string }[]).map(({ label }) => label).sort();
const changedBy = ({ data }: Answer): Data => Object.values(data)[0]?.['changed'] ?? {};

describe('an edit', () => {
  test('of each type is there at once for whoever asks next', async () => {
    const { edit, query } = await startServer();
    await query(EVERYTHING);
    const edits = [
      { type: 'campaign', id: 'earth', fields: { name: 'Terra' } },
      { type: 'kingdom', id: 'IS', fields: { name: 'Ísland', level: 7 } },
      { type: 'settlement', id: 't0', fields: { name: 'Reykjavík', population: 5, level: 1, kingdomId: 'FR' } },
      { type: 'structure', id: 't0-0', fields: { name: 'KEF', level: 9 } },
    ];
    for (const { type, id, fields } of edits) {
      const { data, errors } = await edit(RENAME, { type, id, fields });
      expect(errors).toEqual([]);
      const { kingdomId, ...own } = fields as { kingdomId?: string };
      const moved = kingdomId === undefined ? {} : { kingdom: { id: kingdomId } };
      expect(data['edit']).toMatchObject({ [type]: { ...own, ...moved, version: 2 } });
      expect(data['edit']?.['receipt']).toMatch(/^1\.[\w.-]+$/);
    }
    const { data } = await query(`{
      campaign(id: "earth") { name kingdoms { name settlements { name structures { name } } } }
    }`);
    const fields = (name: string) => [{ name }, { name: 'Field t0 1' }];
    expect(data).toMatchObject({
      campaign: {
        name: 'Terra',
        kingdoms: [
          { name: 'France', settlements: [{ name: 'Paris' }, { name: 'Reykjavík', structures: [{}, {}] }] },
          { name: 'Ísland', settlements: [{ name: 'Town 1' }, { name: 'Town 2' }] },
        ],
      },
    });
    expect(data['campaign']?.['kingdoms']?.['0']?.['settlements']?.['1']?.['structures']).toEqual(
      expect.arrayContaining(fields('KEF')),
    );
  });

  test('that expects another version is CONFLICT and changes nothing', async () => {
    const { edit, query } = await startServer();
    const target = { type: 'settlement', id: 't0' };
    expect(codesOf(await edit(RENAME, { ...target, expectedVersion: 1, fields: { name: 'First' } }))).toEqual([]);
    const second = await edit(RENAME, { ...target, expectedVersion: 1, fields: { name: 'Second' } });
    expect(second.errors).toEqual([{ code: 'CONFLICT', message: "settlement 't0' is at version 2, not 1." }]);
    expect((await query('{ settlement(id: "t0") { name version } stats { changes } }')).data).toEqual({
      settlement: { name: 'First', version: 2 },
      stats: { changes: 1 },
    });
  });

  test('is for those who may: FORBIDDEN for visitors, whatever they try', async () => {
    const { query } = await startServer();
    for (const mutation of [
      'edit(type: settlement, id: "t0", fields: { name: "x" }) { receipt }',
      'remove(type: settlement, id: "t0") { receipt }',
      'restore(type: settlement, id: "t0") { receipt }',
      'addStructure(settlementId: "t0", name: "x", kind: "y") { receipt }',
    ]) {
      for (const options of [{}, { token: 'visitor' }]) {
        expect(codesOf(await query(`mutation { ${mutation} }`, options))).toEqual(['FORBIDDEN']);
      }
    }
    expect((await query('{ stats { changes } }')).data).toEqual({ stats: { changes: 0 } });
  });

  test.each([
    ['of what is nowhere', { type: 'settlement', id: 'zz', fields: { name: 'x' } }, 'NOT_FOUND'],
    ['of a branch that is none', { type: 'settlement', id: 't0', branch: 'zz', fields: { name: 'x' } }, 'NOT_FOUND'],
    ['into a kingdom that is none', { type: 'settlement', id: 't0', fields: { kingdomId: 'zz' } }, 'NOT_FOUND'],
    ['of nothing', { type: 'settlement', id: 't0', fields: {} }, 'BAD_REQUEST'],
    ['of a field that the type lacks', { type: 'structure', id: 't0-0', fields: { population: 1 } }, 'BAD_REQUEST'],
    ['to a blank name', { type: 'settlement', id: 't0', fields: { name: '  ' } }, 'BAD_REQUEST'],
    ['to a name without end', { type: 'settlement', id: 't0', fields: { name: 'x'.repeat(201) } }, 'BAD_REQUEST'],
    ['to fewer than nobody', { type: 'settlement', id: 't0', fields: { population: -1 } }, 'BAD_REQUEST'],
  ])('%s is refused', async (_, variables, code) => {
    const { edit, query, reported } = await startServer();
    expect(codesOf(await edit(RENAME, variables))).toEqual([code]);
    expect((await query('{ stats { changes } }')).data).toEqual({ stats: { changes: 0 } });
    expect(reported).toEqual([]);
  });
});

describe('removing and restoring', () => {
  test('takes along what hangs beneath, and brings it back', async () => {
    const { edit, query } = await startServer();
    const shown =
      '{ kingdom(id: "IS") { settlements { id } } settlement(id: "t0") { name } structure(id: "t0-0") { name } }';
    const before = (await query(shown)).data;
    const removed = await edit(`mutation { remove(type: settlement, id: "t0") { settlement { id } ${WHAT_CHANGED} } }`);
    expect(removed.data).toMatchObject({ remove: { settlement: null } });
    expect(labels(changedBy(removed)['stale'])).toContain('Record of Field t0 0');
    expect((await query(shown)).data).toEqual({
      kingdom: { settlements: [{ id: 't1' }, { id: 't2' }] },
      settlement: null,
      structure: null,
    });
    expect(codesOf(await edit('mutation { remove(type: settlement, id: "t0") { receipt } }'))).toEqual(['NOT_FOUND']);
    expect(codesOf(await edit(RENAME, { type: 'settlement', id: 't0', fields: { name: 'x' } }))).toEqual(['NOT_FOUND']);
    const restored = await edit('mutation { restore(type: settlement, id: "t0") { settlement { version } } }');
    expect(restored.data).toEqual({ restore: { settlement: { version: 3 } } });
    expect((await query(shown)).data).toEqual(before);
    expect(codesOf(await edit('mutation { restore(type: settlement, id: "t0") { receipt } }'))).toEqual(['CONFLICT']);
  });

  test('in a branch leaves main alone', async () => {
    const { edit, query } = await startServer();
    await edit('mutation { remove(type: kingdom, id: "IS", branch: "rising-seas") { receipt } }');
    const shown =
      'query ($branch: String) { kingdom(id: "IS", branch: $branch) { name } settlement(id: "t0", branch: $branch) { name } }';
    expect((await query(shown, { variables: { branch: 'rising-seas' } })).data).toEqual({
      kingdom: null,
      settlement: null,
    });
    expect((await query(shown)).data).toEqual({ kingdom: { name: 'Iceland' }, settlement: { name: 'Town 0' } });
  });
});

describe('a new structure', () => {
  const BUILD = `mutation ($in: ID!, $name: String!, $kind: String!) {
    addStructure(settlementId: $in, name: $name, kind: $kind) { structure { id name kind lon lat version settlement { id } } }
  }`;

  test('stands where its town is, and is listed there', async () => {
    const { edit, query } = await startServer();
    const listed = '{ settlement(id: "t1") { structures { name } summary { structures { kind count } } } }';
    await query(listed);
    const { data, errors } = await edit(BUILD, { in: 't1', name: 'Abbey', kind: 'temple' });
    expect(errors).toEqual([]);
    const where = { lon: -19, lat: 64, settlement: { id: 't1' } };
    expect(data['addStructure']).toMatchObject({ structure: { name: 'Abbey', kind: 'temple', version: 1, ...where } });
    expect((await query(listed)).data).toMatchObject({
      settlement: {
        structures: [{ name: 'Abbey' }, { name: 'Field t1 0' }, { name: 'Field t1 1' }],
        summary: { structures: expect.arrayContaining([{ kind: 'temple', count: 1 }]) as unknown },
      },
    });
  });

  test('needs a town, a name and a kind', async () => {
    const { edit } = await startServer();
    expect(codesOf(await edit(BUILD, { in: 'zz', name: 'a', kind: 'b' }))).toEqual(['NOT_FOUND']);
    expect(codesOf(await edit(BUILD, { in: 't1', name: '', kind: 'b' }))).toEqual(['BAD_REQUEST']);
    expect(codesOf(await edit(BUILD, { in: 't1', name: 'a', kind: ' ' }))).toEqual(['BAD_REQUEST']);
  });
});

describe('what an edit changed', () => {
  test('is measured: what read it went stale, and everything else stayed', async () => {
    const { edit, query } = await startServer();
    await query(EVERYTHING);
    const answer = await edit(
      `mutation { edit(type: structure, id: "t0-0", fields: { name: "Renamed" }) { ${WHAT_CHANGED} } }`,
    );
    const changed = changedBy(answer);
    expect(labels(changed['stale'])).toEqual(['Structures of Town 0', 'Summary of Town 0']);
    const stayed = labels(changed['stayed']);
    for (const label of [
      'Record of Town 0',
      'Settlements of Iceland',
      'Structures of Town 1',
      'Summary of Town 1',
      'Summary of Iceland',
      'Structures of Paris',
      'Record of Iceland',
      'Kingdoms of Earth',
      'Settlements around 64.0° N, 20.0° W',
    ])
      expect(stayed).toContain(label);
    expect(stayed).not.toContain('Structures of Town 0');
    expect(changed['stale']?.['0']).toMatchObject({
      key: 'structures:settlement:t0:main',
      kind: 'list',
      ageMs: 0,
      because: ['what is listed under Town 0'],
    });
    expect(changed['advice']).toEqual([]);
  });

  test('agrees with what the same queries then ask of the origin', async () => {
    const { edit, query, calls, tide } = await startServer({ tables: smallWorld(4, 2) });
    const held = () =>
      new Map(tide.explain({ subjects: [tide.subject.branch('main')] }).entries.map((e) => [e.key, e]));
    await query(EVERYTHING);
    const before = [...held().keys()];
    const answer = await edit(
      `mutation { edit(type: settlement, id: "t0", fields: { population: 7 }) { settlement { name } ${WHAT_CHANGED} } }`,
    );
    const changed = changedBy(answer);
    const keysOf = (of: string): string[] => (changed[of] as unknown as { key: string }[]).map(({ key }) => key);
    expect([...keysOf('stale'), ...keysOf('stayed')].sort()).toEqual(before.sort());
    expect(keysOf('stale').sort()).toEqual([
      'settlement:t0:main',
      'settlements:kingdom:IS:main',
      'spatial:settlements-near:-20:64:0.5:4326:20:main',
      'view:kingdom-summary:{"kingdom"%3A"IS"}:main',
      'view:settlement-summary:{"settlement"%3A"t0"}:main',
    ]);
    const called = calls();
    await query('{ kingdom(id: "FR") { name summary { people } settlements { structures { name } } } }');
    expect(calls()).toEqual(called);
    await query('{ kingdom(id: "IS") { settlements { structures { name } } } }');
    const again = Object.entries(calls()).filter(([call, count]) => count !== called[call]);
    expect(again.map(([call]) => call)).toEqual(['settlement.childrenOf.kingdom']);
  });

  test('in a branch is told apart from main, whose values stayed', async () => {
    const { edit, query } = await startServer();
    await query(EVERYTHING);
    await query(EVERYTHING, { variables: { branch: 'rising-seas' } });
    const answer = await edit(
      `mutation { edit(type: settlement, id: "t0", branch: "rising-seas", fields: { name: "Atlantis" }) { ${WHAT_CHANGED} } }`,
    );
    const changed = changedBy(answer);
    expect(labels(changed['stale'])).toEqual([
      'Record of Town 0',
      'Settlements around 64.0° N, 20.0° W',
      'Settlements of Iceland',
      'Summary of Iceland',
      'Summary of Town 0',
    ]);
    expect(labels(changed['stayed'])).toEqual(
      expect.arrayContaining(['Record of Town 0 in main', 'Settlements of Iceland in main', 'Structures of Town 0']),
    );
  });

  test('is foretold by explain, which changes nothing', async () => {
    const { query, tables } = await startServer();
    await query(EVERYTHING);
    const explained = await query(`{ explain(type: structure, id: "t0-0") {
      subjects { subject why } stale { label because } stayed { label } advice
    } }`);
    expect(labels(explained.data['explain']?.['stale'])).toEqual(['Structures of Town 0', 'Summary of Town 0']);
    expect(labels(explained.data['explain']?.['stayed'])).toContain('Structures of Town 1');
    expect(tables.byIds('structure', 'main', ['t0-0'])[0]?.version).toBe(1);
    expect(codesOf(await query('{ explain(type: structure, id: "zz") { advice } }'))).toEqual(['NOT_FOUND']);
  });
});

describe('what is cached', () => {
  const CACHED = '{ cached(type: settlement, id: "t0") { key label kind state ageMs readBy } }';

  test('is told value by value, held or not, without loading any and without counting as a read', async () => {
    const { query, calls, clock, tide } = await startServer();
    const states = async () => {
      const { data, errors } = await query(CACHED);
      expect(errors).toEqual([]);
      const values = data['cached'] as unknown as { label: string; state: string; ageMs: number; readBy: string[] }[];
      return new Map(values.map(({ label, ...rest }) => [label, rest]));
    };
    const miss = { state: 'MISS', ageMs: null, readBy: [] };
    const cold = await states();
    expect([...cold.values()].every(({ state }) => state === 'MISS')).toBe(true);
    expect([...cold.keys()]).toEqual([
      'Record of Town 0',
      'Structures of Town 0',
      'Summary of Town 0',
      'Record of Iceland',
      'Settlements of Iceland',
      'Summary of Iceland',
      'Record of Earth',
      'Kingdoms of Earth',
      'Record of Field t0 0',
      'Record of Field t0 1',
    ]);
    await query('{ settlement(id: "t0") { summary { population } } }');
    await clock.advance(250);
    const before = { calls: calls(), hits: tide.stats().hits, misses: tide.stats().misses };
    const warm = await states();
    const hit = { state: 'HIT', ageMs: 250, readBy: ['Summary of Town 0'] };
    expect(warm.get('Record of Town 0')).toMatchObject(hit);
    expect(warm.get('Structures of Town 0')).toMatchObject(hit);
    expect(warm.get('Summary of Town 0')).toMatchObject({ ...hit, readBy: [] });
    expect(warm.get('Record of Iceland')).toMatchObject(miss);
    expect({ calls: calls(), hits: tide.stats().hits, misses: tide.stats().misses }).toEqual(before);
  });

  test('of an id that is none is NOT_FOUND', async () => {
    const { query } = await startServer();
    expect(codesOf(await query('{ cached(type: kingdom, id: "zz") { key } }'))).toEqual(['NOT_FOUND']);
  });
});
