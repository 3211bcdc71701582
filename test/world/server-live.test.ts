import { once } from 'node:events';
import { type Socket, connect } from 'node:net';
import { describe, expect, test } from 'vitest';
import { type EventReader, type ServerEvent, listen, resume } from './server-events.js';
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
    const live = await listen(server.url);
    await rename(server, 'settlement', 't0', 'one');
    await rename(server, 'kingdom', 'IS', 'two');
    await rename(server, 'structure', 't0-0', 'three');
    await rename(server, 'settlement', 'p', 'four');
    expect(await take(live, 5)).toEqual(['resync: start', 'one', 'two', 'three', 'four']);
  });

  test('tells what rules make of a place, and after a break what differs by then', async () => {
    const server = await startServer({ rules: ruleTable(RULES) });
    await server.tide.ready();
    // Whoever begins where the fields are held begins with those.
    await server.query('{ settlement(id: "t0") { fields { standing } } }');
    const live = await listen(server.url, '/live?subject=settlement:t0');
    const edit = (population: number): Promise<unknown> =>
      server.edit(
        `mutation { edit(type: settlement, id: "t0", fields: { population: ${String(population)} }) { receipt } }`,
      );
    await edit(200_000);
    const told = await live.take(5);
    expect(told.map(({ event, data }) => [event, data['field'], data['before'], data['after']])).toEqual([
      ['resync', undefined, undefined, undefined],
      ['change', undefined, undefined, undefined],
      ['computed', 'isTradeHub', false, false],
      ['computed', 'standing', 'village', 'city'],
      ['computed', 'income', 1.3, 260],
    ]);
    live.leave();
    await edit(2_000);
    const again = await resume(server.url, live, '/live?subject=settlement:t0');
    const since = await again.take(3);
    expect(since.map(({ event, data }) => [event, data['field'], data['after']])).toEqual([
      ['change', undefined, undefined],
      ['computed', 'standing', 'village'],
      ['computed', 'income', 2.6],
    ]);
  });

  test('tells each change with its place, its fields, who did it and when', async () => {
    const server = await startServer();
    const live = await listen(server.url, '/live?subject=settlement:t0');
    await server.edit(
      'mutation { edit(type: settlement, id: "t0", fields: { population: 7, kingdomId: "FR" }) { receipt } }',
    );
    const [, event] = await live.take(2);
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
      await listen(server.url, '/live?type=settlement&id=t0'),
      await listen(server.url, '/live?subject=settlement:t1&subject=structure:a:b'),
    ];
    await rename(server, 'settlement', 't1', 'other');
    expect(await missed(server, one)).toEqual(['resync: start']);
    expect(await take(two, 2)).toEqual(['resync: start', 'other']);
  });

  test('tells once of what concerns several of its subjects', async () => {
    const server = await startServer();
    const live = await listen(server.url);
    await server.edit('mutation { remove(type: kingdom, id: "FR") { receipt } }');
    expect(await missed(server, live)).toEqual(['resync: start', 'delete FR']);
  });

  test('of a branch hears what it inherits; of main hears nothing of a branch', async () => {
    const server = await startServer();
    const main = await listen(server.url);
    const seas = await listen(server.url, '/live?branch=rising-seas');
    await rename(server, 'settlement', 't1', 'Atlantis', 'rising-seas');
    await rename(server, 'settlement', 't1', 'Dry', 'main');
    expect(await missed(server, main)).toEqual(['resync: start', 'Dry']);
    expect(await take(seas, 4)).toEqual(['resync: start', 'Atlantis', 'Dry', 'the end']);
  });

  test('never comes before what it tells of can be read', async () => {
    const server = await startServer();
    const live = await listen(server.url);
    await live.take(1);
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
    const first = await listen(server.url, '/live?subject=settlement:t0');
    await rename(server, 'settlement', 't0', 'one');
    await rename(server, 'settlement', 't0', 'two');
    expect(await take(first, 2)).toEqual(['resync: start', 'one']);
    first.leave();
    await rename(server, 'settlement', 't1', 'not mine');
    await rename(server, 'settlement', 't0', 'three');
    const second = await resume(server.url, first, '/live?subject=settlement:t0');
    expect(await missed(server, second)).toEqual(['two', 'three']);
    second.leave();
    const third = await resume(server.url, second, '/live?subject=settlement:t0');
    await rename(server, 'settlement', 't0', 'four');
    expect(await missed(server, third)).toEqual(['four']);
  });

  test('gets exactly what it missed of several subjects too, once each has told something', async () => {
    const server = await startServer();
    const first = await listen(server.url);
    await rename(server, 'settlement', 't0', 'one');
    await rename(server, 'structure', 't0-0', 'two');
    await rename(server, 'kingdom', 'IS', 'three');
    expect(await take(first, 4)).toEqual(['resync: start', 'one', 'two', 'three']);
    first.leave();
    await rename(server, 'settlement', 't1', 'four');
    await rename(server, 'kingdom', 'FR', 'five');
    await server.edit('mutation { remove(type: kingdom, id: "FR") { receipt } }');
    const second = await resume(server.url, first);
    expect((await missed(server, second)).sort()).toEqual(['delete FR', 'five', 'four']);
  });

  test('is told to resync where that cannot be known', async () => {
    const server = await startServer();
    const first = await listen(server.url);
    await rename(server, 'settlement', 't0', 'one');
    expect(await take(first, 2)).toEqual(['resync: start', 'one']);
    first.leave();
    await rename(server, 'kingdom', 'IS', 'missed');
    const second = await resume(server.url, first);
    expect(await take(second, 1)).toEqual(['resync: start']);
  });

  test.each([
    ['/live', 'x'],
    ['/live', 'x.y'],
    ['/live', 'x.y.z'],
    ['/live?subject=settlement:t0', 'x'],
    ['/live?subject=settlement:t0', '-.-'],
  ])('to %s after %s, which is no id, is told so', async (path, id) => {
    const server = await startServer();
    const response = await fetch(server.url + path, { headers: { 'last-event-id': id } });
    expect([response.status, await response.json()]).toMatchObject([400, { error: { code: 'INVALID_CURSOR' } }]);
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

  test('a principal that the authorizer refuses gets 403 and no events', async () => {
    const asked: string[] = [];
    const server = await startServer({
      authorize: ({ name }, { key }) => {
        asked.push(`${name} ${key}`);
        return name === 'cartographer';
      },
    });
    const path = '/live?subject=settlement:t0';
    const refused = await fetch(server.url + path);
    expect([refused.status, await refused.json()]).toMatchObject([403, { error: { code: 'FORBIDDEN' } }]);
    expect(asked).toEqual(['visitor entity:settlement:t0:main']);
    const allowed = await listen(server.url, path, { authorization: 'Bearer cartographer' });
    expect(await missed(server, allowed)).toEqual(['resync: start']);
  });

  test('a permission that is withdrawn ends the stream, and says why', async () => {
    let allowed = true;
    const server = await startServer({
      authorize: () => (allowed ? { until: Date.UTC(2026, 0, 1, 0, 0, 0, 500) } : false),
    });
    const live = await listen(server.url, '/live?subject=settlement:t0');
    await rename(server, 'settlement', 't0', 'one');
    expect(await take(live, 2)).toEqual(['resync: start', 'one']);
    allowed = false;
    await server.clock.advance(500);
    expect(await take(live, 1)).toEqual(['refused: UNAUTHORIZED']);
    expect(await live.next()).toBeUndefined();
  });

  test.each([
    ['/live?branch=zz', 404, 'NOT_FOUND'],
    ['/live?subject=planet:1', 400, 'BAD_REQUEST'],
    ['/live?subject=settlement:', 400, 'BLANK_ID'],
  ])('%s is refused', async (path, status, code) => {
    const server = await startServer();
    const response = await fetch(server.url + path);
    expect([response.status, await response.json()]).toMatchObject([status, { error: { code } }]);
    expect(server.reported).toEqual([]);
  });
});

describe('between changes', () => {
  test('the stream tells every second what was read, and keeps the line alive', async () => {
    const server = await startServer();
    const live = await listen(server.url);
    await live.take(1);
    await server.query('{ settlement(id: "t0") { name } }');
    await server.clock.advance(1000);
    const [event] = await live.take(1);
    expect(event).toMatchObject({
      event: 'stats',
      data: { misses: 1, originCalls: 1, entries: 1, at: Date.UTC(2026, 0, 1, 0, 0, 1) },
    });
    await server.clock.advance(15_000);
    await live.take(15);
    expect(live.comments).toBe(1);
  });

  test('a client that goes leaves nothing behind', async () => {
    const server = await startServer();
    await server.query('{ settlement(id: "t0") { name } }');
    const before = server.clock.timers;
    const subscribers = () =>
      server.tide.explain({ type: 'settlement', id: 't0', op: 'update', branch: 'main' }).subscribers;
    const gone = new Promise((resolve) =>
      server.server.once('request', (_, response) => response.once('close', resolve)),
    );
    const live = await listen(server.url);
    expect(subscribers()).not.toEqual([]);
    // Its heartbeat, its figures, and the next look at what was revoked.
    expect(server.clock.timers).toBe(before + 3);
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
    const live = await listen(server.url);
    await live.take(1);
    server.closing.abort();
    expect(await live.next()).toBeUndefined();
  });

  test('a client that does not read is sent away before it fills the memory', async () => {
    const server = await startServer();
    const port = Number(new URL(server.url).port);
    const accepted = once(server.server, 'connection') as Promise<[Socket]>;
    const client = connect(port, 'localhost');
    client.write('GET /live?subject=kingdom:IS HTTP/1.1\r\nhost: localhost\r\n\r\n');
    const [socket] = await accepted;
    await once(client, 'readable');
    let open = true;
    socket.once('close', () => (open = false));
    const [row] = server.tables.byIds('kingdom', 'main', ['IS']);
    let version = 1;
    let most = 0;
    for (; open && version < 2_000; version++) {
      const name = `${String(version)} ${'x'.repeat(50_000)}`;
      const images = { before: { ...row, version }, after: { ...row, name, version: version + 1 } };
      await server.tide.change({ type: 'kingdom', id: 'IS', op: 'update', branch: 'main', ...images });
      await server.clock.advance(1000);
      most = Math.max(most, socket.writableLength);
    }
    expect(open).toBe(false);
    expect(most).toBeLessThan(1_500_000);
    client.destroy();
  });
});
