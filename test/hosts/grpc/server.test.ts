import { describe, expect, test, vi } from 'vitest';
import { SERVICE } from '../../../src/hosts/grpc/messages.js';
import { serveRules } from '../../../src/hosts/grpc/index.js';
import { memory } from '../../../src/index.js';
import type { Marks } from '../../../src/contract.js';
import { fakeClock } from '../../../src/testing/index.js';
import { rawClient } from './raw.js';
import { clientOf, database, replica, rule, served, world } from './world.js';

const INCOME = { type: 'settlement', id: 's1', field: 'income' };

/** Marks that can be cut off. */
function cuttable() {
  const shared = memory();
  const link = { cut: false };
  const marks: Marks = {
    ...shared.marks,
    partitions: shared.marks.partitions,
    read: (...args) => (link.cut ? Promise.reject(new Error('cut')) : shared.marks.read(...args)),
    bump: (...args) => (link.cut ? Promise.reject(new Error('cut')) : shared.marks.bump(...args)),
    heads: () => (link.cut ? Promise.reject(new Error('cut')) : shared.marks.heads()),
    newEpoch: (...args) => shared.marks.newEpoch(...args),
    watch: (...args) => shared.marks.watch(...args),
    close: () => shared.marks.close(),
  };
  return { link, marks };
}

describe('health', () => {
  test('is told of the service, of all together, and of nothing else', async () => {
    const { server } = await world();
    const raw = rawClient(server.port);
    for (const service of ['', SERVICE, 'liveness']) expect(await raw.check(service)).toBe('SERVING');
    expect(await raw.check('another')).toBe('NOT_FOUND');
    expect(server.metrics().ready).toBe(1);
  });

  test('says not ready while marks cannot be reached, though alive', async () => {
    const { link, marks } = cuttable();
    const { port } = await served(replica(database(), { marks }), { probeMs: 1 });
    const raw = rawClient(port);
    expect(await raw.check(SERVICE)).toBe('SERVING');
    link.cut = true;
    await vi.waitFor(async () => {
      expect(await raw.check(SERVICE)).toBe('NOT_SERVING');
    });
    expect(await raw.check('liveness')).toBe('SERVING');
    link.cut = false;
    await vi.waitFor(async () => {
      expect(await raw.check(SERVICE)).toBe('SERVING');
    });
  });

  test("says not ready while the host's own probe fails, or does not end", async () => {
    const clock = fakeClock();
    const db = { answers: async (): Promise<unknown> => 1 };
    const { port } = await served(replica(database()), { clock, probe: () => db.answers(), probeMs: 1000 });
    const raw = rawClient(port);
    expect(await raw.check('')).toBe('SERVING');
    db.answers = () => Promise.reject(new Error('connection refused'));
    expect(await raw.check('')).toBe('SERVING');
    await clock.advance(1000);
    expect(await raw.check('')).toBe('NOT_SERVING');
    db.answers = () => new Promise(() => {});
    await clock.advance(1000);
    const checking = raw.check('');
    await vi.waitFor(async () => {
      await clock.advance(100);
      expect(await Promise.race([checking, Promise.resolve('waiting')])).toBe('NOT_SERVING');
    });
  });

  test('says not ready when three answers in a row failed at the origin, and tries again after five seconds', async () => {
    const clock = fakeClock();
    const db = database();
    const one = await served(replica(db), { clock });
    const [raw, client] = [rawClient(one.port), clientOf([one.port])];
    const fail = () => expect(client.evaluateCondition(INCOME)).rejects.toMatchObject({ code: 'RULES_UNAVAILABLE' });
    db.state.down = new Error('connection refused');
    for (let i = 0; i < 2; i++) await fail();
    expect(await raw.check('')).toBe('SERVING');
    await fail();
    expect(await raw.check('')).toBe('NOT_SERVING');
    await clock.advance(5000);
    expect(await raw.check('')).toBe('SERVING');
    await fail();
    expect(await raw.check('')).toBe('NOT_SERVING');
    db.state.down = null;
    await client.evaluateCondition(INCOME);
    expect(await raw.check('')).toBe('SERVING');
  });

  test('can be watched: it tells what is so, each change once, and the end', async () => {
    const clock = fakeClock();
    let works = true;
    const probe = () => (works ? Promise.resolve() : Promise.reject(new Error('gone')));
    const server = await served(replica(database()), { clock, probe });
    const raw = rawClient(server.port);
    const [ready, alive, unknown] = [raw.watch(''), raw.watch('liveness'), raw.watch('another')];
    const hears = (said: readonly string[]) =>
      vi.waitFor(async () => {
        await clock.advance(250);
        expect(ready.said).toEqual(said);
      });
    await hears(['SERVING']);
    works = false;
    await hears(['SERVING', 'NOT_SERVING']);
    works = true;
    await hears(['SERVING', 'NOT_SERVING', 'SERVING']);
    await clock.advance(10_000);
    await server.close();
    await hears(['SERVING', 'NOT_SERVING', 'SERVING', 'NOT_SERVING', 'end']);
    expect(new Set(alive.said.slice(0, -1))).toEqual(new Set(['SERVING']));
    expect(unknown.said).toEqual(['SERVICE_UNKNOWN', 'end']);
  });

  test('that nobody watches any more is not looked after', async () => {
    const clock = fakeClock();
    const server = await served(replica(database()), { clock });
    const watching = rawClient(server.port).watch('');
    await vi.waitFor(() => {
      expect(clock.timers).toBe(1);
    });
    watching.cancel();
    await vi.waitFor(() => {
      expect(clock.timers).toBe(0);
    });
  });
});

describe('close()', () => {
  test('waits for the answers under way, and takes no more questions', async () => {
    const db = database();
    const server = await served(replica(db), { drainMs: 10_000 });
    const client = clientOf([server.port]);
    let open = (_?: unknown): void => {};
    db.state.gate = new Promise((resolve) => (open = resolve));
    const asking = client.evaluateCondition(INCOME);
    await vi.waitFor(() => {
      expect(server.metrics().running).toBe(1);
    });
    let closed = false;
    const closing = server.close().then(() => (closed = true));
    await expect(clientOf([server.port]).evaluateCondition(INCOME)).rejects.toMatchObject({
      code: 'RULES_UNAVAILABLE',
    });
    expect([closed, server.metrics().ready]).toEqual([false, 0]);
    open();
    expect(await asking).toMatchObject({ value: 120 });
    await closing;
    await server.close();
  });

  test('ends what is left after drainMs', async () => {
    const clock = fakeClock();
    const db = database();
    const server = await served(replica(db), { clock, drainMs: 3000 });
    db.state.gate = new Promise(() => {});
    const asking = expect(clientOf([server.port]).evaluateCondition(INCOME)).rejects.toMatchObject({
      code: 'RULES_UNAVAILABLE',
    });
    await vi.waitFor(() => {
      expect(server.metrics().running).toBe(1);
    });
    const closing = server.close();
    await clock.advance(2999);
    expect(server.metrics().running).toBe(1);
    await clock.advance(1);
    await asking;
    await closing;
  });
});

describe('a server', () => {
  test('counts what it does, in plain numbers', async () => {
    const { remote, server } = await world();
    await remote.evaluateCondition(INCOME);
    await expect(remote.evaluateCondition({ expression: { nothing: 1 } })).rejects.toThrow();
    const { busyMs, ...counts } = server.metrics();
    expect(counts).toMatchObject({
      calls: { EvaluateCondition: 2, EvaluateConditions: 0 },
      failures: { RULE_OPERATOR: 1 },
      ...{ running: 0, ready: 1 },
    });
    expect(busyMs).toBeGreaterThan(0);
    expect(JSON.parse(JSON.stringify(counts))).toEqual(counts);
  });

  test('that cannot listen says where', async () => {
    const { server, tide } = await world();
    await expect(serveRules({ tide, port: server.port })).rejects.toMatchObject({
      code: 'RULES_UNAVAILABLE',
      message: expect.stringContaining(`127.0.0.1:${String(server.port)}`) as string,
    });
    await expect(serveRules({ tide, port: -1 })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  });

  test('says by status and code what was wrong', async () => {
    const { db, server, tide } = await world();
    const raw = rawClient(server.port);
    const field = Buffer.from([0x22, 8, 0x12, 6, 0x0a, 1, 0x78, 0x12, 1, 0x79]);
    expect(await raw.ask('EvaluateCondition', field)).toMatchObject({
      status: 'INVALID_ARGUMENT',
      code: 'UNKNOWN_TYPE',
    });
    db.rules.set('settlement.income', rule('settlement.income', { var: 'settlement.kingdom.wealth' }));
    await tide.change({ subjects: [tide.subject.rules('settlement', 'all')] });
    expect(await raw.ask('GetEvaluationOrder')).toMatchObject({
      ...{ status: 'FAILED_PRECONDITION', code: 'RULE_CYCLE' },
      details: expect.stringContaining('kingdom.wealth → kingdom.settlements') as string,
    });
    await tide.close();
    expect(await raw.ask('GetEvaluationOrder')).toMatchObject({ status: 'UNAVAILABLE', code: 'CLOSED' });
  });
});
