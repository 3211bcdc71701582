import { describe, expect, test } from 'vitest';
import { worldOrigin } from '../../examples/world/data/origin.js';
import { codesOf, smallWorld, startServer } from './server-setup.js';

describe('a query', () => {
  test('goes down from the campaign to structures and up again', async () => {
    const { query } = await startServer();
    const { data, errors } = await query(`{
      campaign(id: "earth") { id name version kingdoms { id name level version campaign { id } } }
      kingdom(id: "IS") { settlements(limit: 2) { id name population level lon lat version inherited kingdom { name } } }
      settlement(id: "t0") { structures { id name kind code level lon lat version settlement { id } } }
      structure(id: "t1-1") { name settlement { kingdom { campaign { name } } } }
    }`);
    expect(errors).toEqual([]);
    const kingdom = (id: string, name: string) => ({ id, name, level: 3, version: 1, campaign: { id: 'earth' } });
    const town = { name: 'Town 0', population: 1000, level: 2, lon: -20, lat: 64, version: 1, inherited: false };
    const field = { kind: 'airport', code: '', level: 1, lon: -20, lat: 64, version: 1, settlement: { id: 't0' } };
    expect(data).toMatchObject({
      campaign: { name: 'Earth', version: 1, kingdoms: [kingdom('FR', 'France'), kingdom('IS', 'Iceland')] },
      kingdom: { settlements: [{ id: 't0', ...town, kingdom: { name: 'Iceland' } }, { id: 't1' }] },
      settlement: {
        structures: [
          { id: 't0-0', name: 'Field t0 0', ...field },
          { id: 't0-1', kind: 'heliport' },
        ],
      },
      structure: { name: 'Field t1 1', settlement: { kingdom: { campaign: { name: 'Earth' } } } },
    });
  });

  test('gives summaries, which are views', async () => {
    const { query } = await startServer();
    const { data } = await query(`{
      kingdom(id: "IS") { summary { name settlements people largest { id name population } } }
      settlement(id: "t0") { summary { name population structures { kind count } } }
    }`);
    expect(data).toMatchObject({
      kingdom: {
        summary: { name: 'Iceland', settlements: 3, people: 2997, largest: [{ id: 't0', population: 1000 }, {}, {}] },
      },
      settlement: {
        summary: {
          ...{ name: 'Town 0', population: 1000 },
          structures: [
            { kind: 'airport', count: 1 },
            { kind: 'heliport', count: 1 },
          ],
        },
      },
    });
  });

  test('finds by place: in a box, near a point, near a town without the town itself', async () => {
    const { query } = await startServer();
    const { data, errors } = await query(`{
      inBox(west: -20.5, south: 60, east: -18.5, north: 70) { id }
      near(lon: -18, lat: 64, radius: 1.5) { id }
      nearest: near(lon: -18, lat: 64, radius: 9, limit: 1) { id }
      settlement(id: "t1") { nearby { id } wide: nearby(radius: 90, limit: 1) { id } }
    }`);
    expect(errors).toEqual([]);
    expect(data).toEqual({
      inBox: [{ id: 't0' }, { id: 't1' }],
      near: [{ id: 't2' }, { id: 't1' }],
      nearest: [{ id: 't2' }],
      settlement: { nearby: [{ id: 't0' }, { id: 't2' }], wide: [{ id: 't0' }] },
    });
  });

  test('finds by name, and again once a name has changed', async () => {
    const { query, edit } = await startServer();
    const search = '{ search(text: "PAR") { type id name where lon lat } }';
    const paris = { type: 'settlement', id: 'p', name: 'Paris', where: 'town in France', lon: 2, lat: 49 };
    expect((await query(search)).data).toEqual({ search: [paris] });
    await edit('mutation { edit(type: settlement, id: "p", fields: { name: "Lutetia" }) { receipt } }');
    expect((await query(search)).data).toEqual({ search: [] });
  });

  test('says in which rows a branch differs from its parent', async () => {
    const { query, edit } = await startServer();
    const [branch, structure] = ['rising-seas', 'structure'];
    await edit(`mutation {
      remove(type: ${structure}, id: "t0-0", branch: "${branch}") { receipt }
      addStructure(settlementId: "t1", name: "Pier", kind: "harbour", branch: "${branch}") { receipt }
      edit(type: settlement, id: "t2", branch: "${branch}", fields: { name: "Wet Town" }) { receipt }
    }`);
    const { data, errors } = await query(
      `{ branches { id overrides own { type id name what settlementId lon lat } } }`,
    );
    expect(errors).toEqual([]);
    const at = (id: string, lon: number) => ({ settlementId: id, lon, lat: 64 });
    expect(data['branches']).toMatchObject([
      { id: 'main', overrides: 0, own: [] },
      {
        id: branch,
        overrides: 3,
        own: [
          { type: 'settlement', id: 't2', name: 'Wet Town', what: 'changed', ...at('t2', -18) },
          { type: structure, id: 't0-0', name: 'Field t0 0', what: 'removed', ...at('t0', -20) },
          { type: structure, name: 'Pier', what: 'added', ...at('t1', -19) },
        ],
      },
      { id: 'open-skies', overrides: 0, own: [] },
    ]);
    expect(codesOf(await query(`{ branches { own(limit: 0) { id } } }`))).toEqual(['BAD_REQUEST']);
  });

  test('lists kingdoms and branches, says who asks and what was read', async () => {
    const { query } = await startServer();
    const { data } = await query(`{
      kingdoms { id }
      branches { id title parent overrides }
      me { name mayEdit }
      stats { hits misses hitRate originCalls changes entries marks startTime }
    }`);
    expect(data).toMatchObject({
      kingdoms: [{ id: 'FR' }, { id: 'IS' }],
      branches: [
        { id: 'main', title: 'The world as it is', parent: null, overrides: 0 },
        { id: 'rising-seas', parent: 'main', overrides: 0 },
        { id: 'open-skies', parent: 'main', overrides: 0 },
      ],
      me: { name: 'visitor', mayEdit: false },
      stats: { changes: 0, startTime: '2026-01-01T00:00:00.000Z' },
    });
  });

  test('gives null for an id that is none, whatever its characters', async () => {
    const { query } = await startServer();
    for (const id of ['nowhere', '*', 't0:main', '__proto__', 'constructor', '../t0']) {
      const { data, errors } = await query(
        'query ($id: ID!) { campaign(id: $id) { id } kingdom(id: $id) { id } settlement(id: $id) { id } structure(id: $id) { id } }',
        { variables: { id } },
      );
      expect([id, data, errors]).toEqual([
        id,
        { campaign: null, kingdom: null, settlement: null, structure: null },
        [],
      ]);
    }
  });
});

describe('the origin', () => {
  const nested = `{ kingdom(id: "IS") { settlements { name structures { name settlement { kingdom { name } } } } } }`;

  test('is called once per level for 20 settlements of 10 structures, and never when they are held', async () => {
    const { query, calls } = await startServer({ tables: smallWorld(20, 10) });
    const cold = await query(nested);
    expect(calls()).toEqual({
      'kingdom.byIds': 1,
      'settlement.childrenOf.kingdom': 1,
      'structure.childrenOf.settlement': 1,
      'settlement.byIds': 1,
    });
    const before = calls();
    expect((await query(nested)).data).toEqual(cold.data);
    expect(calls()).toEqual(before);
    expect(JSON.stringify(cold.data).match(/Field/g)).toHaveLength(200);
  });

  test('is called again for what an edit touched, and for nothing else', async () => {
    const { query, edit, calls } = await startServer({ tables: smallWorld(20, 10) });
    await query(nested);
    await edit('mutation { edit(type: structure, id: "t3-4", fields: { name: "Renamed" }) { receipt } }');
    const before = calls();
    const { data } = await query(nested);
    expect(JSON.stringify(data)).toContain('Renamed');
    const again = Object.entries(calls()).filter(([call, count]) => count !== before[call]);
    expect(again).toEqual([['structure.childrenOf.settlement', 2]]);
  });

  test('that fails costs a query its field, and the reason is not told', async () => {
    const tables = smallWorld();
    const { kingdom: working, settlement } = worldOrigin(tables);
    const secret = new Error('password authentication failed for user "postgres"');
    const kingdom = { ...working, byIds: () => Promise.reject(secret) };
    const origin = { ...(settlement === undefined ? {} : { settlement }), kingdom };
    const { query, reported } = await startServer({ tables, origin });
    const answer = await query('{ kingdom(id: "IS") { name } settlement(id: "t0") { name } }');
    expect(answer.data).toEqual({ kingdom: null, settlement: { name: 'Town 0' } });
    expect(answer.errors).toEqual([{ message: 'Something went wrong on our side.', code: 'ORIGIN_FAILED' }]);
    expect(reported).toHaveLength(1);
  });
});

describe('a branch', () => {
  test('shows what it inherits and what it has of its own, and main shows none of it', async () => {
    const { query, edit } = await startServer();
    const shown = `query ($branch: String) {
      kingdom(id: "IS", branch: $branch) { summary { people } settlements { id name inherited structures { name } } }
      near(lon: -20, lat: 64, radius: 0.1, branch: $branch) { name }
    }`;
    const of = async (branch: string) => (await query(shown, { variables: { branch } })).data;
    const before = { main: await of('main'), skies: await of('open-skies') };
    expect(before.skies['kingdom']?.['settlements']?.[0]).toMatchObject({ id: 't0', inherited: true });

    const done = await edit(
      `mutation { edit(type: settlement, id: "t0", branch: "rising-seas", fields: { name: "Atlantis", population: 5000 }) {
        settlement { name inherited version }
      } }`,
    );
    expect(done.data).toEqual({ edit: { settlement: { name: 'Atlantis', inherited: false, version: 2 } } });
    const seas = await of('rising-seas');
    expect(seas).toMatchObject({ kingdom: { summary: { people: 6997 } }, near: [{ name: 'Atlantis' }] });
    expect(seas['kingdom']?.['settlements']?.[0]).toMatchObject({ name: 'Atlantis', inherited: false });
    expect(seas['kingdom']?.['settlements']?.[1]).toMatchObject({ id: 't1', inherited: true });
    expect({ main: await of('main'), skies: await of('open-skies') }).toEqual(before);
    expect((await query('{ branches { id overrides } }')).data).toMatchObject({
      branches: [{ overrides: 0 }, { id: 'rising-seas', overrides: 1 }, { overrides: 0 }],
    });
  });

  test('sees an edit of main where it has no row of its own', async () => {
    const { query, edit } = await startServer();
    const name = '{ settlement(id: "t1", branch: "open-skies") { name } }';
    await query(name);
    await edit('mutation { edit(type: settlement, id: "t1", fields: { name: "Everywhere" }) { receipt } }');
    expect((await query(name)).data).toEqual({ settlement: { name: 'Everywhere' } });
  });

  test('that is none is NOT_FOUND', async () => {
    const { query } = await startServer();
    for (const branch of ['nowhere', 'constructor', '']) {
      const answer = await query('query ($branch: String) { settlement(id: "t0", branch: $branch) { id } }', {
        variables: { branch },
      });
      expect([branch, codesOf(answer)]).toEqual([branch, ['NOT_FOUND']]);
    }
  });
});
