import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { request } from 'node:http';
import { describe, expect, test } from 'vitest';
import { type TestServer, startServer } from './server-setup.js';

interface Raw {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: Buffer;
}

/** As it came: fetch() would unpack it. */
function get({ url }: TestServer, path: string, headers: Readonly<Record<string, string>> = {}): Promise<Raw> {
  return new Promise((resolve, reject) => {
    request(`${url}${path}`, { headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }),
      );
    })
      .on('error', reject)
      .end();
  });
}
const json = (body: Buffer): unknown => JSON.parse(body.toString());

test('what the world holds, and whom the data is owed to', async () => {
  const server = await startServer();
  const counts = { campaign: 1, kingdom: 2, settlement: 4, structure: 6 };
  expect(json((await get(server, '/data/world.json')).body)).toEqual({ counts, credits: [] });
});

describe('the points of the map', () => {
  test('are columns, in whichever encoding the client takes', async () => {
    const server = await startServer();
    const plain = await get(server, '/data/points');
    const points = json(plain.body) as Record<string, unknown[]>;
    expect(Object.keys(points)).toEqual(['ids', 'lon', 'lat', 'population', 'names']);
    const at = points['ids']?.indexOf('t1') ?? -1;
    expect(Object.values(points).map((column) => column[at])).toEqual(['t1', -19, 64, 999, 'Town 1']);
    expect(Object.values(points).map((column) => column.length)).toEqual([4, 4, 4, 4, 4]);
    const gzip = await get(server, '/data/points', { 'accept-encoding': 'gzip, deflate' });
    const br = await get(server, '/data/points', { 'accept-encoding': 'gzip, br' });
    expect([gzip.headers['content-encoding'], br.headers['content-encoding']]).toEqual(['gzip', 'br']);
    expect(gunzipSync(gzip.body)).toEqual(plain.body);
    expect(brotliDecompressSync(br.body)).toEqual(plain.body);
    expect(br.headers).toMatchObject({ vary: 'accept-encoding', 'content-type': 'application/json; charset=utf-8' });
  });

  test('are sent again only if they changed', async () => {
    const server = await startServer();
    const etag = async (branch: string): Promise<string> =>
      String((await get(server, `/data/points?branch=${branch}`)).headers['etag']);
    const main = await etag('main');
    const seas = await etag('rising-seas');
    const again = (branch: string, known: string) =>
      get(server, `/data/points?branch=${branch}`, { 'if-none-match': known });
    expect(await again('main', main)).toMatchObject({ status: 304, body: Buffer.alloc(0) });
    await server.edit('mutation { edit(type: structure, id: "t0-0", fields: { name: "x" }) { receipt } }');
    expect((await again('main', main)).status).toBe(304);
    const edit = (branch: string) =>
      server.edit(
        'mutation ($branch: String) { edit(type: settlement, id: "t0", branch: $branch, fields: { population: 7 }) { receipt } }',
        { branch },
      );
    await edit('rising-seas');
    expect([(await again('main', main)).status, (await again('rising-seas', seas)).status]).toEqual([304, 200]);
    await edit('main');
    const now = json((await again('main', main)).body) as { ids: string[]; population: number[] };
    expect(now.population[now.ids.indexOf('t0')]).toBe(7);
  });

  test('of a branch that is none are NOT_FOUND', async () => {
    const { status, body } = await get(await startServer(), '/data/points?branch=zz');
    expect([status, json(body)]).toMatchObject([404, { error: { code: 'NOT_FOUND' } }]);
  });
});

describe('the server', () => {
  test('gives the outlines of the kingdoms, made once', async () => {
    const server = await startServer();
    const { headers, body } = await get(server, '/data/countries.json');
    expect(json(body)).toEqual({ type: 'FeatureCollection', features: [] });
    await server.edit('mutation { edit(type: kingdom, id: "IS", fields: { name: "x" }) { receipt } }');
    const again = await get(server, '/data/countries.json', { 'if-none-match': String(headers['etag']) });
    expect(again.status).toBe(304);
  });

  test('tells its health and what it has read', async () => {
    const server = await startServer();
    expect(json((await get(server, '/health')).body)).toMatchObject({ status: 'up', issues: [] });
    await server.query('{ settlement(id: "t0") { name } }');
    expect(json((await get(server, '/stats')).body)).toMatchObject({ misses: 1, originCalls: 1, byType: {} });
  });

  test('that is closed says 503', async () => {
    const server = await startServer();
    const marks = server.tide.health.bind(server.tide);
    const down = { ...(await marks()), status: 'down' as const };
    Object.defineProperty(server.tide, 'health', { value: () => Promise.resolve(down) });
    expect((await get(server, '/health')).status).toBe(503);
  });

  test('hands out the map library, as a module with its worker', async () => {
    const server = await startServer();
    for (const name of ['maplibre-gl.js', 'maplibre-gl.mjs', 'maplibre-gl-worker.mjs']) {
      const { status, headers } = await get(server, `/vendor/${name}`);
      expect([name, status, headers['content-type']]).toEqual([name, 200, 'text/javascript; charset=utf-8']);
    }
    expect((await get(server, '/vendor/maplibre-gl.css')).headers['content-type']).toBe('text/css; charset=utf-8');
  });

  test('lets its pages run scripts of its own only', async () => {
    const server = await startServer();
    for (const path of ['/', '/health', '/nowhere', '/data/points']) {
      const { headers } = await get(server, path);
      const policy = String(headers['content-security-policy']);
      expect(policy).toContain("script-src 'self';");
      expect(policy).toContain("worker-src 'self' blob:");
      expect(policy).toContain("frame-ancestors 'none'");
      expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' });
      expect(headers['x-powered-by']).toBeUndefined();
    }
  });
});
