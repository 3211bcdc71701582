import * as grpc from '@grpc/grpc-js';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { SERVICE } from '../../../src/hosts/grpc/messages.js';
import type { RemoteRulesState } from '../../../src/hosts/grpc/index.js';
import { TidemarkError } from '../../../src/index.js';
import { defineOperators } from '../../../src/rules/index.js';
import { fakeClock } from '../../../src/testing/index.js';
import { clientOf, database, replica, served, spyOn, world } from './world.js';

const INCOME = { type: 'settlement', id: 's1', field: 'income' };
const asIs = (bytes: Buffer): Buffer => bytes;

/** A server that answers evaluateCondition as it is told to. */
async function scripted(handle: grpc.handleUnaryCall<Buffer, Buffer>): Promise<number> {
  const server = new grpc.Server();
  const method = {
    ...{ path: `/${SERVICE}/EvaluateCondition`, requestStream: false, responseStream: false },
    ...{ requestSerialize: asIs, requestDeserialize: asIs, responseSerialize: asIs, responseDeserialize: asIs },
  };
  server.addService({ EvaluateCondition: method }, { EvaluateCondition: handle });
  onTestFinished(() => {
    server.forceShutdown();
  });
  return new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) => {
      if (error === null) resolve(port);
      else reject(error);
    });
  });
}
const failing = (code: grpc.status, details = 'no') => scripted((_, done) => done({ code, details }));

/** A port on which nobody listens. */
async function deadPort(): Promise<number> {
  const server = await served(replica(database()));
  await server.close();
  return server.port;
}

describe('a question', () => {
  test('ends at its deadline, with an error that says so', async () => {
    const port = await scripted(() => {});
    const client = clientOf([port], { timeoutMs: 100 });
    await expect(client.evaluateCondition(INCOME)).rejects.toMatchObject({
      code: 'RULES_UNAVAILABLE',
      message: expect.stringContaining('DEADLINE_EXCEEDED') as string,
    });
    expect(client.metrics()).toMatchObject({ unavailable: 1, servers: [{ calls: 1, failures: 1 }] });
  });

  test('has the deadline once, however many servers hang: each has its share', async () => {
    const deadlines: number[] = [];
    const hang = () => scripted((call) => void deadlines.push(Number(call.getDeadline()) - Date.now()));
    const client = clientOf([await hang(), await hang()], { timeoutMs: 400 });
    await expect(client.evaluateCondition(INCOME)).rejects.toMatchObject({ code: 'RULES_UNAVAILABLE' });
    expect(deadlines).toHaveLength(2);
    for (const limitMs of deadlines) expect(limitMs).toBeLessThanOrEqual(201);
  });

  test('tells the server its deadline, so that a batch nobody waits for ends', async () => {
    let evaluated = 0;
    const slow = {
      ...{ arity: 0, cost: 1, reads: () => [], types: { takes: [], gives: 'number' as const } },
      evaluate: () => {
        for (const begun = performance.now(); performance.now() - begun < 1;);
        return ++evaluated;
      },
    };
    const { remote, server } = await world(
      { rules: { source: [], operators: defineOperators({ slow }) } },
      { timeoutMs: 50 },
    );
    const conditions = Array.from({ length: 1000 }, () => ({ expression: { slow: [] } }));
    await expect(remote.evaluateConditions(conditions)).rejects.toMatchObject({ code: 'RULES_UNAVAILABLE' });
    await vi.waitFor(() => {
      expect(server.metrics()).toMatchObject({ running: 0, failures: { ABORTED: 1 } });
    });
    expect(evaluated).toBeGreaterThan(0);
    expect(evaluated).toBeLessThan(1000);
  });

  test('that its caller gives up rejects with ABORTED, and says nothing about the server', async () => {
    const port = await scripted(() => {});
    const client = clientOf([port], { breaker: { failures: 1 } });
    const caller = new AbortController();
    const asking = client.evaluateCondition(INCOME, { signal: caller.signal });
    await vi.waitFor(() => {
      expect(client.metrics().servers[0]?.calls).toBe(1);
    });
    caller.abort();
    await expect(asking).rejects.toMatchObject({ code: 'ABORTED' });
    await expect(client.evaluateCondition(INCOME, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'ABORTED',
    });
    expect(client.metrics().servers).toMatchObject([{ state: 'closed', failures: 0 }]);
  });

  test('is not asked after close(), and one under way ends', async () => {
    const client = clientOf([await scripted(() => {})]);
    const asking = client.evaluateCondition(INCOME);
    client.close();
    await expect(asking).rejects.toMatchObject({ code: 'CLOSED' });
    await expect(client.evaluateCondition(INCOME)).rejects.toMatchObject({ code: 'CLOSED' });
  });
});

describe('the breaker of a server', () => {
  test('opens after five failures, asks nobody for thirty seconds, then lets one question through', async () => {
    const clock = fakeClock();
    let [asked, works] = [0, false];
    const answer = { value: 1 };
    const port = await scripted((_, done) => {
      asked++;
      // Field 2, value_json, "120".
      if (works) done(null, Buffer.from([0x12, 3, 0x31, 0x32, 0x30, 0x18, 1]));
      else done({ code: grpc.status.INTERNAL, details: 'broken' });
    });
    const states: RemoteRulesState['state'][] = [];
    const fallback = { evaluateCondition: async () => ({ ...answer, found: true }) };
    const client = clientOf([port], { clock, fallback, onState: ({ state }) => states.push(state) });
    for (let i = 0; i < 8; i++) expect(await client.evaluateCondition(INCOME)).toMatchObject(answer);
    expect([asked, states]).toEqual([5, ['open']]);
    await clock.advance(29_999);
    await client.evaluateCondition(INCOME);
    expect(asked).toBe(5);
    await clock.advance(1);
    await Promise.all([client.evaluateCondition(INCOME), client.evaluateCondition(INCOME)]);
    expect([asked, states]).toEqual([6, ['open', 'half-open', 'open']]);
    works = true;
    await clock.advance(30_000);
    expect(await client.evaluateCondition(INCOME)).toEqual({ value: 120, found: true });
    expect(states.at(-1)).toBe('closed');
    expect(client.metrics()).toMatchObject({ answered: 1, fallback: 11, refused: 0, unavailable: 0 });
  });

  test('does not count what the question itself is refused for', async () => {
    const { remote } = await world({}, { breaker: { failures: 1 } });
    for (let i = 0; i < 3; i++)
      await expect(remote.evaluateCondition({ expression: { nothing: 1 } })).rejects.toMatchObject({
        code: 'RULE_OPERATOR',
      });
    expect(remote.metrics()).toMatchObject({ refused: 3, servers: [{ state: 'closed', failures: 0 }] });
  });
});

describe('the fallback', () => {
  test('answers while the service cannot be reached, each of the six', async () => {
    const one = replica(database());
    const { engine, asked } = spyOn(one.local);
    const client = clientOf([await deadPort()], { fallback: engine });
    expect(await client.evaluateCondition(INCOME)).toEqual({ value: 120, found: true });
    expect((await client.evaluateConditions([INCOME])).results).toMatchObject([{ value: 120 }]);
    expect(await client.getEvaluationOrder()).toMatchObject({ total: 5 });
    expect(await client.validateDependencies()).toMatchObject({ valid: true });
    expect(await client.invalidateCache()).toMatchObject({ state: 'done' });
    expect(await client.getCacheStats()).toMatchObject({ keys: 0 });
    expect([...asked].sort()).toEqual(Object.keys(one.local).sort());
  });

  const { FAILED_PRECONDITION, INVALID_ARGUMENT, RESOURCE_EXHAUSTED, UNIMPLEMENTED } = grpc.status;
  test.each([FAILED_PRECONDITION, INVALID_ARGUMENT, RESOURCE_EXHAUSTED, UNIMPLEMENTED])(
    'is not asked about what is refused with status %i',
    async (code) => {
      const { engine, asked } = spyOn(replica(database()).local);
      const client = clientOf([await failing(code)], { fallback: engine });
      await expect(client.evaluateCondition(INCOME)).rejects.toMatchObject({ code: 'RULES_REFUSED' });
      expect(asked).toEqual([]);
    },
  );

  const { CANCELLED, DATA_LOSS, INTERNAL, UNAVAILABLE, UNKNOWN } = grpc.status;
  test.each([CANCELLED, DATA_LOSS, INTERNAL, UNAVAILABLE, UNKNOWN])(
    'is asked where the service fails with status %i',
    async (code) => {
      const { engine, asked } = spyOn(replica(database()).local);
      const client = clientOf([await failing(code)], { fallback: engine });
      expect(await client.evaluateCondition(INCOME)).toMatchObject({ value: 120 });
      expect(asked).toEqual(['evaluateCondition']);
    },
  );

  test('is asked where a server answers with garbage, or its origin is gone', async () => {
    const garbage = await scripted((_, done) => done(null, Buffer.from([0xff])));
    const { engine, asked } = spyOn(replica(database()).local);
    expect(await clientOf([garbage], { fallback: engine }).evaluateCondition(INCOME)).toMatchObject({ value: 120 });
    const broken = await world({}, { fallback: engine });
    broken.db.state.down = new Error('connection refused');
    expect(await broken.remote.evaluateCondition(INCOME)).toMatchObject({ value: 120 });
    expect(asked).toHaveLength(2);
  });

  test("has its own errors' say, and one for some methods does not answer others", async () => {
    const refused = new TidemarkError('UNKNOWN_TYPE', 'none of mine');
    const fallback = { evaluateCondition: () => Promise.reject(refused) };
    const client = clientOf([await deadPort()], { fallback });
    await expect(client.evaluateCondition(INCOME)).rejects.toBe(refused);
    await expect(client.getEvaluationOrder()).rejects.toMatchObject({ code: 'RULES_UNAVAILABLE' });
  });

  test('answers alone where the service is not enabled', async () => {
    const { engine, asked } = spyOn(replica(database()).local);
    const { server } = await world();
    const client = clientOf([server.port], { enabled: false, fallback: engine });
    expect(await client.evaluateCondition(INCOME)).toMatchObject({ value: 120 });
    expect([asked, server.metrics().calls.EvaluateCondition]).toEqual([['evaluateCondition'], 0]);
    await expect(clientOf([server.port], { enabled: false }).evaluateCondition(INCOME)).rejects.toMatchObject({
      code: 'RULES_UNAVAILABLE',
    });
  });
});

describe('several servers', () => {
  test('are asked in turn', async () => {
    const [a, b] = await Promise.all([served(replica(database())), served(replica(database()))]);
    const client = clientOf([a.port, b.port]);
    for (let i = 0; i < 6; i++) await client.evaluateCondition(INCOME);
    expect([a, b].map((server) => server.metrics().calls.EvaluateCondition)).toEqual([3, 3]);
  });

  test('stand in for each other before the fallback does', async () => {
    const alive = await served(replica(database()));
    const { engine, asked } = spyOn(replica(database()).local);
    const client = clientOf([await deadPort(), alive.port], { fallback: engine });
    for (let i = 0; i < 20; i++) expect(await client.evaluateCondition(INCOME)).toMatchObject({ value: 120 });
    expect(asked).toEqual([]);
    expect(client.metrics().servers).toMatchObject([
      { state: 'open', calls: 5, failures: 5 },
      { state: 'closed', calls: 20, failures: 0 },
    ]);
  });

  test('of which one refuses a question are not asked it again', async () => {
    const [a, b] = await Promise.all([served(replica(database())), served(replica(database()))]);
    const client = clientOf([a.port, b.port]);
    await expect(client.evaluateCondition({ ...INCOME, type: 'planet' })).rejects.toMatchObject({
      code: 'UNKNOWN_TYPE',
    });
    expect(a.metrics().calls.EvaluateCondition + b.metrics().calls.EvaluateCondition).toBe(1);
  });
});

test.each([
  [{ timeoutMs: 0 }, 'timeoutMs'],
  [{ breaker: { failures: 0 } }, 'breaker.failures'],
  [{ breaker: { openMs: -1 } }, 'breaker.openMs'],
  [{ addresses: [] }, 'addresses'],
  [{ port: 70_000, addresses: undefined }, 'port'],
])('options that cannot work are refused: %j', (options, name) => {
  expect(() => clientOf([1], options)).toThrow(
    expect.objectContaining({ code: 'INVALID_OPTION', message: expect.stringContaining(name) as string }) as Error,
  );
});
