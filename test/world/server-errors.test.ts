import { request as rawRequest } from 'node:http';
import { describe, expect, test } from 'vitest';
import { publicError } from '../../examples/world/server/errors.js';
import { createTidemark, defineModel, entity } from '../../src/index.js';
import { type TestServer, answerOf, codesOf, smallWorld, startServer } from './server-setup.js';

/** A path as it is: fetch() would tidy it up. */
function get({ url }: TestServer, path: string): Promise<{ readonly status: number; readonly text: string }> {
  return new Promise((resolve, reject) => {
    rawRequest(url, { path }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
    })
      .on('error', reject)
      .end();
  });
}

const lives = async ({ query }: TestServer): Promise<void> => {
  expect((await query('{ settlement(id: "t0") { name } }')).data).toEqual({ settlement: { name: 'Town 0' } });
};
const nested = (depth: number): string =>
  `{ settlement(id: "t0") ${'{ kingdom { settlements '.repeat(depth)}{ id }${' } }'.repeat(depth)} }`;

test('a client that leaves before it is answered is no fault of the server', async () => {
  const leaving = new AbortController();
  const tide = createTidemark({
    model: defineModel({ entities: { note: entity<{ id: string }>()({}) } }),
    origin: { note: { byIds: () => new Promise<never>(() => undefined) } },
  });
  const reading = tide.scope({ signal: leaving.signal }).get('note', '1');
  leaving.abort();
  const error = await reading.catch((reason: unknown) => reason);
  expect(publicError(error)).toMatchObject({ status: 499, code: 'ABORTED' });
  await tide.close();
});

describe('a bad query', () => {
  const body = (query: unknown, rest: object = {}): string => JSON.stringify({ query, ...rest });
  test.each([
    ['no JSON', '{ "query": ', 400, 'BAD_REQUEST'],
    ['JSON that is no object', '"{ me { name } }"', 400, 'BAD_REQUEST'],
    ['null', 'null', 400, 'BAD_REQUEST'],
    ['an empty object', '{}', 400, 'BAD_REQUEST'],
    ['an empty array', '[]', 400, 'BAD_REQUEST'],
    ['several queries', `[${body('{ me { name } }')}]`, 400, 'BAD_REQUEST'],
    ['a query that is no text', body(7), 400, 'BAD_REQUEST'],
    ['more than a query', body('{ me { name } }', { extra: 1 }), 400, 'BAD_REQUEST'],
    ['no GraphQL', body('{ me { name }'), 200, 'GRAPHQL_PARSE_FAILED'],
    ['an unknown field', body('{ me { password } }'), 200, 'GRAPHQL_VALIDATION_FAILED'],
    ['an unknown type of entity', body('{ cached(type: planet, id: "x") { key } }'), 200, 'GRAPHQL_VALIDATION_FAILED'],
    [
      'a variable of another type',
      body('query ($n: Int!) { near(lon: 0, lat: 0, radius: $n) { id } }', { variables: { n: 'x' } }),
      200,
      'GRAPHQL_VALIDATION_FAILED',
    ],
    ['a query too deep', body(nested(7)), 200, 'QUERY_TOO_LARGE'],
    ['a query far too deep', body(`{ me ${'{ a'.repeat(20_000)}${'}'.repeat(20_000)} }`), 200, 'GRAPHQL_PARSE_FAILED'],
    [
      'a query too wide',
      body(`{ ${Array.from({ length: 301 }, (_, i) => `a${String(i)}: stats { hits }`).join(' ')} }`),
      200,
      'QUERY_TOO_LARGE',
    ],
    ['a blank id', body('{ settlement(id: " ") { name } }'), 200, 'BLANK_ID'],
    ['a box inside out', body('{ inBox(west: 1, south: 5, east: 5, north: 1) { id } }'), 200, 'INVALID_GEOMETRY'],
    ['a negative radius', body('{ near(lon: 0, lat: 0, radius: -1) { id } }'), 200, 'INVALID_GEOMETRY'],
    ['a limit of nothing', body('{ near(lon: 0, lat: 0, radius: 1, limit: 0) { id } }'), 200, 'BAD_REQUEST'],
    [
      'a limit without end',
      body('{ inBox(west: 0, south: 0, east: 1, north: 1, limit: 5001) { id } }'),
      200,
      'BAD_REQUEST',
    ],
    ['an endless search', body(`{ search(text: "${'x'.repeat(101)}") { id } }`), 200, 'BAD_REQUEST'],
  ])('with %s is refused in words, and the server lives on', async (_, sent, status, code) => {
    const server = await startServer();
    const answer = await answerOf(await server.post(sent));
    expect(answer.errors[0]?.message).toMatch(/\w/);
    expect([answer.status, codesOf(answer)[0]]).toEqual([status, code]);
    expect(server.reported).toEqual([]);
    await lives(server);
  });

  test('is measured through its fragments, which may not multiply', async () => {
    const server = await startServer();
    const deep = `{ settlement(id: "t0") { ...A } }
      fragment A on Settlement { kingdom { settlements { kingdom { settlements { ...B } } } } }
      fragment B on Settlement { kingdom { settlements { kingdom { settlements { kingdom { settlements { kingdom { name } } } } } } } }`;
    expect(codesOf(await server.query(deep))).toEqual(['QUERY_TOO_LARGE']);
    const doubling = Array.from(
      { length: 25 },
      (_, i) => `fragment F${String(i)} on Query { ...F${String(i + 1)} ...F${String(i + 1)} }`,
    );
    const wide = `{ ...F0 } ${doubling.join(' ')} fragment F25 on Query { me { name } }`;
    expect(codesOf(await server.query(wide))).toEqual(['QUERY_TOO_LARGE']);
    const circle = '{ ...A } fragment A on Query { ...B } fragment B on Query { ...A me { name } }';
    expect(codesOf(await server.query(circle))).toEqual(['GRAPHQL_VALIDATION_FAILED']);
    await lives(server);
  });

  test('that multiplies rows is stopped before it has millions', async () => {
    const server = await startServer({ tables: smallWorld(20, 0) });
    const answer = await server.query(nested(5));
    expect(codesOf(answer)).toContain('TOO_LARGE');
    await lives(server);
  });
});

describe('a bad request', () => {
  test('with a token that nobody gave out is UNAUTHENTICATED, by header or cookie', async () => {
    const server = await startServer();
    const ask = JSON.stringify({ query: '{ me { name } }' });
    for (const headers of [{ authorization: 'Bearer forged' }, { cookie: 'a=b; token=forged' }]) {
      const answer = await answerOf(await server.post(ask, headers));
      expect([answer.status, codesOf(answer)]).toEqual([401, ['UNAUTHENTICATED']]);
    }
    const live = await fetch(`${server.url}/live?room=settlement:t0`, { headers: { authorization: 'Bearer forged' } });
    expect([live.status, await live.json()]).toMatchObject([401, { code: 'UNAUTHORIZED' }]);
    for (const headers of [{ authorization: 'Bearer cartographer' }, { cookie: 'a=b; token=cartographer' }]) {
      expect((await answerOf(await server.post(ask, headers))).data).toEqual({ me: { name: 'cartographer' } });
    }
    await lives(server);
  });

  test.each([[100_001], [5_000_000]])('of %i bytes is 413', async (bytes) => {
    const server = await startServer();
    const answer = await answerOf(await server.post('x'.repeat(bytes)));
    expect([answer.status, codesOf(answer)]).toEqual([413, ['TOO_LARGE']]);
    await lives(server);
  });

  test('that does not say how long it is, and is too long, is 413 too, and leaves no connection behind', async () => {
    const server = await startServer();
    const status = await new Promise<number>((resolve, reject) => {
      const request = rawRequest(`${server.url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'transfer-encoding': 'chunked', connection: 'close' },
      });
      request.on('response', (response) => {
        response.resume().on('end', () => resolve(response.statusCode ?? 0));
      });
      request.on('error', reject);
      for (let sent = 0; sent < 200_000; sent += 10_000) request.write('x'.repeat(10_000));
      request.end();
    });
    expect(status).toBe(413);
    await lives(server);
    const closed = new Promise((resolve) => server.server.close(resolve));
    server.server.closeIdleConnections();
    await closed;
  });

  test('of another type or method is told what was expected', async () => {
    const server = await startServer();
    const form = await server.post('query={ me { name } }', { 'content-type': 'application/x-www-form-urlencoded' });
    const plain = await server.post('{"query":"{ me { name } }"}', { 'content-type': 'text/plain' });
    for (const response of [form, plain]) {
      expect([response.status, codesOf(await answerOf(response))]).toEqual([415, ['UNSUPPORTED_MEDIA_TYPE']]);
    }
    const got = await fetch(`${server.url}/graphql?query={me{name}}`);
    expect([got.status, codesOf(await answerOf(got))]).toEqual([405, ['METHOD_NOT_ALLOWED']]);
    await lives(server);
  });

  test.each([
    '/nowhere',
    '/graphql/more',
    '/page/nothing.js',
    '/page/../server/app.ts',
    '/page/%2e%2e/server/app.ts',
    '/page/..%2fserver%2fapp.ts',
    '/page/..%5cserver%5capp.ts',
    '/page/%00',
    '/page/%zz',
    '/vendor/../package.json',
    '/vendor/..%2fpackage.json',
    '/vendor//etc/passwd',
    '/data/../main.ts',
    '/.git/config',
    '/page/.hidden',
  ])('for %s is NOT_FOUND and says nothing of the disk', async (path) => {
    const server = await startServer();
    const { status, text } = await get(server, path);
    expect([status, JSON.parse(text)]).toMatchObject([404, { error: { code: 'NOT_FOUND' } }]);
    expect(text).not.toContain('/work');
    expect(text).not.toContain('ENOENT');
    await lives(server);
  });
});
