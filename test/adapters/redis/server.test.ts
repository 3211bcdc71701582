import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { redis, redisMarks } from '../../../src/adapters/redis/index.js';
import type { Bump, Head, Marks, SubjectKey } from '../../../src/contract.js';
import { createTidemark, defineModel, entity } from '../../../src/index.js';
import { entitySubject } from '../../../src/subject.js';
import { fakeClock } from '../../../src/testing/index.js';
import type { RedisServer } from '../../../scripts/services.mjs';
import { besideEntries } from '../../contract/beside.js';
import { openProxy } from '../../faults/proxy.js';
import { clientOf, clientsOf, describeOwn, ownServer } from '../../services/own.js';

const ankh = entitySubject('settlement', 'ankh', 'main');
const many = (count: number): SubjectKey[] =>
  Array.from({ length: count }, (_, i) => entitySubject('settlement', String(i), 'main'));
const change = { changeId: 'change', nonce: 'nonce' };
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** A watcher that keeps what it is told. */
async function watching(marks: Marks): Promise<{ readonly bumps: Bump[]; readonly gaps: (number | undefined)[] }> {
  const [bumps, gaps]: [Bump[], (number | undefined)[]] = [[], []];
  await marks.watch({ onBump: (bump) => bumps.push(bump), onGap: (partition) => gaps.push(partition) });
  return { bumps, gaps };
}

const headIn = async (marks: Marks): Promise<Head> => (await marks.heads())[0] as Head;

describeOwn('a server on its own', () => {
  describe('scripts', () => {
    test('are sent again to a server that has forgotten them', async () => {
      const server = await ownServer();
      const { store, marks, bus } = redis(clientsOf(server));
      const use = async (): Promise<void> => {
        await marks.bump([ankh], change);
        await marks.read([ankh]);
        await store.setIfAbsent('key', bytes('value'), 60_000);
        await store.getMany(['key']);
        await bus.publish('topic', bytes('message'), { id: String(server.cli('time')) });
      };
      await use();
      server.cli('script', 'flush');
      await Promise.all([use(), use()]);
      expect((await headIn(marks)).head).toBe(3);
    });

    test('of marks run when memory is full, for entries there is none left', async () => {
      const server = await ownServer();
      const { store, marks } = redis(clientsOf(server));
      await marks.bump([ankh], change);
      server.cli('config', 'set', 'maxmemory', '1');
      await expect(store.setMany([{ key: 'key', value: bytes('value') }])).rejects.toThrow(/^OOM/);
      await marks.bump(many(10), change);
      const { position, epoch } = (await marks.read([ankh])).tokens[0] ?? expect.fail('a token');
      const head = await marks.newEpoch(0, epoch);
      expect([position, head.from]).toEqual([1, { epoch, head: 0 }]);
    });

    test('are tried again for as long as a server takes to become primary, and no longer', async () => {
      const server = await ownServer();
      const marks = redisMarks(clientsOf(server));
      await marks.bump([ankh], change);
      server.cli('replicaof', '127.0.0.1', '1');
      const bump = marks.bump([ankh], change);
      await pause(100);
      server.cli('replicaof', 'no', 'one');
      expect(await bump).toMatchObject([{ position: 2 }]);
      server.cli('replicaof', '127.0.0.1', '1');
      await expect(marks.bump([ankh], change)).rejects.toThrow(/^READONLY/);
      await expect(marks.read([ankh])).rejects.toThrow(/^READONLY/);
    });

    test('serve clients that pipeline by themselves', async () => {
      const server = await ownServer();
      const { store, marks } = redis({ ...clientsOf(server, { enableAutoPipelining: true }), partitions: 4 });
      await store.setMany([{ key: 'key', value: bytes('value') }]);
      const [bumps] = await Promise.all([marks.bump(many(20), change), store.getMany(['key'])]);
      expect(bumps).toHaveLength(4);
      expect((await marks.read(many(20))).tokens.every(({ position }) => position === 1)).toBe(true);
    });
  });

  describe('round trips', () => {
    /** Commands that clients sent while `run` ran; what scripts call inside is not counted. */
    async function commandsOf(server: RedisServer, run: () => Promise<unknown>): Promise<Record<string, number>> {
      const outer = ['evalsha', 'eval', 'set', 'mget', 'unlink', 'ping', 'publish', 'subscribe'];
      server.cli('config', 'resetstat');
      await run();
      const stats = server.cli('info', 'commandstats');
      const calls = [...stats.matchAll(/^cmdstat_(\w+):calls=(\d+)/gm)].map(
        ([, name = '', n]) => [name, Number(n)] as const,
      );
      const inner = calls.some(([name]) => name === 'evalsha') ? ['mget', 'unlink', 'publish', 'set'] : [];
      return Object.fromEntries(calls.filter(([name]) => outer.includes(name) && !inner.includes(name)));
    }

    test('one for entries with all marks that they name, one to fill, one per change, one for a hundred keys', async () => {
      const server = await ownServer();
      const { store, marks, bus } = redis(clientsOf(server));
      const keys = Array.from({ length: 100 }, (_, i) => `key ${String(i)}`);
      const fetch = marks.fetchFrom?.(store) ?? expect.fail('a way to fetch from that store');
      const verbs: readonly (readonly [what: string, run: () => Promise<unknown>, commands: Record<string, number>])[] =
        [
          ['fill', () => store.setMany([{ key: 'entry', value: besideEntries.entry(many(200)) }]), { set: 1 }],
          ['change', () => marks.bump(many(40), change), { evalsha: 1 }],
          ['hit', () => fetch(['entry'], many(3), besideEntries.subjectsOf), { evalsha: 1 }],
          ['marks', () => marks.read(many(1000)), { evalsha: 1 }],
          ['heads', () => marks.heads(), { evalsha: 1 }],
          ['a hundred', () => store.getMany(keys), { evalsha: 1 }],
          ['deletion', () => store.deleteMany(keys), { evalsha: 1 }],
          ['lease', () => store.setIfAbsent('lease', bytes('mine'), 1000), { evalsha: 1 }],
          [
            'publication',
            () => bus.publish('topic', bytes('message'), { id: String(performance.now()) }),
            { evalsha: 1 },
          ],
          ['history', () => bus.read('topic', undefined, 100), { evalsha: 1 }],
        ];
      for (const [, run] of verbs) await run(); // scripts are known from here on
      for (const [what, run, commands] of verbs)
        expect([what, await commandsOf(server, run)]).toEqual([what, commands]);
    });

    test('one for what another replica has loaded, and one for a change', async () => {
      const server = await ownServer();
      const model = defineModel({ entities: { settlement: entity<{ readonly id: string }>()({}) } });
      const origin = { settlement: { byIds: (ids: readonly string[]) => ids.map((id) => ({ id })) } };
      const open = async () => {
        const shared = redis(clientsOf(server));
        const tide = createTidemark({ model, origin, ...shared, clock: fakeClock() }); // no check of heads in between
        onTestFinished(() => tide.close());
        await tide.ready();
        await tide.get('settlement', 'another');
        return { tide, ...shared };
      };
      const [first, second] = [await open(), await open()];
      await first.tide.get('settlement', 'ankh');
      await vi.waitFor(async () => {
        const stored: string[] = [];
        for await (const page of first.store.scan('*ankh*')) stored.push(...page);
        expect(stored).toHaveLength(1);
        // The lease is given back behind the value.
        expect(server.cli('keys', '*tm1:l:*')).toBe('\n');
      });
      expect(await commandsOf(server, () => second.tide.get('settlement', 'ankh'))).toEqual({ evalsha: 1 });
      const changed = (id: string) => second.tide.change({ type: 'settlement', id, op: 'update' });
      await changed('another'); // scripts are known from here on
      // The bump, and its event on all topics.
      expect(await commandsOf(server, () => changed('ankh'))).toEqual({ evalsha: 2 });
    });

    test('one per change and one per read with several partitions on one server', async () => {
      const server = await ownServer();
      const { store, marks } = redis({ ...clientsOf(server), partitions: 4 });
      const fetch = marks.fetchFrom?.(store) ?? expect.fail('a way to fetch from that store');
      await store.setMany([{ key: 'entry', value: besideEntries.entry(many(100)) }]);
      const use = [
        () => marks.bump([ankh], change),
        () => marks.read(many(100)),
        () => marks.heads(),
        () => fetch(['entry'], [ankh], besideEntries.subjectsOf),
      ];
      for (const run of use) await run();
      for (const run of use) expect(await commandsOf(server, run)).toEqual({ evalsha: 1 });
      const { subjects, read } = await fetch(['entry'], [ankh], besideEntries.subjectsOf);
      expect([subjects.length, read.heads.length]).toEqual([101, 4]);
    });
  });

  describe('a partition', () => {
    test('has another epoch after a restart, which knows of the old one what the copy on disk did', async () => {
      const server = await ownServer();
      const marks = redisMarks(clientsOf(server));
      const { gaps } = await watching(marks);
      const [kept] = await marks.bump([ankh], change);
      server.cli('save');
      await marks.bump([ankh], change); // not in the copy
      await server.restart();
      const head = await headIn(marks);
      expect(head).toEqual({ ...head, head: 0, nonce: '', from: { epoch: kept?.epoch, head: 1 } });
      expect(head.epoch).not.toBe(kept?.epoch);
      expect(await headIn(marks)).toEqual(head);
      expect((await marks.read([ankh])).tokens).toEqual([{ epoch: head.epoch, position: 0, nonce: '' }]);
      await vi.waitFor(() => {
        expect(gaps.length).toBeGreaterThanOrEqual(2); // gone, and back
      });
    });

    test.each(['read', 'bump', 'newEpoch', 'fetch'])('has it from whichever call comes first: %s', async (verb) => {
      const server = await ownServer();
      const { store, marks } = redis(clientsOf(server));
      const [{ epoch }] = (await marks.bump([ankh], change)) as [Bump];
      server.cli('save');
      await server.restart();
      if (verb === 'read') await marks.read([ankh]);
      if (verb === 'bump') expect(await marks.bump([ankh], change)).toMatchObject([{ prev: 0, position: 1 }]);
      if (verb === 'newEpoch') await marks.newEpoch(0, epoch);
      if (verb === 'fetch') await marks.fetchFrom?.(store)?.([], [ankh], () => []);
      const head = await headIn(marks);
      expect([head.from, head.epoch === epoch]).toEqual([{ epoch, head: 1 }, false]);
    });

    test('starts another epoch rather than hold more subjects than it may', async () => {
      const server = await ownServer();
      const marks = redisMarks({ ...clientsOf(server), maxMarks: 10 });
      const [first] = await marks.bump(many(10), change);
      const [second] = await marks.bump(many(10), change);
      expect([first?.epoch === second?.epoch, second?.position]).toEqual([false, 1]);
      expect((await headIn(marks)).from).toEqual({ epoch: first?.epoch, head: 1 });
      const [third] = await marks.bump([ankh], change);
      expect([third?.epoch === second?.epoch, third?.position]).toEqual([false, 1]);
      expect(Number(server.cli('hlen', 'tm1:p:{0}'))).toBe(1 + 9);
    });

    test('tells its watchers when it starts another epoch, whoever asked for it', async () => {
      const server = await ownServer();
      const [here, there] = [redisMarks(clientsOf(server)), redisMarks(clientsOf(server))];
      const { gaps } = await watching(there);
      await here.newEpoch(0, (await headIn(here)).epoch);
      await vi.waitFor(() => {
        expect(gaps).toEqual([0]);
      });
    });

    test('is a different one in every database, channels included', async () => {
      const server = await ownServer();
      const [first, second] = [redisMarks(clientsOf(server)), redisMarks(clientsOf(server, { db: 1 }))];
      const { bumps } = await watching(second);
      await first.bump([ankh], change);
      expect((await second.read([ankh])).tokens[0]?.position).toBe(0);
      const own = await second.bump([ankh], change);
      await vi.waitFor(() => {
        expect(bumps).toEqual(own);
      });
    });
  });

  describe('connections', () => {
    test('lost and made again are a gap, and what is bumped after that is heard', async () => {
      const server = await ownServer();
      const { marks, bus } = redis(clientsOf(server));
      const { bumps, gaps } = await watching(marks);
      const states: string[] = [];
      let busGaps = 0;
      await bus.subscribe('topic', {
        onMessage: () => {},
        onGap: () => void busGaps++,
        onState: (state) => states.push(state),
      });
      for (let cut = 1; cut <= 3; cut++) {
        server.cli('client', 'kill', 'type', 'pubsub');
        await vi.waitFor(() => {
          expect([gaps.length, busGaps]).toEqual([2 * cut, cut]);
        });
        const bump = await marks.bump([ankh], change);
        await vi.waitFor(() => {
          expect(bumps.at(-1)).toEqual(bump[0]);
        });
      }
      expect(states).toEqual(['recovering', 'live', 'recovering', 'live', 'recovering', 'live']);
    });

    test('of two adapters over one client are not ended by one of them', async () => {
      const server = await ownServer();
      const clients = clientsOf(server);
      const [staying, leaving] = [redisMarks(clients), redisMarks(clients)];
      const { bumps } = await watching(staying);
      await watching(leaving);
      await leaving.close();
      const bump = await staying.bump([ankh], change);
      await vi.waitFor(() => {
        expect(bumps).toEqual(bump);
      });
      await staying.close();
      await vi.waitFor(() => {
        expect(server.cli('pubsub', 'channels')).toBe('\n');
      });
    });

    test('that cannot be made are no unhandled error, and close() does not wait for them', async () => {
      const said = vi.spyOn(console, 'error');
      onTestFinished(() => {
        said.mockRestore();
      });
      const server = await ownServer();
      const options = { maxRetriesPerRequest: 1, retryStrategy: () => 20 };
      const { store, marks, bus } = redis(clientsOf(server, options));
      await watching(marks);
      await bus.subscribe('topic', { onMessage: () => {}, onGap: () => {} });
      await server.kill();
      await expect(marks.read([ankh])).rejects.toThrow();
      await expect(store.getMany(['key'])).rejects.toThrow();
      await expect(bus.publish('topic', bytes('message'), { id: '1' })).rejects.toThrow();
      await expect(marks.watch({ onBump: () => {}, onGap: () => {} })).rejects.toThrow();
      await Promise.all([store.close(), marks.close(), bus.close()]);
      expect(said).not.toHaveBeenCalled();
    });
  });

  test('a subscriber that ends before it is subscribed again ends no process', { timeout: 10_000 }, async () => {
    const server = await ownServer();
    const link = await openProxy({ host: '127.0.0.1', port: server.port });
    onTestFinished(() => link.close());
    const unhandled: unknown[] = [];
    const listener = (reason: unknown): void => void unhandled.push(reason);
    process.on('unhandledRejection', listener);
    onTestFinished(() => void process.off('unhandledRejection', listener));
    const subscriber = clientOf(link, { maxRetriesPerRequest: null, retryStrategy: () => 20 });
    const { bus } = redis({ client: clientOf(server), subscriber });
    const told: string[] = [];
    await bus.subscribe('topic', {
      onMessage: ({ bytes: message }) => void told.push(new TextDecoder().decode(message)),
      onGap: () => void told.push('gap'),
    });
    const backAgain = async (): Promise<void> => {
      const back = new Promise((resolve) => subscriber.once('ready', resolve));
      link.cut();
      await back;
    };
    await backAgain();
    await vi.waitFor(() => {
      expect(told).toEqual(['gap']);
    });
    await bus.publish('topic', bytes('message'), { id: '1' });
    await vi.waitFor(() => {
      expect(told).toContain('message');
    });
    await backAgain();
    link.hold('down');
    const ended = new Promise((resolve) => subscriber.once('end', resolve));
    subscriber.disconnect();
    await ended;
    await new Promise((resolve) => setImmediate(resolve));
    expect(unhandled).toEqual([]);
  });

  describe('a topic', () => {
    test('begins anew after a restart: what its readers missed cannot be known', async () => {
      const server = await ownServer();
      const { bus } = redis(clientsOf(server));
      const before = await bus.publish('topic', bytes('saved'), { id: '1' });
      server.cli('save');
      await bus.publish('topic', bytes('not saved'), { id: '2' });
      await server.restart();
      const after = await bus.publish('topic', bytes('new'), { id: '3' });
      expect([after.offset, after.epoch === before.epoch]).toEqual([1, false]);
      expect(await bus.read('topic', before, 10)).toMatchObject({ truncated: true, top: after });
    });

    test('outlives its messages, so that its offsets go on', async () => {
      const server = await ownServer();
      const { bus } = redis({ ...clientsOf(server), historyMs: 50 });
      const first = await bus.publish('topic', bytes('first'), { id: '1' });
      await pause(80);
      expect(await bus.read('topic', { ...first, offset: 0 }, 10)).toEqual({
        messages: [],
        top: first,
        truncated: true,
      });
      expect(await bus.read('topic', first, 10)).toEqual({ messages: [], top: first, truncated: false });
      expect(await bus.publish('topic', bytes('second'), { id: '2' })).toEqual({ ...first, offset: 2 });
    });
  });

  test('the memory that it says is that of the server, and what is no value of the store is not counted', async () => {
    const server = await ownServer({ maxmemory: '100mb', 'maxmemory-policy': 'volatile-lru' });
    const { store, marks, bus } = redis({ ...clientsOf(server), prefix: 'app:' });
    const client = clientOf(server);
    await marks.bump(many(10), change);
    await bus.publish('topic', bytes('message'), { id: '1' });
    await client.set('foreign:key', 'value');
    await store.setIfNewer('gone:1', null, { epoch: 'e', position: 1 });
    await store.setMany(Array.from({ length: 5000 }, (_, i) => ({ key: `many:${String(i)}`, value: bytes('value') })));
    const info = await store.info();
    expect(info).toMatchObject({ memoryLimitBytes: 100 * 2 ** 20, policy: 'volatile-lru' });
    expect(info.memoryUsedBytes).toBeGreaterThan(500_000);
    expect(Object.keys(info.keyCountByType)).toEqual(['many']);
    expect(info.keyCountByType['many']).toBeGreaterThan(4900);
    expect(info.keyCountByType['many']).toBeLessThan(5100);
  });
});
