import { expect, onTestFinished, test, vi } from 'vitest';
import { type PgBusOptions, pgBus } from '../../../src/adapters/postgres/index.js';
import type { Bus, BusPosition } from '../../../src/contract.js';
import { describeOwnPostgres, ownPostgres, poolOf } from '../../services/own-postgres.js';
import { type SharedDatabase, describeReplicas, recording } from '../../services/replicas.js';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const large = (size: number): Uint8Array => Uint8Array.from({ length: size }, (_, i) => (i * 31 + (i >> 8)) & 0xff);

/** Offsets, sizes of messages above 100 bytes, gaps and states, in the order told. */
async function listening(bus: Bus, topic: string) {
  const told: string[] = [];
  const messages: Uint8Array[] = [];
  await bus.subscribe(topic, {
    onMessage: (message) => {
      messages.push(message.bytes);
      told.push(String(message.position.offset));
    },
    onGap: () => void told.push('gap'),
    onState: (state) => void told.push(state),
  });
  return { told, messages };
}

describeReplicas('a bus in Postgres beyond the contract', (shared: () => SharedDatabase) => {
  function open(options: Partial<PgBusOptions> = {}): Bus {
    const { here: pool, schema } = shared();
    const bus = pgBus({ pool, schema, ...options });
    onTestFinished(() => bus.close());
    return bus;
  }
  const rows = async (text: string): Promise<readonly Record<string, unknown>[]> =>
    (await shared().here.query<Record<string, unknown>>(text.replaceAll('$', shared().schema))).rows;

  test('messages of any size are heard by another replica as they were, in order, small ones behind large ones', async () => {
    await shared().reset();
    const [bus, peer] = [open(), open({ pool: shared().there })];
    const { told, messages } = await listening(peer, 't');
    const sizes = [1_000_000, 0, 5699, 5700, 5701, 7999, 1_500_000, 1];
    await Promise.all(sizes.map((size, i) => bus.publish('t', large(size), { id: String(i) })));
    await vi.waitFor(
      () => {
        expect(told).toEqual(sizes.map((_, i) => String(i + 1)));
      },
      { timeout: 5000 },
    );
    expect(messages.map((message, i) => Buffer.compare(message, large(sizes[i] as number)))).toEqual(
      sizes.map(() => 0),
    );
  });

  test('a message too long to be announced that is gone before it is read is a gap', async () => {
    await shared().reset();
    const [bus, peer] = [open({ history: 1 }), open({ pool: shared().there })];
    const { told } = await listening(peer, 't');
    await shared().here.query(`create function ${shared().schema}.lose() returns trigger language plpgsql as $$
      begin delete from ${shared().schema}.message where position = 1; return null; end $$`);
    await rows(
      `create constraint trigger lose after insert on $.message deferrable initially deferred for each row execute function $.lose()`,
    );
    await bus.publish('t', large(10_000), { id: '1' });
    await rows('drop trigger lose on $.message');
    await bus.publish('t', bytes('2'), { id: '2' });
    await vi.waitFor(() => {
      expect(told).toEqual(['gap', '2']);
    });
  });

  test('what is published at once goes by one statement, and what comes meanwhile by the next', async () => {
    await shared().reset();
    const { pool, texts } = recording(shared().here);
    const bus = open({ pool });
    const publish = (i: number) => bus.publish(`t${String(i % 7)}`, bytes(String(i)), { id: String(i) });
    await Promise.all(Array.from({ length: 100 }, (_, i) => publish(i)));
    expect(texts).toHaveLength(1);
    const later = [publish(100)];
    await Promise.resolve();
    for (let i = 101; i < 150; i++) later.push(publish(i));
    await Promise.all(later);
    expect(texts.length).toBeLessThanOrEqual(3);
  });

  test('batches over the same topics from several replicas wait for each other and never in a circle', async () => {
    await shared().reset();
    const [here, there] = [recording(shared().here), recording(shared().there)];
    const buses = [here, there, here, there].map(({ pool }) => open({ pool }));
    const positions = await Promise.all(
      Array.from({ length: 400 }, (_, i) =>
        (buses[i % 4] as Bus).publish(`t${String((i * 7919) % 11)}`, bytes(''), { id: String(i) }),
      ),
    );
    expect([here.failures, there.failures]).toEqual([[], []]);
    const seen = new Set(positions.map(({ epoch, offset }) => `${epoch} ${String(offset)}`));
    expect(seen.size).toBe(400);
  });

  test('topics and ids longer than an index takes, and of any characters, are kept apart', async () => {
    await shared().reset();
    const bus = open();
    const text = Array.from({ length: 4000 }, (_, i) => String.fromCharCode(33 + ((i * i * 31 + i * 7) % 90))).join('');
    const names = [`${text}a`, `${text}b`, '\u0000', '\ud800', '\udc00', '\ufffd', ''];
    const heard = await Promise.all(names.map((topic) => listening(bus, topic)));
    for (const topic of names) for (const id of names) await bus.publish(topic, bytes(topic), { id });
    for (const topic of names) await bus.publish(topic, bytes(topic), { id: names[0] as string }); // again
    await vi.waitFor(() => {
      expect(heard.map(({ told }) => told)).toEqual(names.map(() => ['1', '2', '3', '4', '5', '6', '7']));
    });
  });

  test('a topic that nobody uses loses its messages in pages, a day later its row', async () => {
    await shared().reset();
    const bus = open({ historyMs: 60_000, history: 5000 });
    const publish = (topic: string, count: number, first = 0): Promise<BusPosition[]> =>
      Promise.all(Array.from({ length: count }, (_, i) => bus.publish(topic, bytes(''), { id: String(first + i) })));
    const [start] = (await publish('old', 700)) as [BusPosition];
    const old = async () =>
      (
        await rows(
          `select kept, due > now() + interval '23 hours' as "isLater", (select count(*)::int from $.message) as n from $.topic where topic = 'old'`,
        )
      )[0];
    const age = () => rows(`update $.topic set due = now() - interval '1 ms' where topic = 'old'`);
    expect(await old()).toEqual({ kept: true, isLater: false, n: 700 });
    await age();
    await bus.read('new 1', undefined, 0);
    expect(await old()).toEqual({ kept: true, isLater: false, n: 200 });
    expect(await bus.read('old', start, 1)).toMatchObject({
      truncated: true,
      messages: [{ position: { offset: 501 } }],
    });
    await bus.read('new 2', undefined, 0);
    expect(await old()).toEqual({ kept: false, isLater: true, n: 0 });
    expect(await bus.read('old', start, 10)).toMatchObject({ truncated: true, messages: [], top: { offset: 700 } });
    expect(await publish('old', 1, 700)).toEqual([{ epoch: start.epoch, offset: 701 }]);
    expect(await old()).toMatchObject({ kept: true, isLater: false });
    await rows(`update $.topic set due = now() - interval '1 ms', kept = false where topic = 'old'`);
    await bus.read('new 3', undefined, 0);
    expect(await old()).toBeUndefined();
  });

  test('a hole in the offsets and another epoch are gaps', async () => {
    await shared().reset();
    const bus = open();
    const { told } = await listening(bus, 't');
    await bus.publish('t', bytes(''), { id: 'a' });
    await rows('update $.topic set head = head + 1');
    await bus.publish('t', bytes(''), { id: 'b' });
    await rows(`update $.topic set run = 'of another server'`);
    await bus.publish('t', bytes(''), { id: 'c' });
    await vi.waitFor(() => {
      expect(told).toEqual(['1', 'gap', '3', 'gap', '1']);
    });
    expect(await rows('select count(*)::int as n from $.message')).toEqual([{ n: 1 }]);
  });

  test('a schema without the tables is said', async () => {
    const bus = open({ schema: 'public' });
    const refused = { code: 'NOT_MIGRATED' };
    await expect(bus.publish('t', bytes(''), { id: 'a' })).rejects.toMatchObject(refused);
    await expect(bus.read('t', undefined, 0)).rejects.toMatchObject(refused);
    await expect(listening(bus, 't')).rejects.toMatchObject(refused);
  });
});

describeOwnPostgres('a bus over a Postgres on its own', () => {
  test.each(['crashed', 'was stopped in order'])(
    'that %s begins new epochs, after a gap',
    { timeout: 30_000 },
    async (how) => {
      const server = await ownPostgres();
      const pool = poolOf(server);
      const bus = pgBus({ pool });
      onTestFinished(() => bus.close());
      const { told } = await listening(bus, 't');
      const before = await bus.publish('t', bytes('before'), { id: 'a' });
      await vi.waitFor(() => {
        expect(told).toEqual(['1']);
      });
      await server.kill(how === 'crashed' ? undefined : 'SIGINT');
      await server.restart();
      await vi.waitFor(
        () => {
          expect(told).toEqual(['1', 'recovering', 'gap', 'live']);
        },
        { timeout: 10_000 },
      );
      const { top, truncated } = await bus.read('t', before, 10);
      expect([top.epoch === before.epoch, top.offset, truncated]).toEqual([false, 0, true]);
      expect(await bus.publish('t', bytes('after'), { id: 'a' })).toEqual({ epoch: top.epoch, offset: 1 });
      await vi.waitFor(() => {
        expect(told.at(-1)).toBe('1');
      });
    },
  );
});
