import { describe, expect, test } from 'vitest';
import { type EventReader, type ServerEvent, follow, listen, pathOf } from './server-events.js';
import { RULES } from '../../examples/world/rules.js';
import { ruleTable } from '../../src/index.js';
import { type TestServer, startServer } from './server-setup.js';

const rename = async ({ edit }: TestServer, type: string, id: string, name: string, branch = 'main'): Promise<void> => {
  const { errors } = await edit(
    'mutation ($type: EntityType!, $id: ID!, $name: String, $branch: String) { edit(type: $type, id: $id, branch: $branch, fields: { name: $name }) { receipt } }',
    { type, id, name, branch },
  );
  expect(errors).toEqual([]);
};
/** 'Alba' for a change that gave the name 'Alba', else what else it was. */
function said({ event, data }: ServerEvent): string {
  if (event !== 'change') return `${event}: ${String(data['reason'] ?? data['code'])}`;
  const { values } = data['changes'] as { values: { name?: string } };
  return values.name ?? `${String(data['op'])} ${String(data['entityId'])}`;
}
const TOWN = { rooms: ['settlement:t0'] };
const take = async (reader: EventReader, count: number): Promise<string[]> => (await reader.take(count)).map(said);
/** What was missed: everything up to an edit that is made now. */
async function missed(server: TestServer, reader: EventReader, type = 'settlement', id = 't0'): Promise<string[]> {
  await rename(server, type, id, 'the end');
  const all: string[] = [];
  for (let last = ''; last !== 'the end'; all.push(last)) last = (await take(reader, 1))[0] ?? '';
  return all.slice(0, -1);
}

describe('a live stream', () => {
  test('tells of every change of kingdoms, settlements and structures, in order', async () => {
    const server = await startServer();
    const live = await follow(server.url);
    await rename(server, 'settlement', 't0', 'one');
    await rename(server, 'kingdom', 'IS', 'two');
    await rename(server, 'structure', 't0-0', 'three');
    await rename(server, 'settlement', 'p', 'four');
    expect(await take(live, 4)).toEqual(['one', 'two', 'three', 'four']);
  });

  test('tells what rules make of a place, and after a break what differs by then', async () => {
    const server = await startServer({ rules: ruleTable(RULES) });
    await server.tide.ready();
    // Whoever begins where the fields are held begins with those.
    await server.query('{ settlement(id: "t0") { fields { standing } } }');
    const live = await follow(server.url, TOWN);
    const edit = (population: number): Promise<unknown> =>
      server.edit(
        `mutation { edit(type: settlement, id: "t0", fields: { population: ${String(population)} }) { receipt } }`,
      );
    await edit(200_000);
    const told = await live.take(4);
    expect(told.map(({ event, data }) => [event, data['field'], data['before'], data['after']])).toEqual([
      ['change', undefined, undefined, undefined],
      ['computed', 'isTradeHub', false, false],
      ['computed', 'standing', 'village', 'city'],
      ['computed', 'income', 1.3, 260],
    ]);
    live.leave();
    await edit(2_000);
    const again = await follow(server.url, { ...TOWN, from: live });
    const since = await again.take(3);
    expect(since.map(({ event, data }) => [event, data['field'], data['after']])).toEqual([
      ['change', undefined, undefined],
      ['computed', 'standing', 'village'],
      ['computed', 'income', 2.6],
    ]);
  });

  test('tells each change with its place, its fields, who did it and when', async () => {
    const server = await startServer();
    const live = await follow(server.url, TOWN);
    await server.edit(
      'mutation { edit(type: settlement, id: "t0", fields: { population: 7, kingdomId: "FR" }) { receipt } }',
    );
    const [event] = await live.take(1);
    expect(event).toEqual({
      event: 'change',
      id: expect.stringMatching(/^[\w-]+$/) as unknown,
      data: {
        changeId: expect.any(String) as unknown,
        entityType: 'settlement',
        entityId: 't0',
        branch: 'main',
        op: 'update',
        // A kingdom's id is not announced: its name only.
        changes: { fields: ['kingdomId', 'version', 'population'], values: { population: 7 } },
        version: 2,
        modifiedBy: 'cartographer',
        modifiedAt: '2026-01-01T00:00:00.000Z',
      },
    });
  });

  test('of one entity tells of that one only; an id may hold a colon', async () => {
    const server = await startServer();
    const [one, two] = [
      await follow(server.url, TOWN),
      await follow(server.url, { rooms: ['settlement:t1', 'structure:a%3Ab'] }),
    ];
    await rename(server, 'settlement', 't1', 'other');
    expect(await missed(server, one)).toEqual([]);
    expect(await take(two, 1)).toEqual(['other']);
  });

  test('tells once of what concerns several of its subjects', async () => {
    const server = await startServer();
    const live = await follow(server.url);
    await server.edit('mutation { remove(type: kingdom, id: "FR") { receipt } }');
    expect(await missed(server, live)).toEqual(['delete FR']);
  });

  test('of a branch hears what it inherits; of main hears nothing of a branch', async () => {
    const server = await startServer();
    const main = await follow(server.url);
    const seas = await follow(server.url, { branch: 'rising-seas' });
    await rename(server, 'settlement', 't1', 'Atlantis', 'rising-seas');
    await rename(server, 'settlement', 't1', 'Dry', 'main');
    expect(await missed(server, main)).toEqual(['Dry']);
    expect(await take(seas, 3)).toEqual(['Atlantis', 'Dry', 'the end']);
  });

  test('never comes before what it tells of can be read', async () => {
    const server = await startServer();
    const live = await follow(server.url);
    const asked = '{ kingdom(id: "IS") { settlements(limit: 1) { name } summary { largest { name } } } }';
    for (const name of ['v1', 'v2', 'v3', 'v4', 'v5']) {
      await server.query(asked);
      const renaming = rename(server, 'settlement', 't0', name);
      expect(await take(live, 1)).toEqual([name]);
      const { data } = await server.query(asked);
      expect(data).toMatchObject({ kingdom: { settlements: [{ name }], summary: { largest: [{ name }, {}, {}] } } });
      await renaming;
    }
  });
});

describe('a client that comes back', () => {
  test('gets exactly what it missed', async () => {
    const server = await startServer();
    const first = await follow(server.url, TOWN);
    await rename(server, 'settlement', 't0', 'one');
    await rename(server, 'settlement', 't0', 'two');
    expect(await take(first, 1)).toEqual(['one']);
    first.leave();
    await rename(server, 'settlement', 't1', 'not mine');
    await rename(server, 'settlement', 't0', 'three');
    const second = await follow(server.url, { ...TOWN, from: first });
    expect(await missed(server, second)).toEqual(['two', 'three']);
    second.leave();
    const third = await follow(server.url, { ...TOWN, from: second });
    await rename(server, 'settlement', 't0', 'four');
    expect(await missed(server, third)).toEqual(['four']);
  });

  test('gets exactly what it missed of several subjects too, once each has told something', async () => {
    const server = await startServer();
    const first = await follow(server.url);
    await rename(server, 'settlement', 't0', 'one');
    await rename(server, 'structure', 't0-0', 'two');
    await rename(server, 'kingdom', 'IS', 'three');
    expect(await take(first, 3)).toEqual(['one', 'two', 'three']);
    first.leave();
    await rename(server, 'settlement', 't1', 'four');
    await rename(server, 'kingdom', 'FR', 'five');
    await server.edit('mutation { remove(type: kingdom, id: "FR") { receipt } }');
    const second = await follow(server.url, { from: first });
    expect((await missed(server, second)).sort()).toEqual(['delete FR', 'five', 'four']);
  });

  test.each(['x', 'x.y', '-.-'])('after %s, which is no id, is told so', async (id) => {
    const server = await startServer();
    const response = await fetch(server.url + pathOf('main', []), { headers: { 'last-event-id': id } });
    expect([response.status, await response.json()]).toMatchObject([400, { code: 'INVALID_CURSOR' }]);
  });
});

describe('who may watch', () => {
  test('a visitor may watch everything, and never a whole branch', async () => {
    const { tide } = await startServer();
    const watch = async (mayEdit: boolean): Promise<unknown> => {
      const scope = tide.scope({
        branch: 'main',
        principal: { name: 'x', mayEdit },
        signal: AbortSignal.timeout(60_000),
      });
      const subscription = scope.subscribe(tide.subject.branch('main'));
      const next = subscription.next();
      await tide.change({ subjects: [tide.subject.branch('main')] });
      return next;
    };
    await expect(watch(false)).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
    await expect(watch(true)).resolves.toMatchObject({ value: { op: 'bulk' } });
  });

  test('a principal that the authorizer refuses is told so, and of no change', async () => {
    const asked: string[] = [];
    const server = await startServer({
      authorize: ({ name }, { key }) => {
        asked.push(`${name} ${key}`);
        return name === 'cartographer' || key.startsWith('entity:settlement:t1');
      },
    });
    const live = await follow(server.url, {
      rooms: ['structure:t1-0'],
      headers: { authorization: 'Bearer cartographer' },
    });
    live.leave();
    const refused = await listen(server.url, '/live?branch=main&room=structure:t0-0');
    for (let told = await refused.next(); told?.event !== 'ended'; told = await refused.next())
      expect(told?.event).toBe('welcome');
    expect(asked.at(-1)).toBe('visitor entity:structure:t0-0:main');
    const forged = await fetch(server.url + pathOf('main', []), { headers: { authorization: 'Bearer forged' } });
    expect([forged.status, await forged.json()]).toMatchObject([401, { code: 'UNAUTHORIZED' }]);
  });

  test('a permission that is withdrawn ends the stream, and says why', async () => {
    let allowed = true;
    const server = await startServer({
      authorize: () => (allowed ? { until: Date.UTC(2026, 0, 1, 0, 0, 0, 500) } : false),
    });
    const live = await follow(server.url, TOWN);
    await rename(server, 'settlement', 't0', 'one');
    expect(await take(live, 1)).toEqual(['one']);
    allowed = false;
    await server.clock.advance(500);
    expect(await take(live, 1)).toEqual(['ended: UNAUTHORIZED']);
  });

  test.each([
    ['/live?branch=zz&room=settlement:t0', 'ended: UNAUTHORIZED'],
    ['/live?branch=main&room=planet:1', 'refused: INVALID_FRAME'],
    ['/live?branch=main&room=settlement:', 'refused: INVALID_FRAME'],
  ])('%s is refused', async (path, told) => {
    const server = await startServer();
    const live = await listen(server.url, path);
    expect(await take(live, 2)).toEqual(['welcome: undefined', told]);
    expect(server.reported).toEqual([]);
  });
});

describe('a stream', () => {
  test('a client that goes leaves nothing behind', async () => {
    const server = await startServer();
    await server.query('{ settlement(id: "t0") { name } }');
    const before = server.clock.timers;
    const subscribers = () =>
      server.tide.explain({ type: 'settlement', id: 't0', op: 'update', branch: 'main' }).subscribers;
    const gone = new Promise((resolve) =>
      server.server.once('request', (_, response) => response.once('close', resolve)),
    );
    const live = await follow(server.url);
    expect(subscribers()).not.toEqual([]);
    // Its heartbeat, and the next look at what was revoked.
    expect(server.clock.timers).toBe(before + 2);
    live.leave();
    await gone;
    await server.clock.advance(0);
    expect(subscribers()).toEqual([]);
    // So long its topics are still followed, in case it comes back.
    await server.clock.advance(5000);
    expect(server.clock.timers).toBe(before);
  });

  test('a shutdown ends it', async () => {
    const server = await startServer();
    const live = await follow(server.url);
    server.closing.abort();
    expect(await live.next()).toMatchObject({ event: 'close', data: { code: 1001 } });
    expect(await live.next()).toBeUndefined();
  });
});
